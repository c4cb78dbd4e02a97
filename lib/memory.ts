/** Memory for results: outputs, masks and statistics that the caller did not bring. */
import { markAsUntransferable } from 'node:worker_threads'
import { maskWords } from './arrays'
import { invalidType, outOfMemory, outOfRange } from './errors'
import { native, ROW_LENGTH } from './native'

const FLOAT_BYTES = 4
const ALIGNMENT = 64
/** Below, clearing costs nothing that could be measured; above, memory comes from the system, cleared already. */
const SMALLEST_UNCLEARED = 16 * 1024
const LARGEST_UNCLEARED = 32 * 1024 * 1024
/** From here on page faults cost more than the trip to the pool. */
const SMALLEST_POOLED = 256 * 1024

/** The engine's own error for missing memory has no code. */
function orOutOfMemory<A>(bytes: number, make: () => A): A {
  try {
    return make()
  } catch {
    throw outOfMemory(bytes)
  }
}

/** Unlike Node-API, both of these throw where there is no memory, instead of ending the process. */
function uninitialised(bytes: number): ArrayBuffer {
  if (bytes < SMALLEST_UNCLEARED || bytes > LARGEST_UNCLEARED) return new ArrayBuffer(bytes)
  return Buffer.allocUnsafeSlow(bytes).buffer
}

function allocateAligned(length: number): Float32Array<ArrayBuffer> {
  const bytes = length * FLOAT_BYTES + ALIGNMENT
  return orOutOfMemory(bytes, () => {
    const buffer = uninitialised(bytes)
    const skip = native.padding(new Float32Array(buffer, 0, 0))
    return new Float32Array(buffer, skip * FLOAT_BYTES, length)
  })
}

/**
 * An uninitialised, 64-byte aligned host array, for outputs that are used again and again: faster than a new array a
 * call. Its `buffer` is a little larger than the array.
 *
 * @param length number of elements, an integer >= 0
 * @throws RangeError `ERR_OUT_OF_RANGE` or `ERR_OUT_OF_MEMORY`; TypeError `ERR_INVALID_ARG_TYPE`
 */
export function allocate(length: number): Float32Array<ArrayBuffer> {
  assertLength(length)
  return allocateAligned(length)
}

/**
 * Uninitialised page-locked host memory behind an ordinary Float32Array: copies from and to devices are faster, and the
 * asynchronous ones are enqueued without a thread. It cannot be transferred to another thread.
 *
 * @param length number of elements, an integer >= 0
 * @throws CudaError where there is no CUDA or too little memory; RangeError `ERR_OUT_OF_RANGE`; TypeError
 * `ERR_INVALID_ARG_TYPE`
 */
export function allocPinned(length: number): Float32Array<ArrayBuffer> {
  assertLength(length)
  const bytes = length * FLOAT_BYTES
  if (!Number.isSafeInteger(bytes)) throw outOfMemory(bytes)
  return native.allocPinned(length)
}

function assertLength(length: unknown): asserts length is number {
  if (typeof length !== 'number') throw invalidType('an integer >= 0', 'length', length)
  if (!Number.isSafeInteger(length) || length < 0) throw outOfRange('an integer >= 0', 'length', length)
}

/** For one output; the garbage collector gives its memory back. */
export function freshOutput(length: number): Float32Array {
  const bytes = length * FLOAT_BYTES
  if (bytes < SMALLEST_UNCLEARED) return orOutOfMemory(bytes, () => new Float32Array(length))
  if (bytes < SMALLEST_POOLED) return orOutOfMemory(bytes, () => new Float32Array(uninitialised(bytes)))
  return native.pooled(length) ?? allocateAligned(length)
}

const SLAB_WORDS = 16 * 1024
/** Masks of at most this many words are cut from slabs: a typed array of its own costs as much as a small forward. */
const LARGEST_CUT = SLAB_WORDS / 16
/** Masks do not share cache lines, so that two threads never write to one. */
const LINE_WORDS = ALIGNMENT / Uint32Array.BYTES_PER_ELEMENT
let slab = new Uint32Array(0)
let slabUsed = 0

/** Many masks share a slab: who sends one to a worker must not take the others along. */
function freshSlab(): void {
  slab = orOutOfMemory(4 * SLAB_WORDS, () => new Uint32Array(SLAB_WORDS))
  markAsUntransferable(slab.buffer)
  slabUsed = 0
}

/** ceil(length / 32) words that share their memory with no other mask, for whoever keeps them. */
export function ownMask(length: number): Uint32Array {
  const words = maskWords(length)
  return orOutOfMemory(4 * words, () => new Uint32Array(words))
}

/** ceil(length / 32) words. */
export function freshMask(length: number): Uint32Array {
  const words = maskWords(length)
  if (words > LARGEST_CUT) return ownMask(length)
  if (slabUsed + words > slab.length) freshSlab()
  const mask = new Uint32Array(slab.buffer, slabUsed * Uint32Array.BYTES_PER_ELEMENT, words)
  slabUsed += Math.ceil(words / LINE_WORDS) * LINE_WORDS
  return mask
}

/** Rows of statistics, one a group. */
export const freshRows = (groupCount: number): Float64Array =>
  orOutOfMemory(8 * ROW_LENGTH * groupCount, () => new Float64Array(ROW_LENGTH * groupCount))
