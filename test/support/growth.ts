/** Whether a series of measurements grows, regardless of steps and spikes before its plateau. */

/** Theil and Sen's slope: the median of those of all pairs, which neither a step nor a few outliers move much. */
export function slope(values: readonly number[]): number {
  return median(slopesOf([...values.keys()], values))
}

/** Those of all pairs, in order. */
const slopesOf = (xs: readonly number[], ys: readonly number[]): number[] =>
  ys
    .flatMap((y, i) => ys.slice(0, i).map((earlier, j) => (y - earlier) / (xs[i] - xs[j])))
    .sort((a, b) => a - b)

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Measurements in which a plateau is looked for. */
export const WINDOW = 6

/** The least slope of any window: that of the plateau, where there is one. A leak is in every window. */
export function leastSlope(values: readonly number[]): number {
  const starts = Array.from({ length: Math.max(1, values.length - WINDOW + 1) }, (_, start) => start)
  return Math.min(...starts.map((start) => slope(values.slice(start, start + WINDOW))))
}

export interface Interval {
  slope: number
  low: number
  high: number
}

/**
 * Theil and Sen's slope of y over x, and its interval of 95% confidence after Sen (1968), from the variance of Kendall's score.
 * It supposes that the deviations are independent, and nothing of their distribution.
 */
export function slopeInterval(xs: readonly number[], ys: readonly number[]): Interval {
  const n = xs.length
  const slopes = slopesOf(xs, ys)
  const width = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const at = (rank: number) => slopes[Math.min(Math.max(Math.round(rank), 0), slopes.length - 1)]
  return {
    slope: median(slopes),
    low: at((slopes.length - width) / 2 - 1),
    high: at((slopes.length + width) / 2),
  }
}
