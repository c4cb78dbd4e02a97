/** Arrays on the host: checks of the callers' arrays, and memory for new ones. */
import { Buffer, constants } from 'node:buffer'
import { isArrayBuffer, isFloat32Array, isSharedArrayBuffer, isUint32Array } from 'node:util/types'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import {
  changedArray,
  invalidState,
  invalidType,
  invalidValue,
  outOfMemory,
  outOfRange,
  readInteger,
} from '../errors'
import { native, ROW } from '../native'

const { at: elementAt, subarray } = Float32Array.prototype

/** A getter of the language itself, which no subclass and no property of an instance can replace. */
const getterOf = (prototype: object, name: string) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown

const ofViews = Object.getPrototypeOf(Float32Array.prototype) as object
const getLength = getterOf(ofViews, 'length')
const getByteLength = getterOf(ofViews, 'byteLength')
const getBuffer = getterOf(ofViews, 'buffer')
const getBufferLength = getterOf(ArrayBuffer.prototype, 'byteLength')
const getResizable = getterOf(ArrayBuffer.prototype, 'resizable')
const getGrowable = getterOf(SharedArrayBuffer.prototype, 'growable')

export const lengthOf = (array: ArrayBufferView): number => getLength.call(array) as number
const bufferOf = (array: ArrayBufferView): ArrayBufferLike => getBuffer.call(array) as ArrayBufferLike
const bytesOf = (buffer: ArrayBuffer): number => getBufferLength.call(buffer) as number

/** A view of the first elements. */
export const firstOf = <A extends ArrayBufferView>(array: A, length: number): A =>
  (subarray as (this: ArrayBufferView, begin: number, end: number) => unknown).call(array, 0, length) as A

/** Whether a buffer may change its size. */
const isResizable = (buffer: ArrayBufferLike): boolean =>
  (isSharedArrayBuffer(buffer) ? getGrowable : getResizable).call(buffer) as boolean

export const lieTogether = (one: ArrayBufferView, other: ArrayBufferView): boolean =>
  bufferOf(one) === bufferOf(other)

/** A detached array and a view outside its resized buffer have length 0; only their methods throw. */
function assertAttached(array: ArrayBufferView, argument: string): void {
  try {
    elementAt.call(array as Float32Array, 0)
  } catch {
    throw invalidValue('an array with its memory', argument, 'a detached one')
  }
}

/** The length of an array that has its memory. */
export function attachedLength(array: ArrayBufferView, argument: string): number {
  const length = lengthOf(array)
  if (length === 0) assertAttached(array, argument)
  return length
}

export function readFloats(array: unknown, argument: string): Float32Array {
  if (!isFloat32Array(array)) throw invalidType('a Float32Array', argument, array)
  attachedLength(array, argument)
  return array
}

/** To be called after the last code of the caller has run. */
export function assertUnchanged(array: Float32Array, length: number, argument: string): void {
  if (lengthOf(array) !== length) throw changedArray(argument)
}

export function readFloatsOf(value: unknown, length: number, argument: string): Float32Array {
  const array = readFloats(value, argument)
  const own = lengthOf(array)
  if (own !== length) throw outOfRange(`a Float32Array of length ${length}`, argument, `one of length ${own}`)
  return array
}

/** 32-bit words of a packed mask. */
export const maskWords = (length: number): number => Math.ceil(length / 32)

export function readMask(mask: unknown, length: number, argument: string): Uint32Array {
  if (!isUint32Array(mask)) throw invalidType('a Uint32Array', argument, mask)
  const words = maskWords(length)
  const own = attachedLength(mask, argument)
  if (own !== words) {
    throw outOfRange(
      `a Uint32Array of length ${words}, ceil(${length} / 32),`,
      argument,
      `one of length ${own}`,
    )
  }
  return mask
}

/** A buffer that can shrink while a thread works on it cannot be used off the main thread. */
export function checkFixed(array: ArrayBufferView | undefined, argument: string): void {
  if (array === undefined) return
  if (isResizable(bufferOf(array))) {
    throw invalidValue('an array of fixed size', argument, 'one over a resizable buffer')
  }
}

/** A promise calls the method `then` of its value, and may never settle. Asks for the name alone, and runs no getter. */
export function assertNoThen(value: object): void {
  if ('then' in value)
    throw invalidValue("an array without a property 'then'", 'the value of a promise', 'one that has it')
}

const FLOAT_BYTES = 4
const ALIGNMENT = 64
/** In bytes. Below, clearing costs nothing measurable; above, the system returns cleared memory. */
const SMALLEST_UNCLEARED = 16 * 1024
const LARGEST_UNCLEARED = 32 * 1024 * 1024

