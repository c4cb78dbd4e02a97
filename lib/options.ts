/** The options of a call or a layer: read once, checked once, with every default in one place. */
import type { AbortSignalLike } from './abort'
import type { Tensor } from './arrays'
import type { CudaMemory } from './cuda-memory'
import type { DeviceArray } from './device-array'
import { invalidType, invalidValue, outOfRange } from './errors'
import {
  type Granularity,
  type Grouping,
  readGranularity,
  readShape,
  readUnit,
  type Shape,
  type Unit,
} from './layout'
import { type NamesOf, optionNames } from './option-names'
import type { DeviceShard, Shard } from './shard'
import type { Stream } from './stream'

/**
 * The three modifications of dropout (Wang, Zhou, Bilmes, ICML 2019, section 3) and what they are applied to. A rate is a
 * fraction of units dropped. Everything may be left out; the defaults are the paper's.
 */
export interface JumpoutOptions {
  /** I: standard deviation of the half-Gaussian base rate, >= 0. Default 0.1. */
  sigma?: number | undefined
  /** I: truncation of the base rate from below, 0 to `pMax`. Default 0.01. */
  pMin?: number | undefined
  /** I: truncation of the base rate from above, up to 65535/65536. Default 0.6. */
  pMax?: number | undefined
  /** A fixed base rate, 0 to 65535/65536, instead of a drawn one: modification I is off. */
  rate?: number | undefined
  /** II: divide the base rate by the fraction of active (> 0) elements. Default true. */
  normalize?: boolean | undefined
  /** II: cap of the normalised rate, 0 to 65535/65536. Default 0.6. */
  maxRate?: number | undefined
  /** III: what survives is scaled by (1 - rate)^-exponent, >= 0. Default 0.75; plain dropout is 1. */
  exponent?: number | undefined
  /** ReLU and jumpout in one pass over pre-activations. Default false. */
  relu?: boolean | undefined
  /** What shares one active count and one rate. Default 'batch', the paper's. */
  granularity?: Granularity | undefined
  /** What is dropped as a whole. Default 'element'. */
  unit?: Unit | undefined
  /** Row-major dimensions: [N, ...] for 'sample', [N, C, ...] for 'channel'. Their product is the array's length. */
  shape?: readonly number[] | undefined
}

export const SETTINGS: NamesOf<JumpoutOptions> = {
  sigma: true,
  pMin: true,
  pMax: true,
  rate: true,
  normalize: true,
  maxRate: true,
  exponent: true,
  relu: true,
  granularity: true,
  unit: true,
  shape: true,
}

/** One forward call: the options, and what this call alone needs. */
export interface CallOptions<T extends Tensor | CudaMemory = Float32Array> extends JumpoutOptions {
  /** Unsigned 64-bit: a safe integer >= 0 or a bigint below 2^64. */
  seed: number | bigint
  /**
   * Which draw of that seed, below 2^63 - 1; one number a forward call. Default 0. On a device also one uint64 in its
   * memory, which each forward advances: every launch of a graph draws anew.
   */
  call?: number | bigint | DeviceArray<'uint64'> | CudaMemory | undefined
  /** Where the result goes, of the input's length; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** false: nothing is stored, and backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
  /** Where the mask goes, ceil(n / 32) words, on a device of dtype uint32. Default: the library's own. */
  mask?: Uint32Array | DeviceArray<'uint32'> | CudaMemory | undefined
  /** On a device: counts that the producer of the input made already, one uint64 a group. */
  active?: DeviceArray<'uint64'> | CudaMemory | undefined
  /** The input is part of a larger tensor. */
  shard?: Shard | DeviceShard | undefined
  /** On a device: where it is enqueued. Default: the legacy default stream. */
  stream?: Stream | undefined
}

