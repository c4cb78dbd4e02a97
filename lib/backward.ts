/** The backward pass: gradients of what forward kept, scaled as forward scaled. */
import { checkFloatsOf, checkMask, type Tensor } from './arrays'
import type { CudaMemory } from './cuda-memory'
import type { DeviceArray } from './device-array'
import { backwardOnDevice, identityOnDevice } from './device-backward'
import { invalidType } from './errors'
import { checkFixed } from './fixed'
import { freshOutput } from './memory'
import { native } from './native'
import { assertObject, refuseDeviceOptions } from './options'
import { fillDescriptor, type HostPass, type Pass, rowsForBinding } from './pass'
import { type Saved, SavedPass } from './saved'
import type { Stream } from './stream'

export interface BackwardOptions<T extends Tensor | CudaMemory = Float32Array> {
  /** Where the gradient goes, of the input's length; `out: gradOutput` works in place. Default: a new array. */
  out?: T | undefined
  /** What forward returned: needed where ReLU was fused and no mask was saved. */
  output?: T | undefined
  /** On a device: where it is enqueued. Default: the legacy default stream. */
  stream?: Stream | undefined
}

interface BackwardCall {
  readonly gradOutput: Float32Array
  readonly out: Float32Array | undefined
  /** The forward's output, where the gradient depends on it. */
  readonly output: Float32Array | undefined
  readonly pass: HostPass
}

type AnyOptions = BackwardOptions<Tensor | CudaMemory> | undefined

function prepare(gradOutput: unknown, pass: HostPass, options: AnyOptions): BackwardCall {
  const { length, mask } = pass
  checkFloatsOf(gradOutput, length, 'gradOutput')
  if (mask !== undefined) checkMask(mask, length, 'saved.mask')
  let out: unknown
  let output: unknown
  if (options !== undefined) {
    assertObject(options, 'options')
    refuseDeviceOptions(options)
    ;({ out, output } = options)
    if (out !== undefined) checkFloatsOf(out, length, 'options.out')
    if (output !== undefined) checkFloatsOf(output, length, 'options.output')
  }
  const needsOutput = pass.settings.relu && mask === undefined
  if (needsOutput && output === undefined) {
    throw invalidType("the forward's output, as ReLU was fused and no mask saved,", 'options.output', output)
  }
  return {
    gradOutput: gradOutput as Float32Array,
    out: out as Float32Array | undefined,
    output: needsOutput ? (output as Float32Array) : undefined,
    pass,
  }
}

/** Backward of a pass, for callers that keep one without a `Saved`. */
export function backwardOfPass(gradOutput: unknown, pass: Pass, options: AnyOptions): Tensor {
  if (pass.records !== undefined) return backwardOnDevice(gradOutput, pass, options)
  const call = prepare(gradOutput, pass, options)
  const gradInput = call.out ?? freshOutput(pass.length)
  const descriptor = fillDescriptor(pass.settings, pass.layout, pass.draw, true)
  native.backward(call.gradOutput, gradInput, pass.mask, call.output, descriptor, rowsForBinding(pass.rows))
  return gradInput
}

/** The same in evaluation without ReLU. */
export function backwardOfIdentity(gradOutput: unknown, pass: Pass, options: AnyOptions): Tensor {
  if (pass.records !== undefined) return identityOnDevice(gradOutput, pass, options)
  const call = prepare(gradOutput, pass, options)
  const gradInput = call.out ?? freshOutput(pass.length)
  native.identity(call.gradOutput, gradInput)
  return gradInput
}

/**
 * The gradient with respect to forward's input: `gradOutput` times the scale where forward kept, +0 elsewhere. The rate is
 * a constant: no gradient flows through the active count.
 *
 * @param gradOutput as many elements as the forward's input; read only, unless it is `options.out`
 * @param saved what forward returned; it may be used any number of times
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
 * `ERR_OUT_OF_MEMORY`), with nothing written; CudaError
 */
export function jumpoutBackward<T extends Tensor>(
  gradOutput: T,
  saved: Saved,
  options?: BackwardOptions<T>,
): T
/** Memory of another library: what forward took for float32. */
export function jumpoutBackward(
  gradOutput: DeviceArray<'float32'> | CudaMemory,
  saved: Saved,
  options?: BackwardOptions<DeviceArray<'float32'> | CudaMemory>,
): DeviceArray<'float32'>
export function jumpoutBackward(gradOutput: unknown, saved: Saved, options?: AnyOptions): Tensor {
  return backwardOfPass(gradOutput, SavedPass.passOf(saved), options)
}

/** The same off the main thread, under the conditions of `jumpoutForwardAsync`. */
export async function jumpoutBackwardAsync<T extends Float32Array>(
  gradOutput: T,
  saved: Saved,
  options?: BackwardOptions<T>,
): Promise<T> {
  const pass = SavedPass.passOf(saved)
  if (pass.records !== undefined) {
    throw invalidType('what a forward on the host returned as saved', 'saved', saved)
  }
  const { out, output } = prepare(gradOutput, pass, options)
  checkFixed(gradOutput, 'gradOutput')
  checkFixed(out, 'options.out')
  checkFixed(output, 'options.output')
  checkFixed(pass.mask, 'saved.mask')
  const gradInput = out ?? freshOutput(pass.length)
  const rows = Float64Array.from(pass.rows)
  const descriptor = fillDescriptor(pass.settings, pass.layout, pass.draw, true)
  await native.backwardAsync(gradOutput, gradInput, pass.mask, output, descriptor, rows)
  return gradInput as T
}