/** The engine's own error for missing memory has no code. */
export function orOutOfMemory<A>(bytes: number, make: () => A): A {
  try {
    return make()
  } catch {
    throw outOfMemory(bytes)
  }
}

const { allocUnsafeSlow } = Buffer

/** An ordinary buffer of exactly that size, so that it can be moved to another thread. */
function uncleared(bytes: number): ArrayBuffer {
  const buffer = bufferOf(allocUnsafeSlow(bytes)) as ArrayBuffer
  return bytesOf(buffer) === bytes ? buffer : new ArrayBuffer(bytes)
}

/** Both ways throw if there is no memory, where Node-API would end the process. */
const uninitialised = (bytes: number): ArrayBuffer =>
  bytes < SMALLEST_UNCLEARED || bytes > LARGEST_UNCLEARED ? new ArrayBuffer(bytes) : uncleared(bytes)

/** Float32Array<ArrayBuffer>, written so that compilers before TypeScript 5.7 accept it. */
export type NewFloat32Array = ReturnType<Float32ArrayConstructor['of']>

function allocateAligned(length: number): NewFloat32Array {
  const bytes = length * FLOAT_BYTES + ALIGNMENT
  return orOutOfMemory(bytes, () => {
    const buffer = uninitialised(bytes)
    const skip = native.padding(new Float32Array(buffer, 0, 0))
    return new Float32Array(buffer, skip * FLOAT_BYTES, length)
  })
}

/**
 * An uninitialised, 64-byte aligned host array, for an output that is reused: faster than a new array per call. Its `buffer`
 * is a little larger than the array, and may belong to Node's main realm where this package runs in another.
 *
 * @param length number of elements, an integer >= 0
 * @throws RangeError `ERR_OUT_OF_RANGE` or `ERR_OUT_OF_MEMORY`; TypeError `ERR_INVALID_ARG_TYPE`
 */
export function allocate(length: number): NewFloat32Array {
  return allocateAligned(readInteger(length, 'an integer >= 0', 'length'))
}

/** A buffer that another one took the memory from could live on in another thread, while Node frees it with this one. */
const staysHere = Object.fromEntries(
  ['transfer', 'transferToFixedLength']
    .filter((name) => name in ArrayBuffer.prototype)
    .map((name) => [
      name,
      {
        value: () => {
          throw invalidState('an ordinary buffer', name, 'page-locked memory, which stays where it is')
        },
      },
    ]),
)

/**
 * Uninitialised page-locked host memory behind an ordinary Float32Array: copies from and to devices are faster, and
 * asynchronous copies are enqueued without a thread (cudaHostAlloc). It cannot be transferred to another thread: with its
 * buffer in the transfer list Node 20 posts a copy, and later versions throw. `buffer.transfer()` throws an Error
 * (`ERR_INVALID_STATE`).
 *
 * @param length number of elements, an integer >= 0
 * @throws CudaError where there is no CUDA or too little memory; RangeError `ERR_OUT_OF_RANGE`, or `ERR_OUT_OF_MEMORY` beyond
 * the largest buffer of the engine; TypeError `ERR_INVALID_ARG_TYPE`
 */
export function allocPinned(length: number): NewFloat32Array {
  const bytes = readInteger(length, 'an integer >= 0', 'length') * FLOAT_BYTES
  if (bytes > constants.MAX_LENGTH) throw outOfMemory(bytes)
  // Node marks external buffers as untransferable itself. Marked twice, they abort Node 24 at the end of their thread.
  return new Float32Array(Object.defineProperties(native.allocPinned(length), staysHere))
}

/** In bytes. Smaller outputs cost less than keeping them; the cap bounds memory that no later output may need. */
const SMALLEST_KEPT = 16 * 1024
const LARGEST_KEPT = 128 * 1024 * 1024

/** Released buffers by size in bytes, the size that was released last at the end. */
const kept = new Map<number, ArrayBuffer[]>()
let keptBytes = 0

function dropOldest(): void {
  for (const [bytes, buffers] of kept) {
    buffers.shift()
    if (buffers.length === 0) kept.delete(bytes)
    keptBytes -= bytes
    return
  }
}

function keep(buffer: ArrayBuffer): void {
  const { byteLength } = buffer
  if (byteLength < SMALLEST_KEPT || byteLength > LARGEST_KEPT) return
  while (keptBytes + byteLength > LARGEST_KEPT) dropOldest()
  const buffers = kept.get(byteLength) ?? []
  buffers.push(buffer)
  kept.delete(byteLength)
  kept.set(byteLength, buffers)
  keptBytes += byteLength
}

