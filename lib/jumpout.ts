/** The layer for a training loop. */
import { checkFloats, checkFloatsOf, maskWords, type Tensor } from './arrays'
import { backwardOfIdentity, backwardOfPass, type BackwardOptions } from './backward'
import { invalidState } from './errors'
import { type Layout, layoutOf, readShape, type Shape } from './layout'
import { freshOutput, freshRows, ownMask } from './memory'
import { native, ROW_LENGTH } from './native'
import {
  assertObject,
  type JumpoutOptions,
  readBoolean,
  readSettings,
  refuseDeviceOptions,
  type Settings,
} from './options'
import { fillDescriptor, keepRows, oneRow, type Pass, rowsApart } from './pass'
import { type GroupStats, statsOf } from './saved'
import {
  assertSeed,
  callOf,
  type Draw,
  drawOf,
  foldIn,
  freshSeed,
  isAllowed,
  NO_DRAW,
  nextDraw,
} from './seed'
import { type JumpoutState, optionsOf, readLayer, readState, VERSION } from './state'

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

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const
const NEUTRAL_ROW = [0, 0, 0, 0, 1]

const NO_OPTIONS: LayerForwardOptions = {}

interface LayerCall {
  readonly input: Float32Array
  readonly length: number
  readonly out: Float32Array | undefined
  readonly saveMask: boolean
  readonly shape: Shape | undefined
}

function readForward(input: Tensor, options: LayerForwardOptions): LayerCall {
  const length = checkFloats(input, 'input')
  assertObject(options, 'options')
  refuseDeviceOptions(options)
  const { out } = options
  if (out !== undefined) checkFloatsOf(out, length, 'options.out')
  const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
  return { input, length, out, saveMask, shape: readShape(options.shape) }
}

/** Masks of one mode: memory that each forward takes over from the one before. */
class MaskMemory {
  #memory: Uint32Array = new Uint32Array(0)
  #mask = this.#memory
  #length = 0

  take(length: number): Uint32Array {
    if (length === this.#length) return this.#mask
    const words = maskWords(length)
    if (words > this.#memory.length) this.#memory = ownMask(length)
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
  /** Of the next forward in training. */
  #draw: Draw
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
    assertSeed(seed, 'options.seed')
    this.#seed = BigInt(seed)
    this.#layer = readLayer(options.layer, 'options.layer')
    this.#draw = drawOf(foldIn(this.#seed, this.#layer), 0)
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
    options: LayerForwardOptions<T> = NO_OPTIONS as LayerForwardOptions<T>,
  ): T {
    const call = readForward(input, options)
    return (this.#training ? this.#train(call) : this.#evaluate(call)) as T
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
    const backward = this.#training || this.#settings.relu ? backwardOfPass : backwardOfIdentity
    return backward(gradOutput, pass, options) as T
  }

  /** Between calls, all that `fromJSON` needs to go on; the mode and what backward needs are not part of it. */
  toJSON(): JumpoutState {
    return {
      version: VERSION,
      seed: String(this.#seed),
      layer: this.#layer,
      call: String(callOf(this.#draw)),
      options: optionsOf(this.#settings),
    }
  }

  /**
   * A layer in training that makes the very draws that the other would have made next.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  static fromJSON(state: JumpoutState): Jumpout {
    const { seed, layer, call, options } = readState(state)
    const restored = new Jumpout({ ...options, seed, layer })
    restored.#draw = drawOf(foldIn(seed, layer), call)
    return restored
  }

  #train({ input, length, out, saveMask, shape }: LayerCall): Float32Array {
    const settings = this.#settings
    const draw = this.#draw
    if (!isAllowed(draw)) {
      throw invalidState('a call number below 2^63 - 1', 'forward', 'a layer that has used them all')
    }
    const layout = shape === undefined ? this.#layoutFor(length) : layoutOf(settings, shape, length)
    const mask = saveMask ? this.#trainingMask.take(length) : undefined
    const rows = this.#rowsFor(layout.groupCount)
    const output = out ?? freshOutput(length)
    native.forward(input, output, mask, fillDescriptor(settings, layout, draw, false), rowsApart(rows))
    this.#trained = { length, mask, settings, layout, draw, rows: keepRows(rows) }
    this.#draw = nextDraw(draw)
    return output
  }

  #evaluate({ input, length, out, saveMask, shape }: LayerCall): Float32Array {
    const settings = this.#evaluation
    const layout = layoutOf(settings, shape, length)
    const mask = saveMask && settings.relu ? this.#evaluationMask.take(length) : undefined
    const output = out ?? freshOutput(length)
    if (settings.relu) {
      // A rate of 0 needs no counts: given ones save a pass.
      oneRow.fill(length, 0, 2)
      native.forward(input, output, mask, fillDescriptor(settings, layout, NO_DRAW, true), undefined)
    } else {
      native.identity(input, output)
    }
    this.#evaluated = { length, mask, settings, layout, draw: NO_DRAW, rows: NEUTRAL_ROW }
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
