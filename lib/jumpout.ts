/** The layer for a training loop. */
import { BACKWARD_NAMES, type LayerBackwardOptions, prepareBackward, runBackward } from './backward'
import type { CudaMemory, DeviceArray, Tensor } from './cuda/array'
import { type Cuda, cuda, tensorOnDevice } from './cuda/place'
import { invalidState, isRevoked, wrongSubclass } from './errors'
import {
  type Done,
  type ForwardResult,
  type LayerCallOptions,
  type LayerForwardOptions,
  runForward,
} from './forward'
import { host, type NewFloat32Array, tensorOnHost } from './host/place'
import {
  CallCounter,
  type JumpoutState,
  type LayerOptions,
  Mode,
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
import type { Kinds, Memory, Place } from './pass'
import { type GroupStats, passOf, savedOf, statsOf } from './saved'
import { assertCall, assertCalls, assertSeed, foldIn, freshSeed, NO_DRAW } from './seed'

/** Evaluation drops nothing and scales by 1. */
const EVALUATION = { rate: 0, normalize: false, granularity: 'batch', unit: 'element' } as const

const NO_OPTIONS = {}

const NAMES: NamesOf<LayerForwardOptions> = { out: true, shape: true, saveMask: true, stream: true }
const FORWARD = optionNames<LayerForwardOptions>('layer.forward', NAMES)
const CALL = optionNames<LayerCallOptions>('layer.call', { ...NAMES, call: true })
const BACKWARD = optionNames<LayerBackwardOptions>('layer.backward', { ...BACKWARD_NAMES, saved: true })

type AnyCallOptions = LayerCallOptions<Tensor | CudaMemory>

/** Memory that a layer owns, on the host and on devices. */
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

const modeOf = (training: boolean, settings: Settings, reuse: boolean): Mode<OwnMemory> =>
  new Mode(training, settings, new OwnMemory(reuse), new OwnMemory(reuse))

const overtaken = (): Error =>
  invalidState('no other call of the layer while its options are read', 'backward', 'one')

let isLayer: (value: object) => value is Jumpout

const UNCLONEABLE = uncloneable('a Jumpout', 'layer.toJSON(), which Jumpout.fromJSON takes,')

/**
 * Jumpout as a layer: counts its calls, has a training and an evaluation mode, and can be checkpointed. The constructor
 * checks the options once.
 *
 * `forward` and `backward` alternate: in training, `backward` belongs to the last successful `forward` in training, and
 * runs once. In evaluation, `forward` is the identity (with `relu`, ReLU), and `backward` belongs to the last successful
 * `forward` in evaluation. The modes keep separate state, and a call that throws changes nothing. Use
 * {@link Jumpout.call | call} to apply a layer more than once before backward.
 */
export class Jumpout {
  /** @internal An own field, so that copies of own fields read it. */
  protected readonly uncloneable: object = UNCLONEABLE
  readonly #seed: bigint
  readonly #layer: number
  readonly #reuse: boolean
  /** Counts forwards in training. */
  readonly #counter: CallCounter
  readonly #trained: Mode<OwnMemory>
  readonly #evaluated: Mode<OwnMemory>
  #mode: Mode<OwnMemory>
  #layout: Layout | undefined
  #layoutLength = 0

  /**
   * A layer in training.
   *
   * @param options what it computes, its seed and its number; all have defaults
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  constructor(options: LayerOptions = {}) {
    assertOptions(options, NEW)
    const { seed = freshSeed(), calls = 0n } = options
    assertSeed(seed, 'options.seed')
    assertCalls(calls, 'options.calls')
    this.#seed = BigInt(seed)
    this.#layer = readLayer(options.layer, 'options.layer')
    this.#reuse = readBoolean(options.reuse, false, 'options.reuse')
    this.#counter = new CallCounter(foldIn(this.#seed, this.#layer), BigInt(calls))
    const settings = readSettings(options)
    this.#trained = modeOf(true, settings, this.#reuse)
    this.#evaluated = modeOf(false, { ...settings, ...EVALUATION }, this.#reuse)
    this.#mode = this.#trained
  }

  /** Whether forward drops. True for a new layer. */
  get training(): boolean {
    return this.#mode.training
  }

  /**
   * Sets the mode.
   *
   * @param mode true for training, false for evaluation. Default true
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`)
   */
  train(mode = true): this {
    this.#mode = readBoolean(mode, true, 'mode') ? this.#trained : this.#evaluated
    return this
  }

  /** Sets the mode to evaluation. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Number of forwards in training so far, by `forward` and `call`, which is the call number of the next one. If a captured
   * forward counts on a device, this waits for the device.
   */
  get calls(): bigint {
    return this.#counter.call
  }

  /** Statistics of the last `forward` in training, one entry per group; null in evaluation and before the first forward. */
  get stats(): readonly GroupStats[] | null {
    const { training, pass } = this.#mode
    return training && pass !== undefined ? statsOf(pass) : null
  }

  /**
   * Jumpout in training; in evaluation the identity, or ReLU with `relu`. On a device it is enqueued, and nothing waits. A
   * forward in training that is captured into a graph draws anew at each launch: from then on that device counts the calls,
   * forwards elsewhere and `toJSON` wait for it, and no other device may capture this layer. The layer reuses its masks and
   * statistics: enqueue its forwards on one stream, or on streams that wait for each other. Memory of another library is
   * taken for float32.
   *
   * @param input n elements, row-major
   * @param options `out`, `shape`, `saveMask` and `stream` of this call
   * @returns `options.out`, or a new array of n elements, with `reuse` the layer's own
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`), RangeError (`ERR_OUT_OF_RANGE`,
   * `ERR_OUT_OF_MEMORY`) or Error (`ERR_INVALID_STATE`: all calls are used, or another device counts them), with nothing
   * written and no call counted; CudaError
   */
  forward<O extends Float32Array = NewFloat32Array>(
    input: Float32Array,
    options?: LayerForwardOptions<O>,
  ): NoInfer<O> | NewFloat32Array
  forward<T extends Tensor>(input: T, options?: LayerForwardOptions<T>): T
  forward(
    input: DeviceArray<'float32'> | CudaMemory,
    options?: LayerForwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  forward(input: unknown, options: AnyCallOptions = NO_OPTIONS): Tensor {
    return this.#find(input, options, FORWARD).output as Tensor
  }

  /**
   * A forward for layers that are applied more than once in one graph: `saved` has its own mask and statistics, for
   * `backward` of this layer and {@link jumpoutBackward}, in any order and any number of times. It uses the layer's call
   * number, seed and mode, and leaves the state of `forward` and `backward` unchanged.
   *
   * @param input n elements, row-major
   * @param options those of `forward`, and the number of a call to repeat
   * @returns the output, which is `options.out` or a new array of n elements, and `saved`, the argument of backward
   * @throws as `forward`
   */
  call<O extends Float32Array = NewFloat32Array>(
    input: Float32Array,
    options?: LayerCallOptions<O>,
  ): ForwardResult<NoInfer<O> | NewFloat32Array>
  call<T extends Tensor>(input: T, options?: LayerCallOptions<T>): ForwardResult<T>
  call(
    input: DeviceArray<'float32'> | CudaMemory,
    options?: LayerCallOptions<DeviceArray<'float32'> | CudaMemory>,
  ): ForwardResult<DeviceArray<'float32'>>
  call(input: unknown, options: AnyCallOptions = NO_OPTIONS): ForwardResult<Tensor> {
    const { output, pass } = this.#find(input, options, CALL)
    return { output: output as Tensor, saved: savedOf(pass) }
  }

  /**
   * The gradient with respect to the input of a forward: that of `options.saved`, any number of times, or else the last
   * `forward` in this mode, once. A call that throws does not count; a call that is captured into a graph counts once.
   *
   * @param gradOutput as many elements as that input; read only, unless it is `options.out`
   * @param options `saved`, `out`, `output` and `stream` of this call
   * @returns `options.out`, or a new array, with `reuse` and without `saved` the layer's own
   * @throws Error (`ERR_INVALID_STATE`) without such a forward, or if its backward has run; else as `jumpoutBackward`
   */
  backward<O extends Float32Array = NewFloat32Array>(
    gradOutput: Float32Array,
    options?: LayerBackwardOptions<O>,
  ): NoInfer<O> | NewFloat32Array
  backward<T extends Tensor>(gradOutput: T, options?: LayerBackwardOptions<T>): T
  backward(
    gradOutput: DeviceArray<'float32'> | CudaMemory,
    options?: LayerBackwardOptions<DeviceArray<'float32'> | CudaMemory>,
  ): DeviceArray<'float32'>
  backward(gradOutput: unknown, options?: LayerBackwardOptions<Tensor | CudaMemory>): Tensor {
    const mode = this.#mode
    // The check of the other options refuses a value that is no object.
    const readable = isRevoked(options) ? undefined : (options as LayerBackwardOptions | null | undefined)
    const saved: unknown = readable?.saved
    if (saved !== undefined) {
      const pass = passOf(saved, 'options.saved')
      return runBackward(pass, prepareBackward(pass, gradOutput, options, BACKWARD)) as Tensor
    }
    const { pass } = mode
    if (pass === undefined || mode.spent) {
      if (options !== undefined) assertOptions(options, BACKWARD)
      throw mode.refusal()
    }
    const call = prepareBackward(pass, gradOutput, options, BACKWARD)
    // Code in the options may have used the layer, and a forward writes over this pass.
    if (mode.pass !== pass || mode.spent) throw overtaken()
    const gradInput = runBackward(pass, call, mode.gradients.in(pass.place))
    mode.set(pass, true, call.stream)
    return gradInput as Tensor
  }

  /** A checkpoint for {@link Jumpout.fromJSON}: options, seed and call number, but neither mode nor the state of `backward`. */
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
   * A layer in training that continues with the same draws as the checkpointed layer. Called on a subclass, it makes an
   * instance of that, by its constructor with LayerOptions. A subclass whose constructor takes other arguments needs its own
   * `fromJSON`, which passes `seed`, `layer`, the options, and the call as `calls` on to Jumpout.
   *
   * @param this Jumpout or a subclass
   * @param state what {@link Jumpout.toJSON | toJSON} returned, also after JSON
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
   */
  static fromJSON<T extends Jumpout>(this: new (options: LayerOptions) => T, state: JumpoutState): T
  static fromJSON(state: JumpoutState): Jumpout
  static fromJSON(this: unknown, value: JumpoutState): Jumpout {
    const state = readState(value)
    const { seed, layer, call: calls, options } = state
    const Class = (typeof this === 'function' ? this : Jumpout) as new (options: LayerOptions) => object
    const made = new Class({ ...options, seed, layer, calls })
    if (!isLayer(made) || !made.#hasState(state))
      throw wrongSubclass(classNameOf({ constructor: Class }, 'without a name'))
    return made
  }

  /** Whether the constructor of a subclass passed its options on. */
  #hasState({ seed, layer, call }: { seed: bigint; layer: number; call: bigint }): boolean {
    return this.#seed === seed && this.#layer === layer && this.#counter.known === call
  }

  /** Runs a forward where the input lies. */
  #find(input: unknown, options: AnyCallOptions, names: OptionNames): Done<Kinds> {
    const array = tensorOnDevice(input, 'input')
    return array === undefined
      ? this.#run(host, tensorOnHost(input, 'input'), options, names)
      : this.#run(cuda, array, options, names)
  }

  /** Everything that may throw comes before the call is counted. */
  #run<K extends Kinds>(
    place: Place<K>,
    input: K['tensor'],
    options: AnyCallOptions,
    names: OptionNames,
  ): Done<K> {
    const length = place.lengthOf(input)
    place.assertOptions(options, names)
    const { out: givenOut, stream: givenStream } = options
    const call = names === CALL ? options.call : undefined
    const out = givenOut === undefined ? undefined : place.like(givenOut, input, 'options.out')
    const saveMask = readBoolean(options.saveMask, true, 'options.saveMask')
    const shape = readShape(options.shape)
    if (call !== undefined) assertCall(call, 'options.call')
    const stream = place.streamFor(input, givenStream)
    const mode = this.#mode
    const { training, settings } = mode
    const layout = this.#layoutFor(settings, shape, length)
    let draw = NO_DRAW
    let counter: DeviceArray<'uint64'> | undefined
    if (training) {
      if (call !== undefined) draw = this.#counter.at(call)
      else if (place.isHost) ({ draw } = this.#counter)
      else ({ draw, counter } = this.#counter.take(input as unknown as DeviceArray, stream as Cuda['stream']))
    }
    const done = runForward(
      place,
      {
        input,
        length,
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
    if (training && call === undefined) this.#counter.advance(counter)
    if (names === FORWARD) mode.set(done.pass, false, stream)
    return done
  }

  /** The layout of the constructor's shape fits one length, and is kept for it. */
  #layoutFor(settings: Settings, shape: Shape | undefined, length: number): Layout {
    if (shape !== undefined || !this.#mode.training) return layoutOf(settings, shape, length)
    if (this.#layout === undefined || this.#layoutLength !== length) {
      this.#layout = layoutOf(settings, settings.shape, length)
      this.#layoutLength = length
    }
    return this.#layout
  }

  /** Fields for `util.inspect`, without waiting for a device. */
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
