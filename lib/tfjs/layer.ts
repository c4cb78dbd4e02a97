/** Jumpout as a layer of tfjs-layers. */
import type { serialization, Tensor } from '@tensorflow/tfjs-core'
import type { layers, SymbolicTensor } from '@tensorflow/tfjs-layers'
import { invalidType, isObject, isRevoked } from '../errors'
import { CallCounter, optionsOf, readDecimal, readLayer } from '../layer'
import { assertOptions, optionNames, optionsIn } from '../option-names'
import type { GroupStats } from '../saved'
import { assertCalls, assertSeed, foldIn, freshSeed } from '../seed'
import { apply, assertTensor, readTensorSettings, TENSOR_OPTIONS, type TensorOptions } from './op'
import { type Core, findLayers, type Layers, loadLayers } from './peers'

/** The arguments of every layer of tfjs-layers: name, inputShape and so on. */
type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>

/** Options of the layer: those of jumpout, its seed, and the arguments of every layer. */
export interface JumpoutLayerOptions extends TensorOptions, LayerArgs {
  /** Unsigned 64-bit, or such a number as a decimal string. Default: fresh entropy. */
  seed?: number | bigint | string | undefined
  /** Tells layers apart that share a seed: a safe integer >= 0, which `foldIn` takes. Default 0. */
  layer?: number | undefined
  /** Number of applications in training already made, at most 2^63 - 1, or the same as a decimal string. Default 0. */
  calls?: number | bigint | string | undefined
}

const LAYER = optionNames<JumpoutLayerOptions>(
  'the layer jumpout',
  {
    ...TENSOR_OPTIONS,
    seed: true,
    layer: true,
    calls: true,
    inputShape: true,
    batchInputShape: true,
    batchSize: true,
    dtype: true,
    name: true,
    trainable: true,
    weights: true,
    inputDType: true,
  },
  false,
)

/** The layer that {@link jumpout} makes. */
export interface JumpoutLayer extends layers.Layer {
  /**
   * Number of applications in training so far, which is the call number of the next one. It is part of `getConfig`, and so of
   * a saved model, and it is no weight. Set it to what another layer had to go on with its draws.
   *
   * @throws TypeError (`ERR_INVALID_ARG_TYPE`) or RangeError (`ERR_OUT_OF_RANGE`), where it is set to what is no call number
   */
  get calls(): bigint
  /**
   * Sets the call number of the next application in training.
   *
   * @param calls at most 2^63 - 1
   */
  set calls(calls: number | bigint)
  /** Statistics of the last application in training, one entry per group; null before the first. */
  readonly stats: readonly GroupStats[] | null
}

/** 64-bit numbers in the configuration of a layer are decimal strings. */
const readNumber = (value: unknown, argument: string): unknown =>
  typeof value === 'string' ? readDecimal(value, argument) : value

/** What a list of one has, or what is no list; a symbolic tensor too. */
function onlyInput<T>(inputs: T | T[]): T {
  const list = !isRevoked(inputs) && Array.isArray(inputs)
  const input: unknown = list && inputs.length === 1 ? inputs[0] : inputs
  if (!isObject(input) || Array.isArray(input)) throw invalidType('one tensor', 'inputs', inputs)
  return input as T
}

function assertObject(value: unknown, argument: string): void {
  if (!isObject(value)) throw invalidType('an object', argument, value)
}

type LayerClass = new (options: JumpoutLayerOptions) => JumpoutLayer

