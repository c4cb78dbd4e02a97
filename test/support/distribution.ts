/** Statistics for tests. Seeds are fixed, so a bound that holds once always holds. */

/**
 * Error function, |error| < 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
 */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x))
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  return Math.sign(x) * (1 - series * Math.exp(-x * x))
}

/** Distribution function of |z|, z a standard Gaussian. */
export const halfGaussianCdf = (x: number): number => erf(x / Math.SQRT2)

/** Kolmogorov and Smirnov's largest distance between the sample's distribution and `cdf`. */
export function kolmogorovSmirnov(sample: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  const n = sorted.length
  return sorted.reduce((worst, x, i) => Math.max(worst, cdf(x) - i / n, (i + 1) / n - cdf(x)), 0)
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; ++i) sum += values[i]
  return sum / values.length
}

/** Pearson's correlation of two series of one length. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  let ab = 0
  let aa = 0
  let bb = 0
  for (const [i, x] of a.entries()) {
    ab += (x - meanA) * (b[i] - meanB)
    aa += (x - meanA) ** 2
    bb += (b[i] - meanB) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}
