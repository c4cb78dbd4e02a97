/**
 * The comparator: floats by their bits, so that -0 is not +0 and a last bit counts. All NaNs are one value
 * (docs/numerics.md, step 7), and no number equals a NaN.
 */
import type { Test } from 'tap'

const isNaNBits = (bits: number): boolean => (bits & 0x7fffffff) > 0x7f800000

const bitsOf = (array: Float32Array | Uint32Array): Uint32Array =>
  new Uint32Array(array.buffer, array.byteOffset, array.length)

const hex = (bits: number | undefined): string =>
  bits === undefined ? 'nothing' : bits.toString(16).padStart(8, '0')

/** What first differs, in words, or null where nothing does. */
export function difference<T extends Float32Array | Uint32Array>(actual: T, expected: T): string | null {
  if (actual.constructor !== expected.constructor) {
    return `a ${actual.constructor.name} instead of a ${expected.constructor.name}`
  }
  const a = bitsOf(actual)
  const b = bitsOf(expected)
  const floats = actual instanceof Float32Array
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; ++i) {
    if (a[i] === b[i]) continue
    const bothNaN = floats && i < a.length && i < b.length && isNaNBits(a[i]) && isNaNBits(b[i])
    if (!bothNaN) return `element ${i} of ${b.length} is ${hex(a[i])}, expected ${hex(b[i])}`
  }
  return null
}

/** As an assertion of a test. */
export function equalBits<T extends Float32Array | Uint32Array>(
  t: Test,
  actual: T,
  expected: T,
  what: string,
): void {
  t.equal(difference(actual, expected), null, what)
}

/** For properties and loops: throws what `difference` finds. */
export function assertSame<T extends Float32Array | Uint32Array>(actual: T, expected: T, what: string): void {
  const found = difference(actual, expected)
  if (found !== null) throw new Error(`${what}: ${found}`)
}

export function floatsFromHex(words: readonly string[]): Float32Array {
  return new Float32Array(wordsFromHex(words).buffer)
}

export function wordsFromHex(words: readonly string[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(words, (word) => Number.parseInt(word, 16))
}

export const hexFromWords = (array: Float32Array | Uint32Array): string[] => Array.from(bitsOf(array), hex)
