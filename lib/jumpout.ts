/** The layer for a training loop. */
import { BACKWARD_NAMES, type LayerBackwardOptions, runBackward } from './backward'
import type { CudaMemory, DeviceArray, Tensor } from './cuda/array'
import { type Cuda, cuda, tensorOnDevice } from './cuda/place'
import { invalidState, wrongSubclass } from './errors'
import {
  type Done,
  type ForwardResult,
  type LayerCallOptions,
  type LayerForwardOptions,
  runForward,
} from './forward'
import { host, tensorOnHost } from './host/place'
import {
  CallCounter,
  type JumpoutState,
  type LayerOptions,
  NEW,
  optionsOf,
  readLayer,
  readState,
  VERSION,
} from './layer'
import { type Layout, layoutOf, readShape, type Shape } from './layout'
import { classNameOf, present, uncloneable } from './objects'
import { assertOptions, type NamesOf, type OptionNames, optionNames } from './option-names'
import { readBoolean, readSettings, type Settings } from './options'
import type { Kinds, Memory, Pass, Place } from './pass'
import { type GroupStats, savedOf, SavedPass, statsOf } from './saved'
import { assertCall, assertSeed, foldIn, freshSeed, NO_DRAW } from './seed'

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const

const NO_OPTIONS = {}

const NAMES: NamesOf<LayerForwardOptions> = { out: true, shape: true, saveMask: true, stream: true }
const FORWARD = optionNames<LayerForwardOptions>('layer.forward', NAMES)
const CALL = optionNames<LayerCallOptions>('layer.call', { ...NAMES, call: true })
const BACKWARD = optionNames<LayerBackwardOptions>('layer.backward', { ...BACKWARD_NAMES, saved: true })

type AnyCallOptions = LayerCallOptions<Tensor | CudaMemory>

/** Memory that a layer owns, in each place. */
class OwnMemory {
  readonly #host: Memory
  readonly #cuda: Memory

  constructor(reuse: boolean) {
    this.#host = host.kept(reuse)
    this.#cuda = cuda.kept(reuse)
  }

  in<K extends Kinds>(place: Place<K>): Memory<K> {
    return (place.isHost ? this.#host : this.#cuda) as Memory<K>
  }
}

/** What a layer does and keeps in one mode. */
class Mode {
  readonly training: boolean
  readonly settings: Settings
  readonly results: OwnMemory
  readonly gradients: OwnMemory
  /** Of the last `forward`. */
  pass: Pass | undefined
  /** Whether its one backward was made. */
  spent = false

  constructor(training: boolean, settings: Settings, reuse: boolean) {
    this.training = training
    this.settings = settings
    this.results = new OwnMemory(reuse)
    this.gradients = new OwnMemory(reuse)
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
    host.assertOptions(options, NEW)
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
    return this.#find(input, options, FORWARD).output as Tensor
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
    const { output, pass } = this.#find(input, options, CALL)
    return { output: output as Tensor, saved: savedOf(pass) }
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
      const pass = SavedPass.passOf(saved, 'options.saved')
      return runBackward(pass, gradOutput, options, pass.place.fresh, BACKWARD) as Tensor
    }
    const { pass } = mode
    if (pass === undefined || mode.spent) {
      if (options !== undefined) assertOptions(options, BACKWARD)
      throw mode.refusal()
    }
    const gradInput = runBackward(pass, gradOutput, options, mode.gradients.in(pass.place), BACKWARD)
    if (mode.pass === pass) mode.spent = true
    return gradInput as Tensor
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

  /** On whichever place the input lies. */
  #find(input: unknown, options: AnyCallOptions, names: OptionNames): Done<Kinds> {
    const array = tensorOnDevice(input, 'input')
    return array === undefined
      ? this.#run(host, tensorOnHost(input, 'input'), options, names)
      : this.#run(cuda, array, options, names)
  }

  /** All that may fail comes before anything is counted. */
  #run<K extends Kinds>(
    place: Place<K>,
    input: K['tensor'],
    options: AnyCallOptions,
    names: OptionNames,
  ): Done<K> {
    place.assertOptions(options, names)
    const { out: givenOut, stream: givenStream } = options
    const call = names === CALL ? options.call : undefined
    const out = givenOut === undefined ? undefined : place.like(givenOut, input, 'options.out')
    const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
    const shape = readShape(options.shape)
    if (call !== undefined) assertCall(call, 'options.call')
    const stream = givenStream === undefined ? undefined : place.streamFor(input, givenStream)
    const mode = this.#mode
    const { training, settings } = mode
    const layout = this.#layoutFor(settings, shape, input.length)
    let draw = NO_DRAW
    let counter: K['tensor'] | undefined
    if (training) {
      if (call !== undefined) draw = this.#counter.at(call)
      else if (place.isHost) ({ draw } = this.#counter)
      else ({ draw, counter } = this.#counter.take(input.device as number, stream as Cuda['stream']))
    }
    const done = runForward(
      place,
      {
        input,
        out,
        saveMask,
        mask: undefined,
        settings,
        layout,
        draw,
        counter,
        training,
        counts: undefined,
        active: undefined,
        stream,
      },
      names === FORWARD ? mode.results.in(place) : place.fresh,
    )
    if (training && call === undefined && counter === undefined) this.#counter.advance()
    if (names === FORWARD) {
      mode.pass = done.pass
      mode.spent = false
    }
    return done
  }

  /** The shape given to the constructor fits one length alone. */
  #layoutFor(settings: Settings, shape: Shape | undefined, length: number): Layout {
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
    present<Jumpout>(this, {
      isInstance: isLayer,
      kind: 'a Jumpout',
      title: (layer) => classNameOf(layer, 'Jumpout'),
      fields: (layer) => {
        const { uncloneable: _, ...own } = layer
        return { ...layer.#shown(), ...own }
      },
    })
  }
}
