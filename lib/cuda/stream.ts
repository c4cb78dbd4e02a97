/** CUDA streams, and graphs recorded on them. */
import { invalidState, invalidType, invalidValue, outOfRange, readInteger } from '../errors'
import { native } from '../native'
import { assertKey, dispose, KEY, present, uncloneable } from '../objects'
import { assertOptions, optionNames } from '../option-names'

const streamsCollected = new FinalizationRegistry<number>((handle) => native.releaseStream(handle))
const graphsCollected = new FinalizationRegistry<number>((handle) => native.releaseGraph(handle))

/** Options of {@link Stream}. */
export interface StreamOptions {
  /** Its index in `runtime.cuda.devices`. Default 0. */
  device?: number | undefined
}

/** The option of all work on devices. */
export interface StreamedOptions {
  /** On a device: the stream that the work is enqueued on. Default: the legacy default stream. */
  stream?: Stream | undefined
}

/** Its number in the binding, 0 once it was destroyed. */
let handleOf: (stream: Stream) => number
let deviceOf: (stream: Stream) => number
let isStream: (value: object) => value is Stream

export function readDevice(value: unknown, missing: number): number {
  if (value === undefined) return missing
  return readInteger(value, 'the index of a device, an integer >= 0,', 'options.device', 0xffff)
}

/** The device of a stream; 0 for a value that is none, which `readStream` refuses. */
export const deviceOfStream = (value: unknown): number =>
  typeof value === 'object' && value !== null && isStream(value) ? deviceOf(value) : 0

const STREAM = optionNames<StreamOptions>('a Stream', { device: true })

const LEGACY = 1n
const PER_THREAD = 2n
const LARGEST_HANDLE = 2n ** 64n - 1n

const STAYS = 'nothing, as streams and graphs belong to the thread that made them,'
const UNCLONEABLE_STREAM = uncloneable('a Stream', STAYS)
const UNCLONEABLE_GRAPH = uncloneable('a Graph', STAYS)

/** A queue of work on a device (cudaStream_t), done in order; the work of different streams may overlap. */
export class Stream {
  /** @internal An own field, so that copies of own fields read it. */
  protected readonly uncloneable: object = UNCLONEABLE_STREAM
  readonly #device: number
  #handle: number

  /**
   * A new stream that does not wait for the legacy default stream.
   *
   * @param options its device
   * @throws TypeError or RangeError; CudaError where there is no CUDA
   */
  constructor(options?: StreamOptions)
  constructor(options: StreamOptions = {}, key?: unknown, handle?: number) {
    assertOptions(options, STREAM)
    this.#device = readDevice(options.device, 0)
    this.#handle = key === KEY ? (handle as number) : native.createStream(this.#device)
    streamsCollected.register(this, this.#handle, this)
  }

  /**
   * Another form of `new Stream(options)`.
   *
   * @param options its device
   */
  static create(options?: StreamOptions): Stream {
    return new Stream(options)
  }

  /**
   * A cudaStream_t of another library, which still owns it and must keep it for as long as it is used here. All Streams of one
   * handle share its state. Memory of work that another library records is kept until this thread ends (docs/cuda.md).
   *
   * @param handle its address; 0n is the legacy default stream of `options.device`
   * @param options its device. Default: that of the stream
   * @throws TypeError or RangeError; CudaError where CUDA does not know it
   */
  static wrap(handle: bigint, options: StreamOptions = {}): Stream {
    assertOptions(options, STREAM)
    const expected = 'the address of a cudaStream_t, a bigint,'
    if (typeof handle !== 'bigint') throw invalidType(expected, 'handle', handle)
    if (handle < 0n || handle > LARGEST_HANDLE) throw outOfRange(expected, 'handle', handle)
    if (handle === PER_THREAD) {
      throw invalidValue('a stream that is the same for all threads', 'handle', 'cudaStreamPerThread')
    }
    if (handle === 0n || handle === LEGACY) {
      const device = readDevice(options.device, 0)
      return Stream.#wrapped(native.wrapStream(0n, device), device)
    }
    const own = native.streamDevice(handle)
    const device = readDevice(options.device, own)
    if (device !== own) {
      throw invalidValue(`${own}, the device of the stream,`, 'options.device', String(device))
    }
    return Stream.#wrapped(native.wrapStream(handle, device), device)
  }

  static #wrapped(handle: number, device: number): Stream {
    const Constructor = Stream as new (options: StreamOptions, key: symbol, handle: number) => Stream
    return new Constructor({ device }, KEY, handle)
  }

  /** The index of its device in `runtime.cuda.devices`. */
  get device(): number {
    return this.#device
  }

