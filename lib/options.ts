/** The options of jumpout: read and checked once, with all defaults in one place. */
import { invalidType, outOfRange } from './errors'
import {
  type DataFormat,
  type Granularity,
  type Grouping,
  readDataFormat,
  readGranularity,
  readShape,
  readUnit,
  type Shape,
  type Unit,
} from './layout'
import { at as positions, descriptor as numbers } from './native'
import type { NamesOf } from './option-names'

/**
 * The three modifications of dropout (Wang, Zhou, Bilmes, ICML 2019, section 3) and the elements that they apply to. A rate
 * is the fraction of units that are dropped. All options may be left out; `pMin`, `pMax` and `exponent` have the paper's
 * defaults.
 */
export interface JumpoutOptions {
  /** I: standard deviation of the half-Gaussian base rate, >= 0. Default 0.1. */
  sigma?: number | undefined
  /** I: truncation of the base rate from below, 0 to `pMax`. Default 0.01. */
  pMin?: number | undefined
  /** I: truncation of the base rate from above, up to 65535/65536. Default 0.6. */
  pMax?: number | undefined
  /** A fixed base rate, 0 to 65535/65536, which turns modification I off. Default: the rate is drawn. */
  rate?: number | undefined
  /** II: divide the base rate by the fraction of active (> 0) elements. Default true. */
  normalize?: boolean | undefined
  /** II: cap of the normalised rate, 0 to 65535/65536. Default 0.6. */
  maxRate?: number | undefined
  /** III: survivors are scaled by (1 - rate)^-exponent, >= 0. Default 0.75; 1 is plain dropout. */
  exponent?: number | undefined
  /** ReLU and jumpout in one pass over pre-activations. Default false. */
  relu?: boolean | undefined
  /** Which elements share one active count and one rate. Default 'batch', the paper's. */
  granularity?: Granularity | undefined
  /** Which elements are dropped together. Default 'element', the paper's. */
  unit?: Unit | undefined
  /** Which dimension of `shape` has the channels for `unit: 'channel'`. Default 'channelsFirst', the second. */
  dataFormat?: DataFormat | undefined
  /**
   * Row-major dimensions, required as [N, ...] for 'sample', and for 'channel' as [N, C, ...], or with 'channelsLast' as
   * [N, ..., C]. Their product is the length. At most 1024.
   */
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
  dataFormat: true,
  shape: true,
}

/** All options, with defaults. */
export interface Settings extends Grouping {
  readonly sigma: number
  readonly pMin: number
  readonly pMax: number
  /** NaN: the rate is drawn. */
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

/** Reads each property once, so that getters cannot return different values later. */
export function readSettings(options: JumpoutOptions, missingFormat: DataFormat = 'channelsFirst'): Settings {
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
    dataFormat: readDataFormat(options.dataFormat, missingFormat),
    shape: readShape(options.shape),
  }
}

/** Copies in this module, since the engine folds constants of a module but not imports. */
const at = positions
const descriptor = numbers

/** Writes the settings to the descriptor. */
export function writeSettings(settings: Settings): void {
  descriptor[at.sigma] = settings.sigma
  descriptor[at.pMin] = settings.pMin
  descriptor[at.pMax] = settings.pMax
  descriptor[at.rate] = settings.rate
  descriptor[at.maxRate] = settings.maxRate
  descriptor[at.exponent] = settings.exponent
  descriptor[at.normalize] = settings.normalize ? 1 : 0
  descriptor[at.relu] = settings.relu ? 1 : 0
}
