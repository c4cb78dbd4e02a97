/** Memory that callers give back by hand, for the next fresh outputs of the same size. */
import { isArrayBuffer } from 'node:util/types'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { checkFloats } from './arrays'
import { invalidValue } from './errors'

/** Smaller outputs cost less than the detour; a cap, since nobody says that no more outputs of a size will come. */
const SMALLEST_KEPT = 16 * 1024
const LARGEST_KEPT = 128 * 1024 * 1024

/** By size in bytes, the sizes that were given back last at the end. */
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

/** A buffer of exactly this size that nobody has any more, its contents arbitrary. */
export function takeReleased(bytes: number): ArrayBuffer | undefined {
  const buffers = kept.get(bytes)
  if (buffers === undefined) return undefined
  const buffer = buffers.pop()
  if (buffers.length === 0) kept.delete(bytes)
  keptBytes -= bytes
  return buffer
}

const { port1, port2 } = new MessageChannel()

/** Its memory in another buffer, without a copy. Every supported version of Node does this, and checks what may move. */
function move(buffer: ArrayBuffer): ArrayBuffer | undefined {
  try {
    port1.postMessage(buffer, [buffer])
  } catch {
    return undefined
  }
  return (receiveMessageOnPort(port2) as { message: ArrayBuffer }).message
}

function ownBuffer(array: Float32Array): ArrayBuffer {
  const { buffer } = array
  const expected = 'an array that owns its memory'
  if (!isArrayBuffer(buffer)) throw invalidValue(expected, 'array', 'one over shared memory')
  if ((buffer as { resizable?: boolean }).resizable === true)
    throw invalidValue(expected, 'array', 'one over a resizable buffer')
  if (array.byteLength !== buffer.byteLength)
    throw invalidValue(expected, 'array', 'a part of a larger buffer')
  return buffer
}

/**
 * Gives an output or a gradient back: the array is detached, with every other view of its buffer, and its memory serves
 * the next new output of the same length in this thread. Where a training loop never returns to the event loop this is
 * faster than waiting for the garbage collector, and memory does not grow; whoever does without loses nothing else. Up to
 * 128 MiB wait to be used again, those of the lengths released last.
 *
 * @param array any Float32Array whose buffer is exactly its own, as that of every output is; it must not be in use by an
 * asynchronous call
 * @throws TypeError `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` where it is detached already, is part of a larger
 * buffer (as what `allocate` returns), or lies in shared, resizable, WebAssembly's or page-locked memory, which stay as
 * they are
 */
export function release(array: Float32Array): void {
  checkFloats(array, 'array')
  const moved = move(ownBuffer(array))
  // Node 20 copies what it may not move.
  if (moved === undefined || array.length !== 0)
    throw invalidValue('an array whose memory can be moved', 'array', 'one whose memory cannot')
  keep(moved)
}
