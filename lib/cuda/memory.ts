/** Memory on CUDA devices, of this package and of other libraries, and the types of its elements. */
import { isBigUint64Array, isFloat32Array, isUint32Array } from 'node:util/types'
import { invalidType, invalidValue, isRevoked, outOfRange } from '../errors'
import { native } from '../native'

/** 16-bit floats are float32 on the host: copies to the host widen them, copies to the device round to nearest even. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'uint32' | 'uint64'

/** The typed array that stands for a dtype on the host. */
export type HostArrayOf<D extends DType> = D extends 'uint32'
  ? Uint32Array
  : D extends 'uint64'
    ? BigUint64Array
    : Float32Array

export type HostArray = HostArrayOf<DType>

interface Kind {
  /** Its number in the binding: the position in this list and in csrc/core/dtype.hpp. */
  readonly code: number
  readonly bytes: number
  readonly floating: boolean
  /** The typed array on the host. */
  readonly host: { readonly name: string; new (length: number): HostArray }
}

export const KINDS: Readonly<Record<DType, Kind>> = {
  float32: { code: 0, bytes: 4, floating: true, host: Float32Array },
  float16: { code: 1, bytes: 2, floating: true, host: Float32Array },
  bfloat16: { code: 2, bytes: 2, floating: true, host: Float32Array },
  uint32: { code: 3, bytes: 4, floating: false, host: Uint32Array },
  uint64: { code: 4, bytes: 8, floating: false, host: BigUint64Array },
}

export const DTYPES = Object.keys(KINDS) as readonly DType[]

const QUOTED = DTYPES.map((name) => `'${name}'`)
const EXPECTED = `${QUOTED.slice(0, -1).join(', ')} or ${QUOTED.slice(-1).join()}`

export function readDtype(value: unknown, missing: DType): DType {
  if (value === undefined) return missing
  if (typeof value !== 'string') throw invalidType(EXPECTED, 'options.dtype', value)
  const found = DTYPES.find((name) => name === value)
  if (found === undefined) throw invalidValue(EXPECTED, 'options.dtype', `'${value.slice(0, 40)}'`)
  return found
}

/** The dtype that a typed array of the host has by itself; undefined for other values. */
export function dtypeOfHost(data: unknown): DType | undefined {
  if (isFloat32Array(data)) return 'float32'
  if (isUint32Array(data)) return 'uint32'
  return isBigUint64Array(data) ? 'uint64' : undefined
}

/** Options of {@link DeviceArray.alloc} and {@link DeviceArray.from}. */
export interface DeviceArrayOptions<D extends DType = DType> {
  /** Default: 'float32'; with `from`, the type of the typed array. */
  dtype?: D | undefined
  /** Its index in `runtime.cuda.devices`. Default 0; with `from`, the device of `stream`; with `wrap`, that of the memory. */
  device?: number | undefined
}

/** Options of {@link DeviceArray.wrap}. */
export interface WrapOptions<D extends DType = DType> extends DeviceArrayOptions<D> {
  /** The owner of the memory: kept alive until the work on the array is done. Default: none. */
  owner?: object | undefined
}

const collected = new FinalizationRegistry<number>((handle) => native.releaseMemory(handle))

export class DeviceMemory {
  readonly device: number
  readonly bytes: number
  #handle: number

  constructor(handle: number, device: number, bytes: number) {
    this.#handle = handle
    this.device = device
    this.bytes = bytes
    collected.register(this, handle, this)
  }

  /** Its number in the binding, 0 once it was freed. */
  get handle(): number {
    return this.#handle
  }

  /** In stream order: the work enqueued on it is still done. */
  free(): void {
    if (this.#handle === 0) return
    collected.unregister(this)
    native.releaseMemory(this.#handle)
    this.#handle = 0
  }
}

/** A part of memory, from an offset in bytes on. */
export interface DeviceSpan {
  readonly memory: DeviceMemory
  readonly offset: number
}

/** An array: its part of the memory. */
export interface DeviceView extends DeviceSpan {
  readonly length: number
  readonly dtype: DType
}

export const bytesOf = ({ length, dtype }: DeviceView): number => length * KINDS[dtype].bytes

/** The `stream` of memory that any stream may use at once, even while one is being captured. */
export const ANY_STREAM = -1

/** Uninitialised, unless `cleared`. `stream` is a number of the binding, or ANY_STREAM. */
export const allocateOnDevice = (
  device: number,
  bytes: number,
  stream: number,
  cleared = false,
): DeviceMemory => new DeviceMemory(native.allocate(device, bytes, stream, cleared), device, bytes)

/** Device memory in the form of @rapidsai/cuda and others. */
export interface CudaMemory {
  /** Its address on a device. */
  readonly ptr: number | bigint
  /** Its size in bytes. */
  readonly byteLength: number
  /** Memory with a dtype is refused, since the argument says what it is taken for: data for float32. */
  readonly dtype?: undefined
}

export const isCudaMemory = (value: unknown): value is CudaMemory =>
  typeof value === 'object' &&
  value !== null &&
  !isRevoked(value) &&
  !ArrayBuffer.isView(value) &&
  'ptr' in value &&
  'byteLength' in value

const EXPECTED_POINTER = 'a pointer to device memory, a bigint,'

export function readPointer(value: unknown, argument: string): bigint {
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw invalidType(EXPECTED_POINTER, argument, value)
  const fits = typeof value === 'bigint' ? value < 2n ** 64n : Number.isSafeInteger(value)
  if (!fits || value < 0) throw outOfRange(EXPECTED_POINTER, argument, value)
  return BigInt(value)
}

/** The device that the whole range lies on, according to CUDA. */
function deviceOf(pointer: bigint, bytes: number, argument: string): number {
  const device = native.memoryOf(pointer)
  if (device < 0)
    throw invalidValue('a pointer to device memory', argument, 'one to memory of the host or to none')
  if (bytes > 1 && native.memoryOf(pointer + BigInt(bytes - 1)) !== device) {
    throw invalidValue(`device memory of ${bytes} bytes`, argument, 'a pointer to less')
  }
  return device
}

/** `device` undefined: any device. `owner` is kept alive until the work on the memory is done. */
export function wrapMemory(
  pointer: bigint,
  bytes: number,
  alignment: number,
  device: number | undefined,
  owner: object | undefined,
  argument: string,
): DeviceMemory {
  const found = bytes === 0 ? (device ?? 0) : deviceOf(pointer, bytes, argument)
  if (device !== undefined && device !== found) {
    throw invalidValue(`memory of device ${device}`, argument, `memory of device ${found}`)
  }
  if (pointer % BigInt(alignment) !== 0n) {
    throw invalidValue(`memory aligned to ${alignment} bytes`, argument, 'a misaligned pointer')
  }
  return new DeviceMemory(native.wrapMemory(pointer, bytes, found, owner), found, bytes)
}

/** An index between 0 and `length`; negative ones count from the end. */
export function clamp(index: unknown, length: number, argument: string): number {
  if (typeof index !== 'number') throw invalidType('an integer', argument, index)
  if (!Number.isInteger(index)) throw outOfRange('an integer', argument, index)
  return Math.min(Math.max(index < 0 ? length + index : index, 0), length)
}
