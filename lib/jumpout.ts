/** The layer for a training loop. */
import { types } from 'node:util'
import { checkFloats, checkFloatsOf, maskWords, type Tensor } from './arrays'
import { backwardOfIdentity, backwardOfPass, type BackwardOptions } from './backward'
import { CallCounter } from './call-counter'
import type { CudaMemory } from './cuda-memory'
import { tensorOnDevice } from './device-arguments'
import type { DeviceArray } from './device-array'
import { placeOf } from './device-forward'
import { DeviceLayer, type DeviceLayerCall, readOut } from './device-layer'
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
import { assertSeed, foldIn, freshSeed, NO_DRAW } from './seed'
import { type JumpoutState, optionsOf, readLayer, readState, VERSION } from './state'
import { readStream, type Stream } from './stream'

export interface LayerOptions extends JumpoutOptions {
  /** Unsigned 64-bit. Default: fresh entropy. */
  seed?: number | bigint | undefined
  /** Layers that share a seed need different numbers, safe integers >= 0. Default 0. */
  layer?: number | undefined
}

export interface LayerForwardOptions<T extends Tensor | CudaMemory = Float32Array> {
  /** Where the result goes; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** This input's dimensions, instead of those given to the constructor: the last batch may be smaller. */
  shape?: readonly number[] | undefined
  /** false: backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
  /** On a device: where it is enqueued. Default: the legacy default stream. */
  stream?: Stream | undefined
}

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const
const NEUTRAL_ROW = [0, 0, 0, 0, 1]

const NO_OPTIONS = {}

type AnyForwardOptions = LayerForwardOptions<Tensor | CudaMemory>

interface LayerCall {
  readonly input: Float32Array
  readonly length: number
  readonly out: Float32Array | undefined
  readonly saveMask: boolean
  readonly shape: Shape | undefined
}

function readForward(input: unknown, options: AnyForwardOptions): LayerCall {
  const length = checkFloats(input, 'input')
  assertObject(options, 'options')
  refuseDeviceOptions(options)
  const { out } = options
  if (out !== undefined) checkFloatsOf(out, length, 'options.out')
  const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
  return {
    input: input as Float32Array,
    length,
    out: out as Float32Array | undefined,
    saveMask,
    shape: readShape(options.shape),
  }
}

function readDeviceForward(input: DeviceArray, options: AnyForwardOptions): DeviceLayerCall {
  assertObject(options, 'options')
  const { out, stream } = options
  const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
  const place = placeOf(input, readStream(stream, input.device))
  return { input, out: readOut(out, input), saveMask, shape: readShape(options.shape), stream, place }
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
  /** Of forwards in training. */
  readonly #counter: CallCounter
  #training = true
  #trained: Pass | undefined
  #evaluated: Pass | undefined
  readonly #trainingMask = new MaskMemory()
  readonly #evaluationMask = new MaskMemory()
  #rows: Float64Array = new Float64Array(0)
  #layout: Layout | undefined
  #layoutLength = 0
  #device: DeviceLayer | undefined

  /**
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  constructor(options?: LayerOptions)
  constructor(options: LayerOptions = {}, call = 0n) {
    assertObject(options, 'options')
    refuseDeviceOptions(options)
    const { seed = freshSeed() } = options
    assertSeed(seed, 'options.seed')
    this.#seed = BigInt(seed)
    this.#layer = readLayer(options.layer, 'options.layer')
    this.#counter = new CallCounter(foldIn(this.#seed, this.#layer), call)
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
   * On a device it is enqueued, and nothing waits. A forward in training that is captured into a graph draws anew at each
   * launch: from then on the calls are counted on the device, and `toJSON` waits for it. Masks and statistics belong to the
   * layer, so that its calls belong on one stream, or on streams that wait for each other.
   *
   * @param input n elements, row-major
   * @returns `options.out`, or a new array of n elements
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
   * `ERR_OUT_OF_MEMORY`), with nothing written and no call counted; CudaError
   */
  forward<T extends Tensor>(input: T, options?: LayerForwardOptions<T>): T
  /** Memory of another library is taken for float32. */
  forward(
    input: DeviceArray<'float32'> | CudaMemory,
    options?: LayerForwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  forward(input: unknown, options: AnyForwardOptions = NO_OPTIONS): Tensor {
    if (!types.isFloat32Array(input)) {
      const array = tensorOnDevice(input, 'input')
      if (array !== undefined) return this.#onDevice(readDeviceForward(array, options))
    }
    const call = readForward(input, options)
    return this.#training ? this.#train(call) : this.#evaluate(call)
  }

  /**
   * The gradient with respect to the input of the forward that it belongs to.
   *
   * @param gradOutput as many elements as that input
   * @returns `options.out`, or a new array
   * @throws Error (`ERR_INVALID_STATE`) where there was no such forward; else as `jumpoutBackward`
   */
  backward<T extends Tensor>(gradOutput: T, options?: BackwardOptions<T>): T
  backward(
    gradOutput: DeviceArray<'float32'> | CudaMemory,
    options?: BackwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  backward(gradOutput: unknown, options?: BackwardOptions<Tensor | CudaMemory>): Tensor {
    const pass = this.#training ? this.#trained : this.#evaluated
    if (pass === undefined) {
      throw invalidState(
        `a forward in ${this.#training ? 'training' : 'evaluation'} before it`,
        'backward',
        'none',
      )
    }
    const backward = this.#training || this.#settings.relu ? backwardOfPass : backwardOfIdentity
    return backward(gradOutput, pass, options)
  }

  /** Between calls, all that `fromJSON` needs to go on; the mode and what backward needs are not part of it. */
  toJSON(): JumpoutState {
    return {
      version: VERSION,
      seed: String(this.#seed),
      layer: this.#layer,
      call: String(this.#counter.call),
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
    const Restored = Jumpout as new (options: LayerOptions, call: bigint) => Jumpout
    return new Restored({ ...options, seed, layer }, call)
  }

  #train({ input, length, out, saveMask, shape }: LayerCall): Float32Array {
    const settings = this.#settings
    const { draw } = this.#counter
    const layout = shape === undefined ? this.#layoutFor(length) : layoutOf(settings, shape, length)
    const mask = saveMask ? this.#trainingMask.take(length) : undefined
    const rows = this.#rowsFor(layout.groupCount)
    const output = out ?? freshOutput(length)
    native.forward(input, output, mask, fillDescriptor(settings, layout, draw, false), rowsApart(rows))
    this.#trained = { length, mask, settings, layout, draw, rows: keepRows(rows) }
    this.#counter.advance()
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

  #onDevice(call: DeviceLayerCall): DeviceArray {
    this.#device ??= new DeviceLayer()
    if (!this.#training) {
      const { output, pass } = this.#device.evaluate(call, this.#evaluation)
      this.#evaluated = pass
      return output
    }
    const { shape, input } = call
    const settings = this.#settings
    const layout =
      shape === undefined ? this.#layoutFor(input.length) : layoutOf(settings, shape, input.length)
    const { output, pass } = this.#device.train(call, settings, layout, this.#counter)
    this.#trained = pass
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
