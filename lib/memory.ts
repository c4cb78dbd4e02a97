/** Memory for results: outputs, masks and statistics that the caller did not bring. */
import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { maskWords } from './arrays'
import { invalidType, outOfMemory, outOfRange } from './errors'
import { native, ROW_LENGTH } from './native'
import { takeReleased } from './release'

const FLOAT_BYTES = 4
const ALIGNMENT = 64
/** Below, clearing costs nothing that could be measured; above, memory comes from the system, cleared already. */
const SMALLEST_UNCLEARED = 16 * 1024
const LARGEST_UNCLEARED = 32 * 1024 * 1024

/** The engine's own error for missing memory has no code. */
function orOutOfMemory<A>(bytes: number, make: () => A): A {
  try {
    return make()
  } catch {
    throw outOfMemory(bytes)
  }
}

const { allocUnsafeSlow } = Buffer

/** Ordinary memory of the engine, exactly that much, so that it can be moved to another thread. */
function uncleared(bytes: number): ArrayBuffer {
  const { buffer } = allocUnsafeSlow(bytes)
  return buffer.byteLength === bytes ? buffer : new ArrayBuffer(bytes)
}

/** Unlike Node-API, both of these throw where there is no memory, instead of ending the process. */
const uninitialised = (bytes: number): ArrayBuffer =>
  bytes < SMALLEST_UNCLEARED || bytes > LARGEST_UNCLEARED ? new ArrayBuffer(bytes) : uncleared(bytes)

/** Float32Array<ArrayBuffer>. Compilers before TypeScript 5.7 know it without an argument. */
type NewFloat32Array = ReturnType<Float32ArrayConstructor['of']>

function allocateAligned(length: number): NewFloat32Array {
  const bytes = length * FLOAT_BYTES + ALIGNMENT
  return orOutOfMemory(bytes, () => {
    const buffer = uninitialised(bytes)
    const skip = native.padding(new Float32Array(buffer, 0, 0))
    return new Float32Array(buffer, skip * FLOAT_BYTES, length)
  })
}

/**
 * An uninitialised, 64-byte aligned host array, for outputs that are used again and again: faster than a new array a
 * call. Its `buffer` is a little larger than the array, and may belong to Node's main realm where this package was loaded in
 * another.
 *
 * @param length number of elements, an integer >= 0
 * @throws RangeError `ERR_OUT_OF_RANGE` or `ERR_OUT_OF_MEMORY`; TypeError `ERR_INVALID_ARG_TYPE`
 */
export function allocate(length: number): NewFloat32Array {
  assertLength(length)
  return allocateAligned(length)
}

/**
 * Uninitialised page-locked host memory behind an ordinary Float32Array: copies from and to devices are faster, and the
 * asynchronous ones are enqueued without a thread. It is never moved to another thread: with its buffer in the transfer
 * list Node 20 posts a copy, and later versions throw.
 *
 * @param length number of elements, an integer >= 0
 * @throws CudaError where there is no CUDA or too little memory; RangeError `ERR_OUT_OF_RANGE`; TypeError
 * `ERR_INVALID_ARG_TYPE`
 */
export function allocPinned(length: number): NewFloat32Array {
  assertLength(length)
  const bytes = length * FLOAT_BYTES
  if (!Number.isSafeInteger(bytes)) throw outOfMemory(bytes)
  const buffer = native.allocPinned(length)
  markAsUntransferable(buffer)
  return new Float32Array(buffer)
}

function assertLength(length: unknown): asserts length is number {
  if (typeof length !== 'number') throw invalidType('an integer >= 0', 'length', length)
  if (!Number.isSafeInteger(length) || length < 0) throw outOfRange('an integer >= 0', 'length', length)
}

/** From here on page faults cost more than the kernel that fills the memory. */
const SMALLEST_FAULTING = 128 * 1024
let pagesAreKept = false

/** For one output, which owns its buffer exactly; the garbage collector gives the memory back, if `release` did not. */
export function freshOutput(length: number): NewFloat32Array {
  const bytes = length * FLOAT_BYTES
  if (bytes < SMALLEST_UNCLEARED) return orOutOfMemory(bytes, () => new Float32Array(length))
  if (bytes >= SMALLEST_FAULTING && !pagesAreKept) {
    native.keepPages()
    pagesAreKept = true
  }
  return orOutOfMemory(bytes, () => new Float32Array(takeReleased(bytes) ?? uninitialised(bytes)))
}

/** Masks do not share cache lines, so that two threads never write to one. */
const LINE_BYTES = ALIGNMENT
/**
 * Small masks are cut from slabs, one slab at a time for masks of so many lines: a buffer of its own costs as much as a
 * small forward. A mask that is kept keeps this much beside it, less than 4 KiB.
 */
const ROOM_LINES = 60

interface Slab {
  readonly buffer: ArrayBuffer & { [isSlab]?: true }
  /** Where the next mask begins. */
  next: number
}

const isSlab = Symbol('slab of masks')
const slabs: (Slab | undefined)[] = new Array<undefined>(ROOM_LINES + 1).fill(undefined)

/** Room for as many masks of that size as fit beside one. */
function freshSlab(lines: number): Slab {
  const bytes = (1 + Math.floor(ROOM_LINES / lines)) * lines * LINE_BYTES
  const slab: Slab = { buffer: orOutOfMemory(bytes, () => uncleared(bytes)), next: 0 }
  slab.buffer[isSlab] = true
  return (slabs[lines] = slab)
}

/** Many masks share a slab: whoever gets to see one, and may send it to a worker, gets one with memory of its own. */
export const outOfSlab = (mask: Uint32Array): Uint32Array =>
  (mask.buffer as Slab['buffer'])[isSlab] === true
    ? orOutOfMemory(mask.byteLength, () => new Uint32Array(mask))
    : mask

/** ceil(length / 32) words that share their memory with no other mask, for whoever keeps them. */
export function ownMask(length: number): Uint32Array {
  const words = maskWords(length)
  return orOutOfMemory(4 * words, () => new Uint32Array(words))
}

/** ceil(length / 32) words. */
export function freshMask(length: number): Uint32Array {
  const words = maskWords(length)
  const lines = Math.ceil((words * Uint32Array.BYTES_PER_ELEMENT) / LINE_BYTES)
  if (lines === 0 || lines > ROOM_LINES) return ownMask(length)
  let slab = slabs[lines]
  if (slab === undefined || slab.next === slab.buffer.byteLength) slab = freshSlab(lines)
  const mask = new Uint32Array(slab.buffer, slab.next, words)
  slab.next += lines * LINE_BYTES
  return mask
}

/** Rows of statistics, one a group. */
export const freshRows = (groupCount: number): Float64Array =>
  orOutOfMemory(8 * ROW_LENGTH * groupCount, () => new Float64Array(ROW_LENGTH * groupCount))
