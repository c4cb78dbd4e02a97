/** Unsigned 64-bit numbers: seeds and call numbers. */
import { randomBytes } from 'node:crypto'
import { invalidType, outOfRange } from './errors'
import { native } from './native'

/** The seed and the call number of a draw, as 32-bit halves, so that no bigint is made where none was given. */
export interface Draw {
  readonly seedLow: number
  readonly seedHigh: number
  readonly callLow: number
  readonly callHigh: number
}

export const NO_DRAW: Draw = { seedLow: 0, seedHigh: 0, callLow: 0, callHigh: 0 }

const WORD = 2 ** 32
const LAST_SEED = 2n ** 64n - 1n
/** Calls end here because each owns two of the 2^64 Philox subsequences, and the last two belong to `foldIn`. */
const LAST_CALL = 2n ** 63n - 2n

type Integer = number | bigint

function assertUint64(
  value: unknown,
  last: bigint,
  expected: string,
  argument: string,
): asserts value is Integer {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(expected, argument, value)
  } else if (typeof value === 'bigint') {
    if (value < 0n || value > last) throw outOfRange(expected, argument, value)
  } else {
    throw invalidType(expected, argument, value)
  }
}

export function assertSeed(seed: unknown, argument: string): asserts seed is Integer {
  assertUint64(seed, LAST_SEED, 'a safe integer >= 0 or a bigint from 0 to 2^64 - 1', argument)
}

export function assertCall(call: unknown, argument: string): asserts call is Integer {
  assertUint64(call, LAST_CALL, 'a safe integer >= 0 or a bigint from 0 to 2^63 - 2', argument)
}

const low = (value: Integer): number =>
  typeof value === 'number' ? value >>> 0 : Number(BigInt.asUintN(32, value))

const high = (value: Integer): number =>
  typeof value === 'number' ? Math.floor(value / WORD) : Number(value >> 32n)

/** The number of calls made, which is that of the next one, if there is one. */
export function assertCalls(calls: unknown, argument: string): asserts calls is Integer {
  assertUint64(calls, LAST_CALL + 1n, 'a safe integer >= 0 or a bigint from 0 to 2^63 - 1', argument)
}

/** The draw of a checked seed and call number. */
export const drawOf = (seed: Integer, call: Integer): Draw => ({
  seedLow: low(seed),
  seedHigh: high(seed),
  callLow: low(call),
  callHigh: high(call),
})

export const callOf = ({ callLow, callHigh }: Draw): bigint => (BigInt(callHigh) << 32n) | BigInt(callLow)

/** A draw with the same seed and another call number. */
export const atCall = (draw: Draw, call: bigint): Draw => ({
  ...draw,
  callLow: low(call),
  callHigh: high(call),
})

/** The draw of the next call under the same seed. After the last call comes one that `isAllowed` denies. */
export function nextDraw({ seedLow, seedHigh, callLow, callHigh }: Draw): Draw {
  const carry = callLow === WORD - 1
  return { seedLow, seedHigh, callLow: carry ? 0 : callLow + 1, callHigh: carry ? callHigh + 1 : callHigh }
}

export const isAllowed = (draw: Draw): boolean => draw.callHigh < 0x7fffffff || callOf(draw) <= LAST_CALL

/** Whether the last call may come: from an earlier one than these, counting takes longer than any machine lasts. */
export const isLate = (draw: Draw): boolean => draw.callHigh >= 0x40000000

/** A random seed from the system. */
export const freshSeed = (): bigint => randomBytes(8).readBigUInt64LE()

/**
 * An independent seed for a layer, a rank or a worker, since equal seeds and call numbers drop the same units. Like
 * `jax.random.fold_in`, but from a Philox block of its own (docs/numerics.md, Seeds).
 *
 * @param seed a safe integer >= 0 or a bigint below 2^64
 * @param data the number that tells the seeds apart, of the same range
 * @returns a bigint below 2^64
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`) or RangeError (`ERR_OUT_OF_RANGE`)
 */
export function foldIn(seed: number | bigint, data: number | bigint): bigint {
  assertSeed(seed, 'seed')
  assertSeed(data, 'data')
  return native.foldIn(BigInt(seed), BigInt(data))
}
