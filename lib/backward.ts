/** The backward pass: gradients of what forward kept, scaled as forward scaled. */
import { type AbortSignalLike, readSignal, unlessAborted } from './abort'
import { checkFloatsOf, checkMask, type Tensor } from './arrays'
import type { CudaMemory } from './cuda-memory'
import type { DeviceArray } from './device-array'
import { backwardOnDevice } from './device-backward'
import { invalidType } from './errors'
import { checkFixed } from './fixed'
import { native } from './native'
import { assertOptions, type NamesOf, type OptionNames, optionNames } from './option-names'
import { refuseDeviceOptions } from './options'
import { fillDescriptor, type HostPass, isIdentity, type Pass, rowsForBinding } from './pass'
import { FRESH, type Results } from './results'
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

/** The same off the main thread. */
export interface AsyncBackwardOptions<T extends Float32Array = Float32Array> extends BackwardOptions<T> {
  /** As for `jumpoutForwardAsync`. */
  signal?: AbortSignalLike | undefined
}

const NAMES: NamesOf<BackwardOptions> = { out: true, output: true, stream: true }
const BACKWARD = optionNames<BackwardOptions>('jumpoutBackward', NAMES)
const ASYNC = optionNames<AsyncBackwardOptions>('jumpoutBackwardAsync', { ...NAMES, signal: true }, false)

interface BackwardCall {
  readonly gradOutput: Float32Array
  readonly out: Float32Array | undefined
  /** The forward's output, where the gradient depends on it. */
  readonly output: Float32Array | undefined
}

type AnyOptions = BackwardOptions<Tensor | CudaMemory> | undefined

function prepare(gradOutput: unknown, pass: HostPass, options: AnyOptions, names: OptionNames): BackwardCall {
  const { length, mask } = pass
  checkFloatsOf(gradOutput, length, 'gradOutput')
  if (mask !== undefined) checkMask(mask, length, 'saved.mask')
  let out: unknown
  let output: unknown
  if (options !== undefined) {
    refuseDeviceOptions(options)
    assertOptions(options, names)
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
  }
}

/** Backward of a pass, for callers that keep one without a `Saved`, or have memory and options of their own. */
export function backwardOfPass(
  gradOutput: unknown,
  pass: Pass,
  options: AnyOptions,
  results: Results = FRESH,
  names = BACKWARD,
): Tensor {
  if (pass.records !== undefined) return backwardOnDevice(gradOutput, pass, options, results, names)
  const call = prepare(gradOutput, pass, options, names)
  const gradInput = call.out ?? results.output(call.gradOutput)
  if (isIdentity(pass)) {
    native.identity(call.gradOutput, gradInput)
  } else {
    const descriptor = fillDescriptor(pass.settings, pass.layout, pass.draw, true)
    native.backward(call.gradOutput, gradInput, pass.mask, call.output, descriptor, rowsForBinding(pass.rows))
  }
  return gradInput
}

/**
 * The gradient with respect to forward's input: `gradOutput` times the scale where forward kept, +0 elsewhere. The rate is
 * a constant: no gradient flows through the active count.
 *
 * @param gradOutput as many elements as the forward's input; read only, unless it is `options.out`
 * @param saved what a forward returned, or a layer's `call` in either mode; it may be used any number of times
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
  options?: AsyncBackwardOptions<T>,
): Promise<T> {
  const pass = SavedPass.passOf(saved)
  if (pass.records !== undefined) {
    throw invalidType('what a forward on the host returned as saved', 'saved', saved)
  }
  const { out, output } = prepare(gradOutput, pass, options, ASYNC)
  const signal = readSignal(options?.signal)
  checkFixed(gradOutput, 'gradOutput')
  checkFixed(out, 'options.out')
  checkFixed(output, 'options.output')
  checkFixed(pass.mask, 'saved.mask')
  const gradInput = out ?? FRESH.output(gradOutput)
  await unlessAborted(signal, (turn) => {
    if (isIdentity(pass)) return native.identityAsync(gradOutput, gradInput, turn)
    const rows = Float64Array.from(pass.rows)
    const descriptor = fillDescriptor(pass.settings, pass.layout, pass.draw, true)
    return native.backwardAsync(gradOutput, gradInput, pass.mask, output, descriptor, rows, turn)
  })
  return gradInput as T
}
