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

/**
 * A buffer of exactly that size, ordinary memory of the engine, so that it can be moved to another thread. Unlike Node-API,
 * both of these throw where there is no memory, instead of ending the process.
 */
function uninitialised(bytes: number): ArrayBuffer {
  if (bytes < SMALLEST_UNCLEARED || bytes > LARGEST_UNCLEARED) return new ArrayBuffer(bytes)
  const { buffer } = allocUnsafeSlow(bytes)
  return buffer.byteLength === bytes ? buffer : new ArrayBuffer(bytes)
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
 * call. Its `buffer` is a little larger than the array, and may belong to Node's main realm where this package was loaded in
 * another.
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
 * asynchronous ones are enqueued without a thread. It is never moved to another thread: with its buffer in the transfer
 * list Node 20 posts a copy, and later versions throw.
 *
 * @param length number of elements, an integer >= 0
 * @throws CudaError where there is no CUDA or too little memory; RangeError `ERR_OUT_OF_RANGE`; TypeError
 * `ERR_INVALID_ARG_TYPE`
 */
export function allocPinned(length: number): Float32Array<ArrayBuffer> {
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
export function freshOutput(length: number): Float32Array<ArrayBuffer> {
  const bytes = length * FLOAT_BYTES
  if (bytes < SMALLEST_UNCLEARED) return orOutOfMemory(bytes, () => new Float32Array(length))
  if (bytes >= SMALLEST_FAULTING && !pagesAreKept) {
    native.keepPages()
    pagesAreKept = true
  }
  return orOutOfMemory(bytes, () => new Float32Array(takeReleased(bytes) ?? uninitialised(bytes)))
}

/** A mask that is kept keeps its slab, so that slabs are small: with all objects around it, less than 4 KiB. */
const SLAB_WORDS = 512
/** Masks of at most this many words are cut from slabs: a buffer of its own costs as much as a small forward. */
const LARGEST_CUT = SLAB_WORDS / 4
/** Masks do not share cache lines, so that two threads never write to one. */
const LINE_WORDS = ALIGNMENT / Uint32Array.BYTES_PER_ELEMENT
let slab = new Uint32Array(0)
let slabUsed = 0
const slabs = new WeakSet<ArrayBufferLike>()

function freshSlab(): void {
  slab = orOutOfMemory(4 * SLAB_WORDS, () => new Uint32Array(SLAB_WORDS))
  slabs.add(slab.buffer)
  slabUsed = 0
}

/** Many masks share a slab: whoever gets to see one, and may send it to a worker, gets one with memory of its own. */
export const outOfSlab = (mask: Uint32Array): Uint32Array =>
  slabs.has(mask.buffer) ? orOutOfMemory(mask.byteLength, () => new Uint32Array(mask)) : mask

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
