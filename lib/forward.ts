/** The forward pass: check everything, find memory for results, then run. */
import { invalidValue } from './errors'
import { type CudaMemory, type DeviceArray, type StreamedOptions, type Tensor } from './cuda/array'
import { cuda, tensorOnDevice } from './cuda/place'
import {
  type AbortSignalLike,
  forwardAsync,
  host,
  type NewFloat32Array,
  readSignal,
  tensorOnHost,
} from './host/place'
import { type DeviceShard, layoutOf, readShard, type Shard } from './layout'
import { assertOptions, type NamesOf, type OptionNames, optionNames } from './option-names'
import { type JumpoutOptions, readBoolean, readSettings, SETTINGS } from './options'
import { type Call, isIdentity, type Kinds, type Memory, type Pass, type Place } from './pass'
import { type Saved, savedOf } from './saved'
import { assertCall, assertSeed, drawOf } from './seed'

/** Options of {@link jumpoutForward}: those of {@link JumpoutOptions}, and those of this call alone. */
export interface CallOptions<T extends Tensor | CudaMemory = Float32Array>
  extends JumpoutOptions, StreamedOptions {
  /** Unsigned 64-bit: a safe integer >= 0 or a bigint below 2^64. */
  seed: number | bigint
  /**
   * The number of the draw under that seed, below 2^63 - 1; one number per forward call. Default 0. On a device also one
   * uint64 in its memory, which each forward advances, so that every launch of a graph draws anew. It stops at 2^63 - 1, where
   * the last call is repeated.
   */
  call?: number | bigint | DeviceArray<'uint64'> | CudaMemory | undefined
  /** Where the result goes, of the input's length; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** false: nothing is stored, and backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
  /** Where the mask goes: ceil(n / 32) words, on a device of dtype uint32. Default: a new array. */
  mask?: Uint32Array | DeviceArray<'uint32'> | CudaMemory | undefined
  /** On a device: active counts that were made already, one uint64 per group. Default: counted here. */
  active?: DeviceArray<'uint64'> | CudaMemory | undefined
  /** Set if the input is part of a larger tensor, whose dimensions `shape` then gives. Default: the input is all. */
  shard?: Shard | DeviceShard | undefined
}

/** Options of {@link jumpoutForwardAsync}: those of {@link jumpoutForward} for arrays on the host. */
export interface AsyncCallOptions<T extends Float32Array = Float32Array> extends Omit<
  CallOptions<T>,
  'active' | 'stream'
> {
  /**
   * If it is aborted before the work begins, the promise rejects at once with `signal.reason`, nothing is written, and the
   * arrays may be used. If it is aborted later, the work is finished and the promise fulfils.
   */
  signal?: AbortSignalLike | undefined
}

const CALL_NAMES: NamesOf<CallOptions> = {
  ...SETTINGS,
  seed: true,
  call: true,
  out: true,
  saveMask: true,
  mask: true,
  active: true,
  shard: true,
  stream: true,
}
const CALL = optionNames<CallOptions>('jumpoutForward', CALL_NAMES)
const ASYNC_CALL = optionNames<AsyncCallOptions>(
  'jumpoutForwardAsync',
  { ...CALL_NAMES, signal: true },
  false,
)

const SHARD = optionNames<Shard>('a shard', { elementOffset: true, active: true, total: true })

