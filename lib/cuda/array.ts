/** Typed arrays on CUDA devices. */
import { invalidState, invalidType, invalidValue, outOfRange, readInteger } from '../errors'
import { assertNoThen, attachedLength, checkFixed, orOutOfMemory } from '../host/memory'
import { native } from '../native'
import { assertKey, dispose, KEY, present, uncloneable } from '../objects'
import { assertOptions, type NamesOf, optionNames } from '../option-names'
import {
  allocateOnDevice,
  ANY_STREAM,
  bytesOf,
  clamp,
  type CudaMemory,
  type DeviceArrayOptions,
  DeviceMemory,
  type DeviceView,
  type DType,
  dtypeOfHost,
  DTYPES,
  type HostArray,
  type HostArrayOf,
  KINDS,
  readDtype,
  readPointer,
  wrapMemory,
  type WrapOptions,
} from './memory'
import { deviceOfStream, readDevice, readStream, type StreamedOptions } from './stream'

export type { CudaMemory, DeviceArrayOptions, DType, HostArrayOf, StreamedOptions, WrapOptions }

/** `out` of `toHost`. */
interface HostOptions extends StreamedOptions {
  out?: unknown
}

const KIND: NamesOf<DeviceArrayOptions> = { dtype: true, device: true }
const ALLOC = optionNames<DeviceArrayOptions>('DeviceArray.alloc', KIND)
const FROM = optionNames<DeviceArrayOptions & StreamedOptions>('DeviceArray.from', { ...KIND, stream: true })
const WRAP = optionNames<WrapOptions>('DeviceArray.wrap', { ...KIND, owner: true })
const COPY = optionNames<StreamedOptions>('copies and clear', { stream: true })
const TO_HOST = optionNames<HostOptions>('toHost', { stream: true, out: true })
const TO_DLPACK = optionNames<{ versioned?: boolean }>('toDLPack', { versioned: true })

/**
 * Data on the host or on a CUDA device, which decides the backend that runs. Host arrays may lie in any memory, including
 * shared memory.
 */
export type Tensor = Float32Array | DeviceArray

let viewOfArray: (array: DeviceArray) => DeviceView
let makeArray: (view: DeviceView) => DeviceArray
let hasView: (value: object) => value is DeviceArray

export const isDeviceArray = (value: unknown): value is DeviceArray =>
  typeof value === 'object' && value !== null && hasView(value)

export const viewOf = (array: DeviceArray): DeviceView => viewOfArray(array)

export const arrayOf = <D extends DType>(
  memory: DeviceMemory,
  offset: number,
  length: number,
  dtype: D,
): DeviceArray<D> => makeArray({ memory, offset, length, dtype }) as DeviceArray<D>

const readLength = (length: unknown): number =>
  readInteger(length, 'an integer >= 0', 'length', Number.MAX_SAFE_INTEGER / 8)

const UNCLONEABLE = uncloneable('a DeviceArray', 'a copy on the host, await array.toHostAsync(),')

/**
 * A typed array on a CUDA device. `free`, `using` and the garbage collector free it in stream order: work that was enqueued
 * on it is still done.
 */
export class DeviceArray<D extends DType = DType> {
  /** @internal An own field, so that copies of own fields read it. */
  protected readonly uncloneable: object = UNCLONEABLE
  readonly #view: DeviceView

  private constructor(key: symbol, view: DeviceView) {
    assertKey(key, 'memory, as alloc, from and wrap find it,', 'DeviceArray')
    this.#view = view
  }

  /**
   * Uninitialised memory, which every stream may use at once without waiting.
   *
   * @param length number of elements, an integer >= 0
   * @param options dtype and device
   * @throws CudaError where there is no CUDA or too little memory; TypeError, RangeError
   */
  static alloc<D extends DType = 'float32'>(
    length: number,
    options: DeviceArrayOptions<D> = {},
  ): DeviceArray<D> {
    const count = readLength(length)
    assertOptions(options, ALLOC)
    const dtype = readDtype(options.dtype, 'float32') as D
    const device = readDevice(options.device, 0)
    const memory = allocateOnDevice(device, count * KINDS[dtype].bytes, ANY_STREAM)
    return arrayOf(memory, 0, count, dtype)
  }

