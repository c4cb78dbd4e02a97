/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), written from the
 * paper's formulas for the tests alone, so that the library has something to be compared with that shares no code with it.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const WEYL = [0x9e3779b9, 0xbb67ae85] as const
const ROUNDS = 10

/** Upper 32 bits of a 32 x 32 bit product: schoolbook on 16-bit halves, since a double holds only 53 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = (middle % 0x10000) + aLow * bHigh
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0
}

/** The four output words of one counter under one key; `out` is written and returned. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out = new Uint32Array(4),
): Uint32Array {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; ++round) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0)
    const high1 = multiplyHigh(MULTIPLIERS[1], c2)
    const low0 = Math.imul(MULTIPLIERS[0], c0)
    const low1 = Math.imul(MULTIPLIERS[1], c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + WEYL[0]) | 0
    k1 = (k1 + WEYL[1]) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
  return out
}

/** The same in plain arbitrary-precision arithmetic: slow, and too simple to be wrong in the way that the other may be. */
export function philoxExact(counter: readonly bigint[], key: readonly bigint[]): bigint[] {
  const mask = 0xffffffffn
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key as [bigint, bigint]
  for (let round = 0; round < ROUNDS; ++round) {
    const product0 = BigInt(MULTIPLIERS[0]) * c0
    const product1 = BigInt(MULTIPLIERS[1]) * c2
    const next0 = (product1 >> 32n) ^ c1 ^ k0
    const next2 = (product0 >> 32n) ^ c3 ^ k1
    c0 = next0
    c1 = product1 & mask
    c2 = next2
    c3 = product0 & mask
    k0 = (k0 + BigInt(WEYL[0])) & mask
    k1 = (k1 + BigInt(WEYL[1])) & mask
  }
  return [c0, c1, c2, c3]
}

/** Low and high half of an unsigned 64-bit integer. */
export function halves(value: bigint): [number, number] {
  return [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)]
}