/** A released buffer of exactly this size, with arbitrary contents. */
function takeReleased(bytes: number): ArrayBuffer | undefined {
  const buffers = kept.get(bytes)
  if (buffers === undefined) return undefined
  const buffer = buffers.pop()
  if (buffers.length === 0) kept.delete(bytes)
  keptBytes -= bytes
  return buffer
}

const { port1, port2 } = new MessageChannel()

/** Moves the memory to a new buffer, without a copy. Node checks whether the buffer may be moved. */
function move(buffer: ArrayBuffer): ArrayBuffer | undefined {
  try {
    port1.postMessage(buffer, [buffer])
  } catch {
    return undefined
  }
  return (receiveMessageOnPort(port2) as { message: ArrayBuffer }).message
}

function ownBuffer(array: Float32Array): ArrayBuffer {
  const buffer = bufferOf(array)
  const expected = 'an array that owns its memory'
  if (!isArrayBuffer(buffer)) throw invalidValue(expected, 'array', 'one over shared memory')
  if (isResizable(buffer)) throw invalidValue(expected, 'array', 'one over a resizable buffer')
  if (getByteLength.call(array) !== bytesOf(buffer))
    throw invalidValue(expected, 'array', 'a part of a larger buffer')
  return buffer
}

/**
 * Gives an output or a gradient back: detaches the array, with every other view of its buffer, and uses its memory for the
 * next new output of the same length in this thread. In a training loop that never returns to the event loop this is faster
 * than waiting for the garbage collector, and memory does not grow. It is never required. At most 128 MiB are kept, of the
 * lengths released last.
 *
 * @param array any Float32Array that spans its whole buffer, as every output does; it must not be in use by an asynchronous
 * call
 * @throws TypeError `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` if it is detached already, is part of a larger buffer
 * (as an array of `allocate` is), or lies in shared, resizable, WebAssembly or page-locked memory, all of which stay
 * unchanged
 */
export function release(array: Float32Array): void {
  readFloats(array, 'array')
  const moved = move(ownBuffer(array))
  // Node 20 copies what it may not move.
  if (moved === undefined || lengthOf(array) !== 0)
    throw invalidValue('an array whose memory can be moved', 'array', 'one whose memory cannot')
  keep(moved)
}

/** In bytes. From this size on, page faults cost more than the kernel that fills the memory. */
const SMALLEST_FAULTING = 128 * 1024
let pagesAreKept = false

/** An array for one output, which spans its buffer; freed by the garbage collector unless `release` took it back. */
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
 * Small masks are cut from slabs, one current slab per mask size in lines, since a buffer costs as much as a small forward.
 * A mask keeps its whole slab alive: at most this many lines beside its own, less than 4 KiB.
 */
const ROOM_LINES = 60

interface Slab {
  readonly buffer: ArrayBuffer
  /** Where the next mask begins. */
  next: number
}

const slabs: (Slab | undefined)[] = new Array<undefined>(ROOM_LINES + 1).fill(undefined)
const slabBuffers = new WeakSet<ArrayBufferLike>()

/** A slab for masks of `lines` lines each. */
function freshSlab(lines: number): Slab {
  const bytes = (1 + Math.floor(ROOM_LINES / lines)) * lines * LINE_BYTES
  const buffer = orOutOfMemory(bytes, () => uncleared(bytes))
  slabBuffers.add(buffer)
  return (slabs[lines] = { buffer, next: 0 })
}

/** A mask that a caller sees needs its own buffer, since the caller may transfer it. Copies masks that lie in a slab. */
export const outOfSlab = (mask: Uint32Array): Uint32Array =>
  slabBuffers.has(bufferOf(mask)) ? orOutOfMemory(4 * lengthOf(mask), () => new Uint32Array(mask)) : mask

/** ceil(length / 32) words in a buffer of their own. */
export function ownMask(length: number): Uint32Array {
  const words = maskWords(length)
  return orOutOfMemory(4 * words, () => new Uint32Array(words))
}

/** ceil(length / 32) words, perhaps in a slab. */
export function freshMask(length: number): Uint32Array {
  const words = maskWords(length)
  const lines = Math.ceil((words * Uint32Array.BYTES_PER_ELEMENT) / LINE_BYTES)
  if (lines === 0 || lines > ROOM_LINES) return ownMask(length)
  let slab = slabs[lines]
  if (slab === undefined || slab.next >= bytesOf(slab.buffer)) slab = freshSlab(lines)
  const mask = new Uint32Array(slab.buffer, slab.next, words)
  slab.next += lines * LINE_BYTES
  return mask
}

/** One row of statistics per group. */
export const freshRows = (groupCount: number): Float64Array =>
  orOutOfMemory(8 * ROW.length * groupCount, () => new Float64Array(ROW.length * groupCount))
