/** The layer for a training loop. */
import { checkFloats, checkFloatsOf, maskWords, type Tensor } from './arrays'
import { type BackwardOptions, backwardOfPass } from './backward'
import { invalidState, invalidType, invalidValue, outOfRange } from './errors'
import { type Layout, layoutOf, readShape, type Shape } from './layout'
import { freshMask, freshOutput, freshRows } from './memory'
import { native, ROW_LENGTH } from './native'
import {
  assertObject,
  type JumpoutOptions,
  readBoolean,
  readSettings,
  refuseDeviceOptions,
  type Settings,
} from './options'
import { fillDescriptor, keepRows, oneRow, type Pass } from './pass'
import { type GroupStats, statsOf } from './saved'
import { foldIn, freshSeed, isCall, nextCall, readCall, readSeed, toBigint, type Uint64, ZERO } from './seed'

export interface LayerOptions extends JumpoutOptions {
  /** Unsigned 64-bit. Default: fresh entropy. */
  seed?: number | bigint | undefined
  /** Layers that share a seed need different numbers, safe integers >= 0. Default 0. */
  layer?: number | undefined
}

export interface LayerForwardOptions<T extends Tensor = Tensor> {
  /** Where the result goes; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** This input's dimensions, instead of those given to the constructor: the last batch may be smaller. */
  shape?: readonly number[] | undefined
  /** false: backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
}

/** All that a layer is made of, as JSON can hold it: 64-bit numbers are decimal strings. */
export interface JumpoutState {
  /** Of this format and of docs/numerics.md. */
  version: 1
  seed: string
  layer: number
  /** The call number of the next forward in training. */
  call: string
  options: JumpoutOptions
}

const VERSION = 1

const EXPECTED_LAYER = 'an integer >= 0'
function readLayer(layer: unknown, argument: string): number {
  if (layer === undefined) return 0
  if (typeof layer !== 'number') throw invalidType(EXPECTED_LAYER, argument, layer)
  if (!Number.isSafeInteger(layer) || layer < 0) throw outOfRange(EXPECTED_LAYER, argument, layer)
  return layer
}

function readDecimal(value: unknown, argument: string): bigint {
  const expected = 'a decimal string'
  if (typeof value !== 'string') throw invalidType(expected, argument, value)
  if (!/^\d{1,20}$/.test(value)) throw invalidValue(expected, argument, 'another string')
  return BigInt(value)
}

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const

const NOTHING: LayerForwardOptions = {}

/** Masks of one mode: memory that each forward takes over from the one before. */
class MaskMemory {
  #memory: Uint32Array = new Uint32Array(0)
  #mask = this.#memory
  #length = 0

