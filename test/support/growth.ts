/** Whether a series of measurements grows, regardless of steps and spikes before its plateau. */

/** Theil and Sen's slope: the median of those of all pairs, which neither a step nor a few outliers move much. */
export function slope(values: readonly number[]): number {
  const slopes = values
    .flatMap((value, i) => values.slice(0, i).map((earlier, j) => (value - earlier) / (i - j)))
    .sort((a, b) => a - b)
  const middle = slopes.length >> 1
  return slopes.length % 2 === 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2
}

/** Measurements in which a plateau is looked for. */
export const WINDOW = 6

/** The least slope of any window: that of the plateau, where there is one. A leak is in every window. */
export function leastSlope(values: readonly number[]): number {
  const starts = Array.from({ length: Math.max(1, values.length - WINDOW + 1) }, (_, start) => start)
  return Math.min(...starts.map((start) => slope(values.slice(start, start + WINDOW))))
}