/** A call off the main thread. */
export interface AsyncCallOptions<T extends Float32Array = Float32Array> extends CallOptions<T> {
  /**
   * Aborted before the work begins in its thread, the promise rejects at once with `signal.reason`, nothing is written, and
   * the arrays may be used. Aborted later, the work is done to its end and the promise fulfils.
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
export const CALL = optionNames<CallOptions>('jumpoutForward', CALL_NAMES)
export const ASYNC_CALL = optionNames<AsyncCallOptions>(
  'jumpoutForwardAsync',
  { ...CALL_NAMES, signal: true },
  false,
)

/** JumpoutOptions, complete. */
export interface Settings extends Grouping {
  readonly sigma: number
  readonly pMin: number
  readonly pMax: number
  /** NaN: drawn. */
  readonly rate: number
  readonly normalize: boolean
  readonly maxRate: number
  readonly exponent: number
  readonly relu: boolean
  readonly shape: Shape | undefined
}

const LARGEST_RATE = 65535 / 65536
const RATE = 'a number from 0 to 65535/65536'
const NOT_NEGATIVE = 'a finite number >= 0'

/** Anything that may carry options; primitives would silently stand for no option at all. */
export function assertObject(value: unknown, argument: string): asserts value is object {
  if (typeof value !== 'object' || value === null) throw invalidType('an object', argument, value)
}

function readNumber(
  value: unknown,
  missing: number,
  largest: number,
  expected: string,
  argument: string,
): number {
  if (value === undefined) return missing
  if (typeof value !== 'number') throw invalidType(expected, argument, value)
  if (!(value >= 0 && value <= largest)) throw outOfRange(expected, argument, value)
  return value
}

const readRate = (value: unknown, missing: number, argument: string): number =>
  readNumber(value, missing, LARGEST_RATE, RATE, argument)

const readNotNegative = (value: unknown, missing: number, argument: string): number =>
  readNumber(value, missing, Number.MAX_VALUE, NOT_NEGATIVE, argument)

export function readBoolean(value: unknown, missing: boolean, argument: string): boolean {
  if (value === undefined) return missing
  if (typeof value !== 'boolean') throw invalidType('a boolean', argument, value)
  return value
}

/** Each property is read once: what a getter does later changes nothing. */
export function readSettings(options: JumpoutOptions): Settings {
  const sigma = readNotNegative(options.sigma, 0.1, 'options.sigma')
  const pMin = readRate(options.pMin, 0.01, 'options.pMin')
  const pMax = readRate(options.pMax, 0.6, 'options.pMax')
  if (pMin > pMax) throw outOfRange(`a number from 0 to pMax, ${pMax},`, 'options.pMin', pMin)
  return {
    sigma,
    pMin,
    pMax,
    rate: readRate(options.rate, NaN, 'options.rate'),
    normalize: readBoolean(options.normalize, true, 'options.normalize'),
    maxRate: readRate(options.maxRate, 0.6, 'options.maxRate'),
    exponent: readNotNegative(options.exponent, 0.75, 'options.exponent'),
    relu: readBoolean(options.relu, false, 'options.relu'),
    granularity: readGranularity(options.granularity),
    unit: readUnit(options.unit),
    shape: readShape(options.shape),
  }
}

/** Options that only a device could obey: refused, not ignored. */
export function refuseDeviceOptions(options: unknown): void {
  assertObject(options, 'options')
  const { stream, active } = options as { stream?: unknown; active?: unknown }
  if (stream !== undefined)
    throw invalidType('nothing, as arrays on the host have no stream,', 'options.stream', stream)
  if (active !== undefined) {
    throw invalidType('nothing, as arrays on the host are counted here,', 'options.active', active)
  }
}

/** `saveMask: false` and a place for the mask contradict each other. */
export function readSaveMask(value: unknown, mask: unknown): boolean {
  const saveMask = readBoolean(value, true, 'options.saveMask')
  if (!saveMask && mask !== undefined)
    throw invalidValue('no array with saveMask false', 'options.mask', 'one')
  return saveMask
}
