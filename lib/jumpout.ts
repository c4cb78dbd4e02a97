/** The layer for a training loop. */
import type { Tensor } from './arrays'
import { backwardOfPass } from './backward'
import { CallCounter } from './call-counter'
import type { CudaMemory } from './cuda-memory'
import type { DeviceArray } from './device-array'
import { forwardOnDevice, type Plan } from './device-layer'
import { invalidState, nameKind, wrongSubclass } from './errors'
import type { ForwardResult } from './forward'
import { classNameOf, inspectable, uncloneable } from './inspect'
import {
  type AnyCallOptions,
  BACKWARD,
  CALL,
  FORWARD,
  type HostLayerCall,
  type LayerBackwardOptions,
  type LayerCall,
  type LayerCallOptions,
  type LayerForwardOptions,
  type LayerOptions,
  NEW,
  readCallNumber,
  readLayerCall,
} from './layer-options'
import { type Layout, layoutOf } from './layout'
import { native } from './native'
import { assertOptions } from './option-names'
import { readBoolean, readSettings, refuseDeviceOptions, type Settings } from './options'
import { fillDescriptor, type HostPass, isIdentity, keepRows, type Pass, rowsApart } from './pass'
import { FRESH, OwnResults, type Results } from './results'
import { type GroupStats, SavedPass, statsOf } from './saved'
import { assertCall, assertSeed, foldIn, freshSeed, NO_DRAW } from './seed'
import { type JumpoutState, optionsOf, readLayer, readState, VERSION } from './state'

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const

const NO_OPTIONS = {}

interface Done {
  readonly output: Tensor
  readonly pass: Pass
}

function forwardOnHost(
  { input, length, out, saveMask }: HostLayerCall,
  { training, settings, layout, draw }: Plan,
  results: Results,
): { output: Float32Array; pass: HostPass } {
  const identity = isIdentity({ training, settings })
  const mask = saveMask && !identity ? results.mask(length) : undefined
  const rows = results.rows(layout.groupCount)
  const output = out ?? results.output(input)
  if (identity) {
    native.identity(input, output)
  } else {
    // In evaluation, a rate of 0 needs no counts: given ones save a pass.
    if (!training) rows.fill(length, 0, 2)
    native.forward(input, output, mask, fillDescriptor(settings, layout, draw, !training), rowsApart(rows))
  }
  return { output, pass: { length, mask, settings, layout, draw, training, rows: keepRows(rows) } }
}

/** What a layer does and keeps in one mode. */
class Mode {
  readonly training: boolean
  readonly settings: Settings
  readonly results: OwnResults
  readonly gradients: OwnResults
  /** Of the last `forward`. */
  pass: Pass | undefined
  /** Whether its one backward was made. */
  spent = false

  constructor(training: boolean, settings: Settings, reuse: boolean) {
    this.training = training
    this.settings = settings
    this.results = new OwnResults(reuse)
    this.gradients = new OwnResults(reuse)
  }

  /** Why there is nothing to go backward from. */
  refusal(): Error {
    if (this.pass === undefined) {
      const name = this.training ? 'training' : 'evaluation'
      return invalidState(`a forward in ${name} before it`, 'backward', 'none')
    }
    const expected =
      'a new forward, or { saved }, which layer.call(input) returns and backward takes any number of times,'
    return invalidState(expected, 'backward', 'a second backward of one forward')
  }
}

let isLayer: (value: object) => value is Jumpout

const UNCLONEABLE = uncloneable('a Jumpout', 'layer.toJSON(), which Jumpout.fromJSON takes,')

/**
 * Jumpout as a layer: counts its calls, knows training from evaluation, can be checkpointed. The options are checked once,
 * here.
 *
 * `forward` and `backward` take turns: in training, `backward` belongs to the last successful `forward` in training, and
 * is made once. In evaluation, `forward` is the identity (with `relu`, ReLU), and `backward` belongs to the last successful
 * `forward` in evaluation. Neither mode disturbs what the other keeps, and a call that throws changes nothing. A layer that
 * is applied more than once before backward is applied with `call`.
 */
export class Jumpout {
  /** @internal An own field, for what copies own fields. */
  protected readonly uncloneable: object = UNCLONEABLE
  readonly #seed: bigint
  readonly #layer: number
  readonly #reuse: boolean
  /** Of forwards in training. */
  readonly #counter: CallCounter
  readonly #trained: Mode
  readonly #evaluated: Mode
  #mode: Mode
  #layout: Layout | undefined
  #layoutLength = 0