  take(length: number): Uint32Array {
    if (length === this.#length) return this.#mask
    const words = maskWords(length)
    if (words > this.#memory.length) this.#memory = freshMask(length)
    this.#mask = this.#memory.subarray(0, words)
    this.#length = length
    return this.#mask
  }
}

/**
 * Jumpout as a layer: counts its calls, knows training from evaluation, can be checkpointed. The options are checked once,
 * here.
 *
 * In training, `backward` belongs to the last successful `forward` in training. In evaluation, `forward` is the identity
 * (with `relu`, ReLU), and `backward` belongs to the last successful `forward` in evaluation. Neither mode disturbs what
 * the other keeps, and a call that throws changes nothing.
 */
export class Jumpout {
  readonly #settings: Settings
  readonly #evaluation: Settings
  readonly #seed: bigint
  readonly #layer: number
  /** The seed of this layer's draws. */
  readonly #folded: Uint64
  #call: Uint64 = ZERO
  #training = true
  #trained: Pass | undefined
  #evaluated: Pass | undefined
  readonly #trainingMask = new MaskMemory()
  readonly #evaluationMask = new MaskMemory()
  #rows: Float64Array = new Float64Array(0)
  #layout: Layout | undefined
  #layoutLength = 0

  /**
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  constructor(options: LayerOptions = {}) {
    assertObject(options, 'options')
    refuseDeviceOptions(options)
    const { seed = freshSeed() } = options
    this.#seed = toBigint(readSeed(seed, 'options.seed'))
    this.#layer = readLayer(options.layer, 'options.layer')
    this.#folded = readSeed(foldIn(this.#seed, this.#layer), 'options.seed')
    this.#settings = readSettings(options)
    this.#evaluation = { ...this.#settings, ...EVALUATION }
  }

  /** Whether forward drops. True for a new layer. */
  get training(): boolean {
    return this.#training
  }

  /** Sets the mode: training, or with false, evaluation. */
  train(mode = true): this {
    this.#training = readBoolean(mode, true, 'mode')
    return this
  }

  /** Sets the mode to evaluation. */
  eval(): this {
    return this.train(false)
  }

  /** Of the last forward in training, one entry a group; null in evaluation and before the first forward. */
  get stats(): readonly GroupStats[] | null {
    return this.#training && this.#trained !== undefined ? statsOf(this.#trained) : null
  }

  /**
   * @param input n elements, row-major
   * @returns `options.out`, or a new array of n elements
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
   * `ERR_OUT_OF_MEMORY`), with nothing written and no call counted
   */
  forward<T extends Tensor>(
    input: T,
    options: LayerForwardOptions<T> = NOTHING as LayerForwardOptions<T>,
  ): T {
    const length = checkFloats(input, 'input')
    assertObject(options, 'options')
    if (options !== NOTHING) refuseDeviceOptions(options)
    const { out } = options
    if (out !== undefined) checkFloatsOf(out, length, 'options.out')
    const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
    const shape = readShape(options.shape)
    if (this.#training) return this.#train(input, length, out, saveMask, shape) as T
    return this.#evaluate(input, length, out, saveMask, shape) as T
  }

  /**
   * The gradient with respect to the input of the forward that it belongs to.
   *
   * @param gradOutput as many elements as that input
   * @returns `options.out`, or a new array
   * @throws Error (`ERR_INVALID_STATE`) where there was no such forward; else as `jumpoutBackward`
   */
  backward<T extends Tensor>(gradOutput: T, options?: BackwardOptions<T>): T {
    const pass = this.#training ? this.#trained : this.#evaluated
    if (pass === undefined) {
      throw invalidState(
        `a forward in ${this.#training ? 'training' : 'evaluation'} before it`,
        'backward',
        'none',
      )
    }
    return backwardOfPass(gradOutput, pass, options) as T
  }

  /** Between calls, all that `fromJSON` needs to go on; the mode and what backward needs are not part of it. */
  toJSON(): JumpoutState {
    const { shape, rate, ...options } = this.#settings
    return {
      version: VERSION,
      seed: String(this.#seed),
      layer: this.#layer,
      call: String(toBigint(this.#call)),
      options: {
        ...options,
        ...(Number.isNaN(rate) ? {} : { rate }),
        ...(shape === undefined ? {} : { shape: [...shape.dimensions] }),
      },
    }
  }

  /**
   * A layer in training that makes the very draws that the other would have made next.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  static fromJSON(state: JumpoutState): Jumpout {
    assertObject(state, 'state')
    const { version, seed, layer, call, options } = state
    if (version !== VERSION) throw invalidValue(String(VERSION), 'state.version', 'another')
    assertObject(options, 'state.options')
    const restored = new Jumpout({
      ...options,
      seed: toBigint(readSeed(readDecimal(seed, 'state.seed'), 'state.seed')),
      layer: readLayer(layer, 'state.layer'),
    })
    restored.#call = readCall(readDecimal(call, 'state.call'), 'state.call')
    return restored
  }

  #train(
    input: Float32Array,
    length: number,
    out: Float32Array | undefined,
    saveMask: boolean,
    shape: Shape | undefined,
  ): Float32Array {
    const settings = this.#settings
    const call = this.#call
    if (!isCall(call))
      throw invalidState('a call number below 2^63 - 1', 'forward', 'a layer that has used them all')
    const layout = shape === undefined ? this.#layoutFor(length) : layoutOf(settings, shape, length)
    const mask = saveMask ? this.#trainingMask.take(length) : undefined
    const rows = this.#rowsFor(layout.groupCount)
    const output = out ?? freshOutput(length)
    const draw = { seed: this.#folded, call }
    native.forward(input, output, mask, fillDescriptor(settings, layout, draw, false), rows)
    this.#trained = { length, mask, settings, layout, draw, rows: keepRows(rows) }
    this.#call = nextCall(call)
    return output
  }

  #evaluate(
    input: Float32Array,
    length: number,
    out: Float32Array | undefined,
    saveMask: boolean,
    shape: Shape | undefined,
  ): Float32Array {
    const settings = this.#evaluation
    const layout = layoutOf(settings, shape, length)
    const mask = saveMask && settings.relu ? this.#evaluationMask.take(length) : undefined
    const output = out ?? freshOutput(length)
    const draw = { seed: ZERO, call: ZERO }
    native.forward(input, output, mask, fillDescriptor(settings, layout, draw, false), oneRow)
    this.#evaluated = { length, mask, settings, layout, draw, rows: keepRows(oneRow) }
    return output
  }

  /** The shape given to the constructor fits one length alone. */
  #layoutFor(length: number): Layout {
    if (this.#layout === undefined || this.#layoutLength !== length) {
      this.#layout = layoutOf(this.#settings, this.#settings.shape, length)
      this.#layoutLength = length
    }
    return this.#layout
  }

  #rowsFor(groupCount: number): Float64Array {
    if (groupCount === 1) return oneRow
    if (this.#rows.length !== ROW_LENGTH * groupCount) this.#rows = freshRows(groupCount)
    return this.#rows
  }
}
