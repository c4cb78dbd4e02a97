/** Checks of the arrays on devices that callers pass. */
import { type CudaMemory, isCudaMemory, readPointer, wrapMemory } from './cuda-memory'
import { arrayOf, DeviceArray, isDeviceArray } from './device-array'
import { type DType, KINDS } from './dtype'
import { invalidType, invalidValue, outOfRange } from './errors'

/** An array that a call on a device reads or writes. */
export type DeviceArgument = DeviceArray | CudaMemory

/** Not an object that only inherits from DeviceArray: its getters throw. */
export const isDeviceArgument = (value: unknown): value is DeviceArgument =>
  isDeviceArray(value) || (isCudaMemory(value) && !(value instanceof DeviceArray))

/** Memory of another library: it is kept alive until the work on it is done. */
function wrapped(value: CudaMemory, dtype: DType, argument: string): DeviceArray {
  const { ptr, byteLength } = value
  const { bytes } = KINDS[dtype]
  const expected = `a byteLength that is a multiple of ${bytes}`
  if (typeof byteLength !== 'number') throw invalidType(expected, argument, byteLength)
  if (!Number.isSafeInteger(byteLength) || byteLength < 0 || byteLength % bytes !== 0) {
    throw outOfRange(expected, argument, byteLength)
  }
  const pointer = readPointer(ptr, argument)
  const memory = wrapMemory(pointer, byteLength, bytes, undefined, value, argument)
  return arrayOf(memory, 0, byteLength / bytes, dtype)
}

function assertMemory(array: DeviceArray, argument: string): void {
  if (array.freed) throw invalidValue('an array with its memory', argument, 'a freed one')
}

/** Foreign memory is taken for float32. undefined: no array on a device at all. */
export function tensorOnDevice(value: unknown, argument: string): DeviceArray | undefined {
  if (!isDeviceArgument(value)) return undefined
  const array = isDeviceArray(value) ? value : wrapped(value, 'float32', argument)
  if (!KINDS[array.dtype].floating) {
    throw invalidValue('a DeviceArray of float32, float16 or bfloat16', argument, `one of ${array.dtype}`)
  }
  assertMemory(array, argument)
  return array
}

export function readOnDevice<D extends DType>(
  value: unknown,
  dtype: D,
  length: number,
  device: number,
  argument: string,
): DeviceArray<D> {
  if (!isDeviceArgument(value)) throw invalidType('a DeviceArray', argument, value)
  const array = isDeviceArray(value) ? value : wrapped(value, dtype, argument)
  assertMemory(array, argument)
  if (array.dtype !== dtype)
    throw invalidValue(`a DeviceArray of ${dtype}`, argument, `one of ${array.dtype}`)
  if (array.device !== device) {
    throw invalidValue(`a DeviceArray on device ${device}`, argument, `one on device ${array.device}`)
  }
  if (array.length !== length) {
    throw outOfRange(`a DeviceArray of length ${length}`, argument, `one of length ${array.length}`)
  }
  return array as DeviceArray<D>
}

export const readLike = (value: unknown, like: DeviceArray, argument: string): DeviceArray =>
  readOnDevice(value, like.dtype, like.length, like.device, argument)