/** The class extends that of one copy of tfjs-layers. */
function classFor(tf: typeof Core, tfl: typeof Layers): LayerClass {
  return class Jumpout extends tfl.layers.Layer implements JumpoutLayer {
    /** The name in saved models. */
    static readonly className = 'Jumpout'
    readonly #seed: bigint
    readonly #layer: number
    readonly #settings: ReturnType<typeof readTensorSettings>
    #counter: CallCounter
    #stats: readonly GroupStats[] | null = null

    constructor(options: JumpoutLayerOptions = {}) {
      assertOptions(options, LAYER)
      const { seed: given = freshSeed(), calls: made = 0 } = options
      const seed = readNumber(given, 'options.seed')
      const calls = readNumber(made, 'options.calls')
      assertSeed(seed, 'options.seed')
      assertCalls(calls, 'options.calls')
      const layer = readLayer(options.layer, 'options.layer')
      const settings = readTensorSettings(options)
      super(options)
      this.#seed = BigInt(seed)
      this.#layer = layer
      this.#settings = settings
      this.#counter = this.#counterAt(calls)
      this.supportsMasking = true
    }

    get calls(): bigint {
      return this.#counter.call
    }

    set calls(calls: number | bigint) {
      assertCalls(calls, 'calls')
      this.#counter = this.#counterAt(calls)
    }

    get stats(): readonly GroupStats[] | null {
      return this.#stats
    }

    override call(inputs: Tensor | Tensor[], kwargs: Record<string, unknown> = {}): Tensor {
      return tf.tidy(() => {
        const x = onlyInput(inputs)
        assertObject(kwargs, 'kwargs')
        this.invokeCallHook(inputs, kwargs)
        const { training } = kwargs // before the checks, as a getter may dispose the tensor
        assertTensor(tf, x)
        if (!training) return this.#settings.relu ? tf.relu(x) : x
        const y = apply(tf, x, this.#settings, this.#counter.draw, (stats) => (this.#stats = stats))
        this.#counter.advance()
        return y
      })
    }

    override apply(
      inputs: Parameters<layers.Layer['apply']>[0],
      kwargs?: Parameters<layers.Layer['apply']>[1],
    ): ReturnType<layers.Layer['apply']> {
      if (isRevoked(kwargs)) throw invalidType('an object', 'kwargs', kwargs)
      return super.apply(onlyInput<Tensor | SymbolicTensor>(inputs), kwargs)
    }

    override getConfig(): ReturnType<layers.Layer['getConfig']> {
      return {
        ...super.getConfig(),
        ...(optionsOf(this.#settings, false) as object),
        seed: String(this.#seed),
        layer: this.#layer,
        calls: String(this.calls),
      }
    }

    /** tfjs-layers adds `customObjects` to the configuration. */
    static override fromConfig<T extends serialization.Serializable>(
      Class: serialization.SerializableConstructor<T>,
      dict: serialization.ConfigDict,
    ): T {
      assertObject(dict, 'config')
      const { customObjects: _, ...config } = dict
      return new Class({ ...config, ...optionsIn(dict, LAYER) })
    }

    #counterAt(calls: number | bigint): CallCounter {
      return new CallCounter(foldIn(this.#seed, this.#layer), BigInt(calls))
    }
  }
}

const classes = new WeakMap<typeof Layers, LayerClass>()

/** Made once for each copy of tfjs-layers, and known to its `loadLayersModel`. */
function classOf({ tf, tfl }: ReturnType<typeof loadLayers>): LayerClass {
  let made = classes.get(tfl)
  if (made === undefined) {
    made = classFor(tf, tfl)
    classes.set(tfl, made)
    tf.serialization.registerClass(made as never)
  }
  return made
}

/** So that `loadLayersModel` knows the layer before the first one is made. */
export function registerLayer(): void {
  const found = findLayers()
  if (found !== undefined) classOf(found)
}

/**
 * Jumpout as a layer, for `tf.sequential` and functional models. It drops in training, and is the identity, or with `relu`
 * ReLU, in evaluation. It counts its applications in training; a saved model goes on with the very draws.
 *
 * @param options what it computes, its seed and its number, and the arguments of every layer; all have defaults
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`); Error
 * (`ERR_NO_TFJS`) without tfjs-layers
 */
export function jumpout(options: JumpoutLayerOptions = {}): JumpoutLayer {
  return new (classOf(loadLayers()))(options)
}
