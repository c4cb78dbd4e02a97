/** Checks of the arrays that callers pass. */
import { isFloat32Array, isUint32Array } from 'node:util/types'
import type { DeviceArray } from './device-array'
import { invalidType, invalidValue, outOfRange } from './errors'

/**
 * Data on the host, or on a CUDA device: where it lives decides which backend runs. On the host any memory will do, shared
 * memory too.
 */
export type Tensor = Float32Array | DeviceArray

const at = Float32Array.prototype.at

/** A detached array, and a view that fell out of its resized buffer, say that they are empty: only methods tell. */
function assertAttached(array: Float32Array | Uint32Array, argument: string): void {
  try {
    at.call(array as Float32Array, 0)
  } catch {
    throw invalidValue('an array with its memory', argument, 'a detached one')
  }
}

/** Returns the number of elements. */
export function checkFloats(array: unknown, argument: string): number {
  if (!isFloat32Array(array)) throw invalidType('a Float32Array', argument, array)
  const { length } = array
  if (length === 0) assertAttached(array, argument)
  return length
}

export function checkFloatsOf(array: unknown, length: number, argument: string): void {
  const actual = checkFloats(array, argument)
  if (actual !== length)
    throw outOfRange(`a Float32Array of length ${length}`, argument, `one of length ${actual}`)
}

/** 32-bit words of a packed mask. */
export const maskWords = (length: number): number => Math.ceil(length / 32)

export function checkMask(mask: unknown, length: number, argument: string): void {
  if (!isUint32Array(mask)) throw invalidType('a Uint32Array', argument, mask)
  const words = maskWords(length)
  if (mask.length === 0) assertAttached(mask, argument)
  if (mask.length !== words) {
    throw outOfRange(
      `a Uint32Array of length ${words}, ceil(${length} / 32),`,
      argument,
      `one of length ${mask.length}`,
    )
  }
}
