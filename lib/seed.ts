/** Unsigned 64-bit numbers: seeds, and the calls that are counted under them. */
import { randomBytes } from 'node:crypto'
import { invalidType, outOfRange } from './errors'
import { native } from './native'

const WORD = 2 ** 32
const LAST_SEED = 2n ** 64n - 1n
/** Calls end here because each owns two of the 2^64 Philox subsequences, and the last two belong to `foldIn`. */
const LAST_CALL = 2n ** 63n - 2n

/** The two 32-bit halves of a 64-bit number: no bigint is made where none was given. */
export interface Uint64 {
  readonly low: number
  readonly high: number
}

export const ZERO: Uint64 = { low: 0, high: 0 }

function readUint64(value: unknown, last: bigint, expected: string, argument: string): Uint64 {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(expected, argument, value)
    return { low: value >>> 0, high: Math.floor(value / WORD) }
  }
  if (typeof value !== 'bigint') throw invalidType(expected, argument, value)
  if (value < 0n || value > last) throw outOfRange(expected, argument, value)
  return { low: Number(BigInt.asUintN(32, value)), high: Number(value >> 32n) }
}

const EXPECTED_SEED = 'a safe integer >= 0 or a bigint from 0 to 2^64 - 1'
const EXPECTED_CALL = 'a safe integer >= 0 or a bigint from 0 to 2^63 - 2'

export const readSeed = (seed: unknown, argument: string): Uint64 =>
  readUint64(seed, LAST_SEED, EXPECTED_SEED, argument)

export const readCall = (call: unknown, argument: string): Uint64 =>
  call === undefined ? ZERO : readUint64(call, LAST_CALL, EXPECTED_CALL, argument)

export const toBigint = ({ low, high }: Uint64): bigint => (BigInt(high) << 32n) | BigInt(low)

/** The call after this one; the last call has none, its successor is refused when it is used. */
export const nextCall = ({ low, high }: Uint64): Uint64 =>
  low === WORD - 1 ? { low: 0, high: high + 1 } : { low: low + 1, high }

export const isCall = ({ low, high }: Uint64): boolean =>
  high < 0x7fffffff || (high === 0x7fffffff && low < WORD - 1)

/** A seed that nobody has used. */
export const freshSeed = (): bigint => randomBytes(8).readBigUInt64LE()

/**
 * An independent seed for a layer, a rank or a worker, as `jax.random.fold_in` makes them: layers that share a seed and a
 * call number would drop the same units.
 *
 * @param seed a safe integer >= 0 or a bigint below 2^64
 * @param data what to tell the seeds apart by, of the same range
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) or RangeError (`ERR_OUT_OF_RANGE`)
 */
export function foldIn(seed: number | bigint, data: number | bigint): bigint {
  return native.foldIn(toBigint(readSeed(seed, 'seed')), toBigint(readSeed(data, 'data')))
}
