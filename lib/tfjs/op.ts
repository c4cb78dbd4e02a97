/** Jumpout as a differentiable function of a tensor. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { invalidType, invalidValue, isRevoked, outOfRange } from '../errors'
import { type DataFormat, layoutOf, readShape } from '../layout'
import { assertOptions, type NamesOf, optionNames } from '../option-names'
import { type JumpoutOptions, readSettings, type Settings, SETTINGS } from '../options'
import { type GroupStats, statsOfRows } from '../saved'
import { assertCall, assertSeed, type Draw, drawOf } from '../seed'
import { type Application, copyOfRows, kernelsFor } from './kernels'
import { type Core, coreInUse } from './peers'

/** The options of jumpout on tensors, which have their shape with them. */
export interface TensorOptions extends Omit<JumpoutOptions, 'shape' | 'dataFormat'> {
  /** Which dimension has the channels for `unit: 'channel'`. Default 'channelsLast', as in the rest of TensorFlow.js. */
  dataFormat?: DataFormat | undefined
}

/** Options of {@link jumpoutOp}. */
export interface JumpoutOpOptions extends TensorOptions {
  /** Unsigned 64-bit: a safe integer >= 0 or a bigint below 2^64. */
  seed: number | bigint
  /** The number of the draw under that seed, below 2^63 - 1: one number per call. Default 0. */
  call?: number | bigint | undefined
  /**
   * Is called before `jumpoutOp` returns.
   *
   * @param stats one entry per group
   */
  onStats?: ((stats: readonly GroupStats[]) => void) | undefined
}

const { shape: _, ...TENSOR_NAMES } = SETTINGS
/** The names of `TensorOptions`. */
export const TENSOR_OPTIONS: NamesOf<TensorOptions> = TENSOR_NAMES

const OP = optionNames<JumpoutOpOptions>(
  'jumpoutOp',
  { ...TENSOR_OPTIONS, seed: true, call: true, onStats: true },
  false,
)

/** The settings of checked names. */
export const readTensorSettings = (options: TensorOptions): Settings => readSettings(options, 'channelsLast')

/** For tfjs all that has a tensor's methods is one; its engine knows its own. */
export function assertTensor(tf: typeof Core, x: unknown): asserts x is Tensor {
  if (isRevoked(x) || !(x instanceof tf.Tensor)) throw invalidType('a tensor', 'x', x)
  if (x.isDisposed) throw invalidValue('a tensor with its memory', 'x', 'a disposed one')
  if (!tf.engine().state.tensorInfo.has(x.dataId))
    throw invalidValue('a tensor of this TensorFlow.js', 'x', 'one that it does not know')
}

function layoutFor(settings: Settings, { shape, rank, size }: Tensor): Application['layout'] {
  const { granularity, unit } = settings
  const least = unit === 'channel' ? 2 : granularity === 'sample' ? 1 : 0
  if (rank < least) throw outOfRange(`a tensor of rank ${least} or more`, 'x', `one of rank ${rank}`)
  return layoutOf(settings, readShape(shape), size)
}

/** Checks `x`, and applies jumpout with checked settings. */
export function apply<T extends Tensor>(
  tf: typeof Core,
  x: T,
  settings: Settings,
  draw: Draw,
  onStats?: JumpoutOpOptions['onStats'],
): T {
  assertTensor(tf, x)
  if (x.dtype !== 'float32') throw invalidValue('a float32 tensor', 'x', `one of ${x.dtype}`)
  const application = { settings, layout: layoutFor(settings, x), draw }
  const { forward } = kernelsFor(tf)
  const [y, saved] = tf.engine().runKernel<[T, Tensor]>(forward, { x }, application as never)
  try {
    const { layout } = application
    onStats?.(statsOfRows(copyOfRows(saved.dataSync<'int32'>(), layout), layout.groupCount))
    return y
  } catch (error) {
    y.dispose()
    throw error
  } finally {
    saved.dispose() // where a gradient is taped, tfjs keeps a reference of its own
  }
}

/**
 * Jumpout on a tensor, in training: counts active elements, draws a rate, drops, scales. tfjs differentiates it; each call
 * keeps its own mask, so that one seed may be used for any number of calls in one graph, with other call numbers.
 *
 * @param x float32 of any shape
 * @param options `seed` is required; the others have defaults
 * @returns a new tensor of the same shape
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`); Error
 * (`ERR_NO_TFJS`); a gradient of its gradient throws an Error (`ERR_INVALID_STATE`)
 */
export function jumpoutOp<T extends Tensor>(x: T, options: JumpoutOpOptions): T {
  assertOptions(options, OP)
  const { seed, call = 0, onStats } = options
  assertSeed(seed, 'options.seed')
  assertCall(call, 'options.call')
  if (onStats !== undefined && typeof onStats !== 'function')
    throw invalidType('a function', 'options.onStats', onStats)
  return apply(coreInUse(), x, readTensorSettings(options), drawOf(seed, call), onStats)
}