  /**
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  constructor(options: LayerOptions = {}) {
    refuseDeviceOptions(options)
    assertOptions(options, NEW)
    const { seed = freshSeed(), calls = 0n } = options
    assertSeed(seed, 'options.seed')
    assertCall(calls, 'options.calls')
    this.#seed = BigInt(seed)
    this.#layer = readLayer(options.layer, 'options.layer')
    this.#reuse = readBoolean(options.reuse, false, 'options.reuse')
    this.#counter = new CallCounter(foldIn(this.#seed, this.#layer), BigInt(calls))
    const settings = readSettings(options)
    this.#trained = new Mode(true, settings, this.#reuse)
    this.#evaluated = new Mode(false, { ...settings, ...EVALUATION }, this.#reuse)
    this.#mode = this.#trained
  }

  /** Whether forward drops. True for a new layer. */
  get training(): boolean {
    return this.#mode.training
  }

  /** Sets the mode: training, or with false, evaluation. */
  train(mode = true): this {
    this.#mode = readBoolean(mode, true, 'mode') ? this.#trained : this.#evaluated
    return this
  }

  /** Sets the mode to evaluation. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Forwards in training so far, by `forward` and `call` alike: the number of the next one. Where a captured one counts on
   * a device, this waits for it.
   */
  get calls(): bigint {
    return this.#counter.call
  }

  /** Of the last `forward` in training, one entry a group; null in evaluation and before the first forward. */
  get stats(): readonly GroupStats[] | null {
    const { training, pass } = this.#mode
    return training && pass !== undefined ? statsOf(pass) : null
  }

