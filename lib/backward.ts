/** The backward pass: gradients of the elements that forward kept, times forward's scale. */
import type { CudaMemory, DeviceArray, StreamedOptions, Tensor } from './cuda/array'
import { invalidType } from './errors'
import {
  type AbortSignalLike,
  backwardAsync,
  type Host,
  type NewFloat32Array,
  readSignal,
} from './host/place'
import { type NamesOf, type OptionNames, optionNames } from './option-names'
import { type BackwardCall, isIdentity, type Kinds, type Memory, type Pass } from './pass'
import { passOf, type Saved } from './saved'

/** Options of {@link jumpoutBackward}. */
export interface BackwardOptions<T extends Tensor | CudaMemory = Float32Array> extends StreamedOptions {
  /** Where the gradient goes, of the input's length; `out: gradOutput` works in place. Default: a new array. */
  out?: T | undefined
  /** Forward's output, of the same length. Needed only with `relu: true` and `saveMask: false`. */
  output?: T | undefined
}

/** Options of {@link jumpoutBackwardAsync}. */
export interface AsyncBackwardOptions<T extends Float32Array = Float32Array> extends Omit<
  BackwardOptions<T>,
  'stream'
> {
  /** As for {@link jumpoutForwardAsync}. */
  signal?: AbortSignalLike | undefined
}

/** Options of {@link Jumpout.backward}. */
export interface LayerBackwardOptions<
  T extends Tensor | CudaMemory = Float32Array,
> extends BackwardOptions<T> {
  /** `saved` of the forward to differentiate, as `call` returned it. Default: the last `forward` of this mode. */
  saved?: Saved | undefined
}

export const BACKWARD_NAMES: NamesOf<BackwardOptions> = { out: true, output: true, stream: true }
const BACKWARD = optionNames<BackwardOptions>('jumpoutBackward', BACKWARD_NAMES)
const ASYNC = optionNames<AsyncBackwardOptions>(
  'jumpoutBackwardAsync',
  { ...BACKWARD_NAMES, signal: true },
  false,
)

type AnyBackwardOptions = LayerBackwardOptions<Tensor | CudaMemory> | undefined

/** Checks all arguments. The code of a caller that runs here may use the pass as well. */
export function prepareBackward<K extends Kinds>(
  pass: Pass<K>,
  value: unknown,
  options: AnyBackwardOptions,
  names: OptionNames,
): BackwardCall<K> {
  const { place } = pass
  const gradOutput = place.gradientFor(pass, value)
  let out: K['tensor'] | undefined
  let output: K['tensor'] | undefined
  let stream: unknown
  if (options !== undefined) {
    place.assertOptions(options, names)
    const { out: givenOut, output: givenOutput } = options
    if (givenOut !== undefined) out = place.like(givenOut, gradOutput, 'options.out')
    if (givenOutput !== undefined) output = place.like(givenOutput, gradOutput, 'options.output')
    ;({ stream } = options)
  }
  const needsOutput = pass.settings.relu && pass.mask === undefined
  if (needsOutput && output === undefined) {
    throw invalidType("the forward's output, as ReLU was fused and no mask saved,", 'options.output', output)
  }
  return {
    gradOutput,
    out,
    output: needsOutput ? output : undefined,
    stream: place.streamFor(gradOutput, stream),
  }
}

/** Backward of a pass; `memory` gives the gradient unless the call does. */
export function runBackward<K extends Kinds>(
  pass: Pass<K>,
  call: BackwardCall<K>,
  memory: Memory<K> = pass.place.fresh,
): K['tensor'] {
  const { gradOutput, stream } = call
  pass.place.assertUnchanged(gradOutput, pass.length, 'gradOutput')
  const gradInput = call.out ?? memory.output(gradOutput, stream)
  if (isIdentity(pass)) pass.place.identity(gradOutput, gradInput, stream)
  else pass.place.backward(pass, call, gradInput)
  return gradInput
}

/**
 * The gradient with respect to forward's input: `gradOutput` times the scale where forward kept, +0 elsewhere. The rate is
 * a constant: no gradient flows through the active count (docs/numerics.md, Mask and backward). Memory of another library is
 * taken for float32.
 *
 * @param gradOutput as many elements as the forward's input; read only, unless it is `options.out`
 * @param saved from {@link jumpoutForward}, or from {@link Jumpout.call} in either mode; it may be used any number of times
 * @param options may be left out, unless forward fused ReLU and saved no mask
 * @returns `options.out`, or a new array of that length
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
 * `ERR_OUT_OF_MEMORY`), with nothing written; CudaError
 */
export function jumpoutBackward<O extends Float32Array = NewFloat32Array>(
  gradOutput: Float32Array,
  saved: Saved,
  options?: BackwardOptions<O>,
): NoInfer<O> | NewFloat32Array
export function jumpoutBackward<T extends Tensor>(
  gradOutput: T,
  saved: Saved,
  options?: BackwardOptions<T>,
): T
export function jumpoutBackward(
  gradOutput: DeviceArray<'float32'> | CudaMemory,
  saved: Saved,
  options?: BackwardOptions<DeviceArray<'float32'> | CudaMemory>,
): DeviceArray<'float32'>
export function jumpoutBackward(gradOutput: unknown, saved: Saved, options?: AnyBackwardOptions): Tensor {
  const pass = passOf(saved)
  return runBackward(pass, prepareBackward(pass, gradOutput, options, BACKWARD)) as Tensor
}

/**
 * {@link jumpoutBackward} off the main thread, under the conditions of {@link jumpoutForwardAsync}. An array with a property
 * `then` is refused as `options.out`, since the promise would call it.
 *
 * @param gradOutput as many elements as the forward's input; read only, unless it is `options.out`
 * @param saved from a forward on the host
 * @param options as for `jumpoutBackward`, and `signal`
 * @returns the gradient; the promise rejects with the errors that `jumpoutBackward` throws, or with `signal.reason`
 */
export async function jumpoutBackwardAsync<O extends Float32Array = NewFloat32Array>(
  gradOutput: Float32Array,
  saved: Saved,
  options?: AsyncBackwardOptions<O>,
): Promise<NoInfer<O> | NewFloat32Array> {
  const pass = passOf(saved) as Pass<Host>
  if (!pass.place.isHost) {
    throw invalidType('what a forward on the host returned as saved', 'saved', saved)
  }
  const call = prepareBackward(pass, gradOutput, options, ASYNC)
  return (await backwardAsync(pass, call, readSignal(options?.signal))) as O
}