  /**
   * Its cudaStream_t, for other libraries.
   *
   * @throws Error (`ERR_INVALID_STATE`) once it was destroyed
   */
  get handle(): bigint {
    return native.streamHandle(this.#live('handle'))
  }

  /** Whether {@link Stream.destroy | destroy} was called. */
  get destroyed(): boolean {
    return this.#handle === 0
  }

  /**
   * Whether work on it is being recorded at the moment.
   *
   * @throws Error (`ERR_INVALID_STATE`) once it was destroyed
   */
  get capturing(): boolean {
    return native.capturing(this.#live('capturing'))
  }

  /** Fulfils when all work enqueued so far is done, without blocking the event loop; rejects with a CudaError of that work. */
  async synchronize(): Promise<void> {
    await native.synchronize(this.#live('synchronize'))
  }

  /**
   * Work enqueued from now on waits on the device for all work enqueued on `other` so far. This thread does not wait.
   *
   * @param other a stream of the same or another device
   * @throws TypeError; Error (`ERR_INVALID_STATE`) once this stream was destroyed, or while a promise waits for it and `other`
   * is being captured; CudaError
   */
  wait(other: Stream): this {
    const handle = this.#live('wait')
    native.wait(handle, readStreamHandle(other, 'other'))
    return this
  }

  /**
   * Records the work that `body` enqueues on this stream, and on streams that it makes wait for this one, without running
   * it. The graph keeps all memory that it uses alive. Calls that would have to wait, such as `stats()` and copies to and
   * from ordinary host arrays, throw. Where this throws, the recording is discarded, and layers are as they were before it.
   *
   * @param body enqueues the work, and is done when it returns
   * @throws TypeError for a promise; Error (`ERR_INVALID_STATE`) once this stream was destroyed, or while a promise waits for
   * it; CudaError; and any error of `body`
   */
  capture(body: () => unknown): Graph {
    const handle = this.#live('capture')
    if (typeof body !== 'function') throw invalidType('a function', 'body', body)
    const outer = recording
    const undos: (() => void)[] = (recording = [])
    try {
      const graph = native.capture(handle, () => {
        const result = body()
        if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function')
          throw invalidValue('a function that is done when it returns', 'body', 'one that returned a promise')
      })
      return makeGraph(graph, this.#device)
    } catch (error) {
      for (const undo of undos.reverse()) undo()
      throw error
    } finally {
      recording = outer
    }
  }

  /**
   * Destroys the stream, once work enqueued on it is done and no {@link Stream.wrap | wrap} of it is left. A second call has no
   * effect.
   */
  destroy(): void {
    if (this.#handle === 0) return
    streamsCollected.unregister(this)
    native.releaseStream(this.#handle)
    this.#handle = 0
  }

  /** For `using`. */
  [dispose](): void {
    this.destroy()
  }

  #live(method: string): number {
    if (this.#handle === 0) throw invalidState('a stream that was not destroyed', method, 'a destroyed one')
    return this.#handle
  }

  static {
    handleOf = (stream) => stream.#handle
    deviceOf = (stream) => stream.#device
    isStream = (value): value is Stream => #handle in value
    present(this, {
      isInstance: isStream,
      kind: 'a Stream',
      title: () => 'Stream',
      fields: ({ device, destroyed }) => ({ device, destroyed }),
    })
  }
}

export const isCapturing = (stream: Stream | undefined): boolean =>
  stream !== undefined && native.capturing(handleOf(stream))

/** What the innermost capture of this thread is to put back if it is discarded. */
let recording: (() => void)[] | undefined

export const recordingOf = (stream: Stream | undefined): (() => void)[] | undefined =>
  recording !== undefined && isCapturing(stream) ? recording : undefined

function readStreamHandle(value: unknown, argument: string): number {
  if (typeof value !== 'object' || value === null || !isStream(value)) {
    throw invalidType('a Stream', argument, value)
  }
  const handle = handleOf(value)
  if (handle === 0) throw invalidValue('a stream that was not destroyed', argument, 'a destroyed one')
  return handle
}

/** The number of a stream in the binding; 0, the legacy default stream, for undefined. */
export function readStream(value: unknown, device: number, argument = 'options.stream'): number {
  if (value === undefined) return 0
  const handle = readStreamHandle(value, argument)
  const own = deviceOf(value as Stream)
  if (own !== device) throw invalidValue(`a stream of device ${device}`, argument, `one of device ${own}`)
  return handle
}

/** For work after a call: 0, the legacy default stream, also if the call's stream was destroyed since. */
export const handleOrDefault = (stream: Stream | undefined): number =>
  stream === undefined ? 0 : handleOf(stream)

let makeGraph: (handle: number, device: number) => Graph

/** Recorded work, launched as a whole any number of times. Made by {@link Stream.capture}. */
export class Graph {
  /** @internal An own field, so that copies of own fields read it. */
  protected readonly uncloneable: object = UNCLONEABLE_GRAPH
  readonly #device: number
  #handle: number

  private constructor(key: symbol, handle: number, device: number) {
    assertKey(key, 'a recording, as stream.capture makes it,', 'Graph')
    this.#handle = handle
    this.#device = device
    graphsCollected.register(this, handle, this)
  }

  /** The index of its device in `runtime.cuda.devices`. */
  get device(): number {
    return this.#device
  }

  /** Whether {@link Graph.free | free} was called. */
  get freed(): boolean {
    return this.#handle === 0
  }

  /**
   * Enqueues the recorded work.
   *
   * @param stream one of the graph's device. Default: the legacy default stream
   * @throws TypeError, Error (`ERR_INVALID_STATE`) once it was freed; CudaError
   */
  launch(stream?: Stream): this {
    if (this.#handle === 0) throw invalidState('a graph that was not freed', 'launch', 'a freed one')
    native.launch(this.#handle, readStream(stream, this.#device, 'stream'))
    return this
  }

  /** Frees the graph and the memory that it kept, once its launches are done. A second call has no effect. */
  free(): void {
    if (this.#handle === 0) return
    graphsCollected.unregister(this)
    native.releaseGraph(this.#handle)
    this.#handle = 0
  }

  /** For `using`. */
  [dispose](): void {
    this.free()
  }

  static {
    makeGraph = (handle, device) => new Graph(KEY, handle, device)
    present(this, {
      isInstance: (value): value is Graph => #handle in value,
      kind: 'a Graph',
      title: () => 'Graph',
      fields: ({ device, freed }) => ({ device, freed }),
    })
  }
}
