export interface Estimate {
  mean: number
  /** Standard error of the mean; null for one value. */
  standardError: number | null
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** With n - 1 degrees of freedom. */
function variance(values: readonly number[]): number {
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1)
}

export function estimate(values: readonly number[]): Estimate {
  const standardError = values.length > 1 ? Math.sqrt(variance(values) / values.length) : null
  return { mean: mean(values), standardError }
}

/** Of a[i] - b[i], with Student's t for a mean of 0; t is null where the standard error is null or 0. */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
): Estimate & { t: number | null } {
  const difference = estimate(a.map((value, i) => value - b[i]))
  return { ...difference, t: difference.standardError ? difference.mean / difference.standardError : null }
}

/** The 97.5th percentile of Student's t with 1, 2, ... degrees of freedom. */
const T_975 = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604,
  2.1448, 2.1314,
]

/** The 95 % confidence interval of an estimate from `count` values, 2 to 16; null where the standard error is. */
export function confidenceInterval(
  { mean, standardError }: Estimate,
  count: number,
): [number, number] | null {
  const t = T_975[count - 2]
  if (standardError === null) return null
  if (t === undefined) throw new RangeError(`no percentile for ${count} values`)
  return [mean - t * standardError, mean + t * standardError]
}

export interface Histogram {
  /** Left edge of the first bin. */
  start: number
  binWidth: number
  counts: number[]
}

/** Bins of one width from the least to the greatest value, which differ. */
export function histogram(values: readonly number[], bins: number): Histogram {
  const start = values.reduce((least, value) => Math.min(least, value))
  const end = values.reduce((greatest, value) => Math.max(greatest, value))
  const binWidth = (end - start) / bins
  const counts = Array<number>(bins).fill(0)
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value - start) / binWidth))]++
  return { start, binWidth, counts }
}

/** A function that copies a number, or what JSON can hold, with every number rounded to some significant digits. */
export const rounding =
  (digits: number) =>
  <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value, (_key, part: unknown) =>
        typeof part === 'number' ? Number(part.toPrecision(digits)) : part,
      ),
    ) as T