/** Options of {@link Jumpout.forward}. */
export interface LayerForwardOptions<T extends Tensor | CudaMemory = Float32Array> extends StreamedOptions {
  /** Where the result goes; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** This input's dimensions, instead of those given to the constructor: the last batch may be smaller. */
  shape?: readonly number[] | undefined
  /** false: backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
}

/** Options of {@link Jumpout.call}. */
export interface LayerCallOptions<
  T extends Tensor | CudaMemory = Float32Array,
> extends LayerForwardOptions<T> {
  /**
   * Repeats the call of this number (`saved.call`), below 2^63 - 1: the same draw, and no call is counted. In evaluation,
   * which draws nothing, it has no effect. Default: the next call, which is counted in training.
   */
  call?: number | bigint | undefined
}

export type { AbortSignalLike }

/** What a forward returns. */
export interface ForwardResult<T extends Tensor = Float32Array> {
  /** `options.out`, or a new array of the input's length. */
  output: T
  /** The argument of {@link jumpoutBackward}, with mask and statistics. */
  saved: Saved
}

type AnyOptions = CallOptions<Tensor | CudaMemory>

/** Checks all arguments, before any memory is taken. */
function prepare<K extends Kinds>(
  place: Place<K>,
  input: K['tensor'],
  options: AnyOptions,
  names: OptionNames,
): Call<K> {
  const length = place.lengthOf(input)
  place.assertOptions(options, names)
  const { seed, call = 0, out: givenOut, mask: givenMask, active: givenActive, shard, stream } = options
  if (shard !== undefined) assertOptions(shard, SHARD, 'options.shard')
  const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
  if (!saveMask && givenMask !== undefined)
    throw invalidValue('no array with saveMask false', 'options.mask', 'one')
  const settings = readSettings(options)
  const part =
    shard === undefined
      ? undefined
      : readShard(shard, settings, settings.shape, length, givenActive !== undefined)
  const layout = part === undefined ? layoutOf(settings, settings.shape, length) : part.layout
  assertSeed(seed, 'options.seed')
  const counter = typeof call === 'object' ? place.counterFor(input, call) : undefined
  if (counter === undefined) assertCall(call, 'options.call')
  return {
    input,
    length,
    out: givenOut === undefined ? undefined : place.like(givenOut, input, 'options.out'),
    saveMask,
    mask: givenMask === undefined ? undefined : place.maskFor(input, givenMask),
    settings,
    layout,
    draw: drawOf(seed, counter === undefined ? (call as number | bigint) : 0),
    counter,
    training: true,
    counts: part === undefined ? undefined : part.counts,
    active:
      givenActive === undefined
        ? undefined
        : place.countsFor(input, layout.groupCount, givenActive, 'options.active'),
    stream: place.streamFor(input, stream),
  }
}

function passOf<K extends Kinds>(
  place: Place<K>,
  call: Call<K>,
  mask: K['mask'] | undefined,
  rows: K['rows'],
): Pass<K> {
  const { length, settings, layout, training, counter } = call
  const draw = counter === undefined ? call.draw : undefined
  return { place, length, mask, settings, layout, draw, training, rows }
}

export interface Done<K extends Kinds> {
  readonly output: K['tensor']
  readonly pass: Pass<K>
}

/** Runs a call; `memory` gives the arrays that the caller did not. */
export function runForward<K extends Kinds>(place: Place<K>, call: Call<K>, memory: Memory<K>): Done<K> {
  const { input, stream } = call
  place.assertUnchanged(input, call.length, 'input')
  const identity = isIdentity(call)
  const mask = call.saveMask && !identity ? (call.mask ?? memory.mask(input, stream)) : undefined
  let rows = memory.rows(input, call.layout.groupCount, stream)
  const output = call.out ?? memory.output(input, stream)
  if (identity) place.identity(input, output, stream)
  else rows = place.forward(call, output, mask, rows)
  return { output, pass: passOf(place, call, mask, rows) }
}

function forward<K extends Kinds>(
  place: Place<K>,
  input: K['tensor'],
  options: AnyOptions,
): ForwardResult<Tensor> {
  const call = prepare(place, input, options, CALL)
  const { output, pass } = runForward(place, call, place.fresh)
  return { output: output as Tensor, saved: savedOf(pass) }
}

/**
 * Jumpout on one tensor in training (paper, section 3; docs/numerics.md): counts active elements, draws a rate, drops,
 * scales. For evaluation, the identity, see {@link Jumpout}. On a device the work is enqueued, and nothing waits. Memory
 * of another library is taken for float32, and comes back as a DeviceArray on the same memory.
 *
 * @param input n elements, row-major; read only, unless it is `options.out`
 * @param options `seed` is required; the others have defaults
 * @returns the output, and `saved`, the argument of {@link jumpoutBackward}
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
 * `ERR_OUT_OF_MEMORY`), with nothing written; CudaError
 */
export function jumpoutForward<O extends Float32Array = NewFloat32Array>(
  input: Float32Array,
  options: CallOptions<O>,
): ForwardResult<NoInfer<O> | NewFloat32Array>
export function jumpoutForward<T extends Tensor>(input: T, options: CallOptions<T>): ForwardResult<T>
export function jumpoutForward(
  input: DeviceArray<'float32'> | CudaMemory,
  options: CallOptions<DeviceArray<'float32'> | CudaMemory>,
): ForwardResult<DeviceArray<'float32'>>
export function jumpoutForward(
  input: Tensor | CudaMemory,
  options: CallOptions<Tensor | CudaMemory>,
): ForwardResult<Tensor> {
  const array = tensorOnDevice(input, 'input')
  return array === undefined
    ? forward(host, tensorOnHost(input, 'input'), options)
    : forward(cuda, array, options)
}

/**
 * {@link jumpoutForward} off the main thread, for arrays on the host. Until the promise settles, do not read, write, detach
 * or transfer the arrays. Arrays over resizable buffers are refused.
 *
 * @param input n elements, row-major; read only, unless it is `options.out`
 * @param options `seed` is required; the others have defaults
 * @returns what `jumpoutForward` returns; the promise rejects with the errors that `jumpoutForward` throws, or with
 * `signal.reason`
 */
export async function jumpoutForwardAsync<O extends Float32Array = NewFloat32Array>(
  input: Float32Array,
  options: AsyncCallOptions<O>,
): Promise<ForwardResult<NoInfer<O> | NewFloat32Array>> {
  const call = prepare(host, tensorOnHost(input, 'input'), options, ASYNC_CALL)
  const signal = readSignal(options.signal)
  const { output, mask, rows } = await forwardAsync(call, signal)
  return { output: output as O, saved: savedOf(passOf(host, call, mask, rows)) }
}
