import { allocate } from 'jumpout'
import { randomInt } from 'node:crypto'
import { flushBytes } from './machine'

/** From this many elements on, arrays exceed the caches close to a core and are measured with cold caches. */
export const coldFrom = 1 << 20

/** Fresh values, evenly spread over (-1, 1), in 64-byte aligned memory: about half of them are active. */
export function randomArray(length: number): Float32Array {
  const values = allocate(length)
  let state = randomInt(1, 2 ** 31)
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    values[i] = state / 2 ** 31
  }
  return values
}

/** A NaN that no computation gives, which marks elements that were never written. */
export function poison(values: Float32Array): Float32Array {
  new Uint32Array(values.buffer, values.byteOffset, values.length).fill(0x7fc0dead)
  return values
}

/** An output to be reused: aligned, its pages present. */
export const reusedArray = (length: number): Float32Array => poison(allocate(length))

let wash: Float64Array | undefined
let sink = 0

/** Reads memory of twice the largest cache, one number per cache line, which evicts everything else. */
export function flushCaches(): void {
  wash ??= new Float64Array(flushBytes / 8).fill(1)
  for (let i = 0; i < wash.length; i += 8) sink += wash[i]
  if (sink < 0) throw new Error('unreachable: keeps the loop alive')
}
