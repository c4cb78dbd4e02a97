/** 16-bit floats by arithmetic: the value of a float32 after rounding to one. */
import type { DType } from 'jumpout'

interface Format {
  /** Of the fraction. */
  bits: number
  smallestExponent: number
  largest: number
}

const FORMATS: Partial<Record<DType, Format>> = {
  float16: { bits: 10, smallestExponent: -14, largest: 65504 },
  bfloat16: { bits: 7, smallestExponent: -126, largest: 2 ** 127 * (2 - 2 ** -7) },
}

/** floor(log2 |x|) of a float32 that is neither 0 nor subnormal; for the others something smaller than -126. */
function exponentOf(x: number): number {
  const [word] = new Uint32Array(Float32Array.of(x).buffer)
  return ((word >>> 23) & 0xff) - 127
}

function toEven(x: number): number {
  const below = Math.floor(x)
  const rest = x - below
  if (rest !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

/** The nearest number of that format, as a float32; float32 itself stays as it is. */
export function stored(x: number, dtype: DType): number {
  const format = FORMATS[dtype]
  if (format === undefined || !Number.isFinite(x) || x === 0) return x
  const step = 2 ** (Math.max(exponentOf(x), format.smallestExponent) - format.bits)
  const rounded = toEven(Math.abs(x) / step) * step
  const magnitude = rounded > format.largest ? Infinity : rounded
  return x < 0 ? -magnitude : magnitude
}

export const storedAll = (values: Float32Array, dtype: DType): Float32Array =>
  values.map((x) => stored(x, dtype))
