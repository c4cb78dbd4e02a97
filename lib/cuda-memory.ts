/** Device memory of other libraries. */
import { DeviceMemory } from './device-memory'
import { invalidType, invalidValue, outOfRange } from './errors'
import { native } from './native'

/** What @rapidsai/cuda and others call their device memory. */
export interface CudaMemory {
  readonly ptr: number | bigint
  readonly byteLength: number
  /** What has a dtype is more than memory, and not taken for float32. */
  readonly dtype?: undefined
}

export const isCudaMemory = (value: unknown): value is CudaMemory =>
  typeof value === 'object' &&
  value !== null &&
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

/** The device that the whole range lies on; CUDA is asked, nothing is read. */
function deviceOf(pointer: bigint, bytes: number, argument: string): number {
  const device = native.memoryOf(pointer)
  if (device < 0) throw invalidValue('a pointer to device memory', argument, 'one to memory of the host')
  if (bytes > 1 && native.memoryOf(pointer + BigInt(bytes - 1)) !== device) {
    throw invalidValue(`device memory of ${bytes} bytes`, argument, 'a pointer to less')
  }
  return device
}

/** `device` undefined: wherever it lies. `owner` lives until the work on the memory is done. */
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