  /**
   * On a device it is enqueued, and nothing waits. A forward in training that is captured into a graph draws anew at each
   * launch: from then on the calls are counted on the device, and `toJSON` waits for it. Masks and statistics belong to the
   * layer, so that its forwards belong on one stream, or on streams that wait for each other.
   *
   * @param input n elements, row-major
   * @returns `options.out`, or a new array of n elements, with `reuse` the layer's own
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
   * `ERR_OUT_OF_MEMORY`), with nothing written and no call counted; CudaError
   */
  forward<T extends Tensor>(input: T, options?: LayerForwardOptions<T>): T
  /** Memory of another library is taken for float32. */
  forward(
    input: DeviceArray<'float32'> | CudaMemory,
    options?: LayerForwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  forward(input: unknown, options: AnyCallOptions = NO_OPTIONS): Tensor {
    const call = readLayerCall(input, options, FORWARD)
    const mode = this.#mode
    const { output, pass } = this.#run(call, undefined, mode.results)
    mode.pass = pass
    mode.spent = false
    return output
  }

  /**
   * A forward for layers that are applied more than once in one graph: `saved` has mask and statistics of its own, for
   * `backward` of this layer and `jumpoutBackward`, in any order and as often as wanted. Call number, seed and mode are the
   * layer's, and what `forward` left for `backward` stays.
   *
   * @param input n elements, row-major
   * @returns the output, which is `options.out` or a new array of n elements, and what backward needs
   * @throws as `forward`
   */
  call<T extends Tensor>(input: T, options?: LayerCallOptions<T>): ForwardResult<T>
  /** Memory of another library is taken for float32. */
  call(
    input: DeviceArray<'float32'> | CudaMemory,
    options?: LayerCallOptions<DeviceArray<'float32'> | CudaMemory>,
  ): ForwardResult<DeviceArray<'float32'>>
  call(input: unknown, options: AnyCallOptions = NO_OPTIONS): ForwardResult<Tensor> {
    const call = readLayerCall(input, options, CALL)
    const { output, pass } = this.#run(call, readCallNumber(options), FRESH)
    return { output, saved: new SavedPass(pass) }
  }

  /**
   * The gradient with respect to the input of the forward that it belongs to: of `options.saved`, as often as wanted, or
   * else of the last `forward` in this mode, once. What throws uses nothing up; what is captured into a graph is one use.
   *
   * @param gradOutput as many elements as that input
   * @returns `options.out`, or a new array, with `reuse` and without `saved` the layer's own
   * @throws Error (`ERR_INVALID_STATE`) where there was no such forward, or its backward was made; else as `jumpoutBackward`
   */
  backward<T extends Tensor>(gradOutput: T, options?: LayerBackwardOptions<T>): T
  backward(
    gradOutput: DeviceArray<'float32'> | CudaMemory,
    options?: LayerBackwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  backward(gradOutput: unknown, options?: LayerBackwardOptions<Tensor | CudaMemory>): Tensor {
    const mode = this.#mode
    // What is no object is refused by whoever reads the rest.
    const saved: unknown = (options as LayerBackwardOptions | null | undefined)?.saved
    if (saved !== undefined) {
      return backwardOfPass(gradOutput, SavedPass.passOf(saved, 'options.saved'), options, FRESH, BACKWARD)
    }
    const { pass } = mode
    if (pass === undefined || mode.spent) {
      if (options !== undefined) assertOptions(options, BACKWARD)
      throw mode.refusal()
    }
    const gradInput = backwardOfPass(gradOutput, pass, options, mode.gradients, BACKWARD)
    if (mode.pass === pass) mode.spent = true
    return gradInput
  }

  /** Between calls, all that `fromJSON` needs to go on; the mode and what backward needs are not part of it. */
  toJSON(): JumpoutState {
    return {
      version: VERSION,
      seed: String(this.#seed),
      layer: this.#layer,
      call: String(this.#counter.call),
      options: optionsOf(this.#trained.settings, this.#reuse),
    }
  }

  /**
   * A layer in training that makes the very draws that the other would have made next. Called on a subclass it makes one of
   * that, by its constructor with LayerOptions. A subclass whose constructor takes anything else needs a `fromJSON` of its
   * own, which hands `seed` and `layer`, the options, and the call as `calls` on to this one.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  static fromJSON<T extends Jumpout>(this: new (options: LayerOptions) => T, state: JumpoutState): T
  static fromJSON(state: JumpoutState): Jumpout
  static fromJSON(this: unknown, value: JumpoutState): Jumpout {
    const state = readState(value)
    const { seed, layer, call: calls, options } = state
    const Class = (typeof this === 'function' ? this : Jumpout) as new (options: LayerOptions) => object
    const made = new Class({ ...options, seed, layer, calls })
    if (!isLayer(made) || !made.#hasState(state)) throw wrongSubclass(Class.name)
    return made
  }

  /** Whether a subclass handed on what it was given. */
  #hasState({ seed, layer, call }: { seed: bigint; layer: number; call: bigint }): boolean {
    return this.#seed === seed && this.#layer === layer && this.#counter.known === call
  }

  /**
   * Arguments are good; all that may fail comes before anything is counted.
   *
   * @param again the number of a call that is made again
   */
  #run(call: LayerCall, again: number | bigint | undefined, results: Results): Done {
    const { training, settings } = this.#mode
    const layout = this.#layoutFor(settings, call)
    let draw = NO_DRAW
    let onDevice: DeviceArray | undefined
    if (training) {
      if (again !== undefined) draw = this.#counter.at(again)
      else if (call.place === undefined) draw = this.#counter.draw
      else ({ draw, counter: onDevice } = this.#counter.take(call.place.device, call.stream))
    }
    const plan = { training, settings, layout, draw }
    const done =
      call.place === undefined
        ? forwardOnHost(call, plan, results)
        : forwardOnDevice(call, plan, onDevice, results)
    if (training && again === undefined && onDevice === undefined) this.#counter.advance()
    return done
  }

  /** The shape given to the constructor fits one length alone. */
  #layoutFor(settings: Settings, { shape, length }: LayerCall): Layout {
    if (shape !== undefined || !this.#mode.training) return layoutOf(settings, shape, length)
    if (this.#layout === undefined || this.#layoutLength !== length) {
      this.#layout = layoutOf(settings, settings.shape, length)
      this.#layoutLength = length
    }
    return this.#layout
  }

  /** Nothing is read from a device. */
  #shown(): object {
    return {
      training: this.training,
      calls: this.#counter.known ?? 'on the device',
      seed: this.#seed,
      layer: this.#layer,
      options: optionsOf(this.#trained.settings, this.#reuse),
    }
  }

  static {
    isLayer = (value): value is Jumpout => #seed in value
    inspectable(
      this,
      (layer) => classNameOf(layer, 'Jumpout'),
      (layer) => {
        const { uncloneable: _, ...own } = layer
        return { ...layer.#shown(), ...own }
      },
      isLayer,
    )
  }
}

nameKind((value) => (isLayer(value) ? 'a Jumpout' : undefined))