  /**
   * A copy of a typed array; a Float32Array may become any floating dtype. Returns when `data` may be used again.
   *
   * @param data n elements
   * @param options dtype, device, and the stream of the copy
   * @throws CudaError; TypeError, RangeError
   */
  static from(
    data: Uint32Array,
    options?: DeviceArrayOptions<'uint32'> & StreamedOptions,
  ): DeviceArray<'uint32'>
  static from(
    data: BigUint64Array,
    options?: DeviceArrayOptions<'uint64'> & StreamedOptions,
  ): DeviceArray<'uint64'>
  static from<D extends 'float32' | 'float16' | 'bfloat16' = 'float32'>(
    data: Float32Array,
    options?: DeviceArrayOptions<D> & StreamedOptions,
  ): DeviceArray<D>
  static from(data: HostArray, options: DeviceArrayOptions & StreamedOptions = {}): DeviceArray {
    const own = dtypeOfHost(data)
    if (own === undefined) {
      throw invalidType('a Float32Array, Uint32Array or BigUint64Array', 'data', data)
    }
    assertOptions(options, FROM)
    const { dtype: givenDtype, device: givenDevice, stream: givenStream } = options
    const dtype = readDtype(givenDtype, own)
    if (KINDS[dtype].host !== KINDS[own].host) throw invalidType(`a ${KINDS[dtype].host.name}`, 'data', data)
    const device = readDevice(givenDevice, deviceOfStream(givenStream))
    const stream = readStream(givenStream, device)
    const array = DeviceArray.alloc(attachedLength(data, 'data'), { dtype, device })
    try {
      native.copy(array.#view.memory.handle, 0, KINDS[dtype].code, stream, data, true)
    } catch (error) {
      array.free()
      throw error
    }
    return array
  }

  /**
   * An array over memory of another owner, without a copy.
   *
   * @param pointer its address; memory of the host is refused
   * @param length number of elements, an integer >= 0
   * @param options dtype, device, and the owner of the memory
   * @throws TypeError, RangeError; CudaError where there is no CUDA
   */
  static wrap<D extends DType = 'float32'>(
    pointer: bigint,
    length: number,
    options: WrapOptions<D> = {},
  ): DeviceArray<D> {
    const address = readPointer(pointer, 'pointer')
    const count = readLength(length)
    assertOptions(options, WRAP)
    const dtype = readDtype(options.dtype, 'float32') as D
    const { device, owner } = options
    if (owner !== undefined && Object(owner) !== owner) throw invalidType('an object', 'options.owner', owner)
    const { bytes } = KINDS[dtype]
    const wanted = device === undefined ? undefined : readDevice(device, 0)
    return arrayOf(wrapMemory(address, count * bytes, bytes, wanted, owner, 'pointer'), 0, count, dtype)
  }

  /**
   * Takes over a tensor of another library: a Node-API external tagged `dltensor` (docs/cuda.md), on a CUDA device, in
   * row-major order without gaps. The array is flat. The tensor is given back when the work on the array is done.
   *
   * @param tensor made by another library; its strides must be those of row-major order
   * @throws TypeError, and the tensor keeps its owner
   */
  static fromDLPack(tensor: unknown): DeviceArray {
    const [handle, device, length, code] = native.fromDLPack(tensor)
    const dtype = DTYPES[code]
    return arrayOf(new DeviceMemory(handle, device, length * KINDS[dtype].bytes), 0, length, dtype)
  }

  /** Number of elements. */
  get length(): number {
    return this.#view.length
  }

  /** The type of its elements. */
  get dtype(): D {
    return this.#view.dtype as D
  }

  /** Its index in `runtime.cuda.devices`. */
  get device(): number {
    return this.#view.memory.device
  }

  /** Its size in bytes. */
  get byteLength(): number {
    return bytesOf(this.#view)
  }

  /** Whether this array, or one over the same memory, was freed with {@link DeviceArray.free | free}. */
  get freed(): boolean {
    return this.#view.memory.handle === 0
  }

  /**
   * The address of the first element, for other libraries.
   *
   * @throws Error (`ERR_INVALID_STATE`) once it was freed
   */
  get pointer(): bigint {
    return native.pointer(this.#live('pointer')) + BigInt(this.#view.offset)
  }

  /** {@link DeviceArray.pointer | pointer} as a number, the form that \@rapidsai/cuda takes. */
  get ptr(): number {
    return Number(this.pointer)
  }

  /**
   * A part of the elements, in the same memory.
   *
   * @param begin the first of them, an integer; a negative one counts from the end. Default 0
   * @param end the one after the last, as `begin`. Default: all that follow
   * @throws TypeError, RangeError; Error (`ERR_INVALID_STATE`) once it was freed
   */
  subarray(begin = 0, end = this.#view.length): DeviceArray<D> {
    this.#live('subarray')
    const { memory, offset, length, dtype } = this.#view
    const first = clamp(begin, length, 'begin')
    const last = Math.max(clamp(end, length, 'end'), first)
    return arrayOf(memory, offset + first * KINDS[dtype].bytes, last - first, dtype as D)
  }

  /**
   * Copies the elements of another array of the same length: of a typed array, or of a DeviceArray of the same dtype and
   * device. Returns when a typed array may be used again.
   *
   * @param source as many elements as this array
   * @param options the stream of the copy
   * @throws TypeError, RangeError; CudaError
   */
  copyFrom(source: HostArrayOf<D> | DeviceArray<D>, options: StreamedOptions = {}): this {
    const { stream, handle, code } = this.#copy(options, 'copyFrom')
    if (!isDeviceArray(source)) {
      this.#checkHost(source, 'source')
      native.copy(handle, this.#view.offset, code, stream, source, true)
      return this
    }
    const { memory, offset, length, dtype } = this.#view
    const { device } = memory
    const other = source.#view
    if (other.memory.handle === 0) throw invalidValue('an array with its memory', 'source', 'a freed one')
    if (other.dtype !== dtype) throw invalidValue(`${dtype}s`, 'source', `${other.dtype}s`)
    if (other.memory.device !== device)
      throw invalidValue(`an array on device ${device}`, 'source', `one on device ${other.memory.device}`)
    if (other.length !== length) throw wrongLength(length, 'source', other.length)
    native.copyOnDevice(handle, offset, other.memory.handle, other.offset, bytesOf(other), stream)
    return this
  }

  /**
   * `copyFrom` off the main thread, settled when the copy is done. Until then use neither array. From page-locked memory
   * ({@link allocPinned}) the copy is enqueued at once, so that work enqueued after it reads the new elements.
   *
   * @param source as many elements as this array, not over a resizable buffer
   * @param options the stream of the copy
   */
  async copyFromAsync(source: HostArrayOf<D>, options: StreamedOptions = {}): Promise<this> {
    assertNoThen(this)
    const { stream, handle, code } = this.#copy(options, 'copyFromAsync')
    this.#checkHost(source, 'source')
    checkFixed(source, 'source')
    await native.copyAsync(handle, this.#view.offset, code, stream, source, true)
    return this
  }

  /**
   * The elements on the host, as {@link HostArrayOf} says, when the work enqueued on the stream so far is done.
   *
   * @param options the stream of the copy, and an array of this length as `out`. Default: a new array
   * @throws TypeError, RangeError; CudaError
   */
  toHost(options: StreamedOptions & { out?: HostArrayOf<D> | undefined } = {}): HostArrayOf<D> {
    const { stream, handle, code, out: given } = this.#copy(options, 'toHost', TO_HOST)
    const out = this.#hostFor(given)
    native.copy(handle, this.#view.offset, code, stream, out, false)
    return out
  }

  /**
   * `toHost` off the main thread. Until the promise settles, do not write the array and do not use `out`. Into page-locked
   * memory the copy is enqueued at once, and work enqueued after it may write the array.
   *
   * @param options as for `toHost`
   */
  async toHostAsync(
    options: StreamedOptions & { out?: HostArrayOf<D> | undefined } = {},
  ): Promise<HostArrayOf<D>> {
    const { stream, handle, code, out: given } = this.#copy(options, 'toHostAsync', TO_HOST)
    const out = this.#hostFor(given)
    checkFixed(out, 'options.out')
    assertNoThen(out)
    await native.copyAsync(handle, this.#view.offset, code, stream, out, false)
    return out
  }

  /**
   * Sets every element to zero.
   *
   * @param options the stream of the work
   * @throws TypeError; CudaError
   */
  clear(options: StreamedOptions = {}): this {
    const { stream, handle } = this.#copy(options, 'clear')
    native.clear(handle, this.#view.offset, bytesOf(this.#view), stream)
    return this
  }

  /**
   * A Node-API external tagged `dltensor` that refers to this memory and keeps it alive (docs/cuda.md). Before the other
   * library uses it, the work on it must be done, or the stream of that library must wait for it.
   *
   * @param options `versioned: false` for the form without a version, which older libraries expect
   * @throws TypeError; Error (`ERR_INVALID_STATE`) once it was freed
   */
  toDLPack(options: { versioned?: boolean | undefined } = {}): object {
    assertOptions(options, TO_DLPACK)
    const { versioned = true } = options
    const handle = this.#live('toDLPack')
    if (typeof versioned !== 'boolean') throw invalidType('a boolean', 'options.versioned', versioned)
    const { offset, length, dtype } = this.#view
    return native.toDLPack(handle, offset, length, KINDS[dtype].code, versioned)
  }

  /** Frees all arrays over the same memory, once work enqueued on it is done. A second call has no effect. */
  free(): void {
    this.#view.memory.free()
  }

  /** For `using`. */
  [dispose](): void {
    this.free()
  }

  #live(method: string): number {
    const { handle } = this.#view.memory
    if (handle === 0) throw invalidState('an array that was not freed', method, 'a freed one')
    return handle
  }

  /** Reads all options first, since a getter among them may free the array. */
  #copy(
    options: unknown,
    method: string,
    names = COPY,
  ): { handle: number; stream: number; code: number; out: unknown } {
    assertOptions(options, names)
    const { stream: given, out } = options as HostOptions
    const handle = this.#live(method)
    const { memory, dtype } = this.#view
    return { handle, stream: readStream(given, memory.device), code: KINDS[dtype].code, out }
  }

  #checkHost(value: unknown, argument: string): asserts value is HostArrayOf<D> {
    const { length: wanted, dtype } = this.#view
    const { host } = KINDS[dtype]
    const own = dtypeOfHost(value)
    if (own === undefined || KINDS[own].host !== host) throw invalidType(`a ${host.name}`, argument, value)
    const length = attachedLength(value as HostArray, argument)
    if (length !== wanted) throw wrongLength(wanted, argument, length)
  }

  #hostFor(out: unknown): HostArrayOf<D> {
    if (out === undefined) {
      const { host } = KINDS[this.#view.dtype]
      return orOutOfMemory(bytesOf(this.#view), () => new host(this.#view.length) as HostArrayOf<D>)
    }
    this.#checkHost(out, 'options.out')
    return out
  }

  static {
    viewOfArray = (array) => array.#view
    makeArray = (view) => new DeviceArray(KEY, view)
    hasView = (value): value is DeviceArray => #view in value
    present<DeviceArray>(this, {
      isInstance: hasView,
      kind: 'a DeviceArray',
      title: ({ length }) => `DeviceArray(${length})`,
      fields: ({ dtype, device, byteLength, freed }) => ({ dtype, device, byteLength, freed }),
    })
  }
}

const wrongLength = (expected: number, argument: string, got: number): RangeError =>
  outOfRange(`an array of length ${expected}`, argument, `one of length ${got}`)
