/** How long ranks take to sum a layer's counts: a model with one constant per network (docs/distributed.md). */

/** Rounds of recursive doubling: after each, a rank knows the sum over twice as many. */
export const rounds = (ranks: number): number => Math.ceil(Math.log2(ranks))

/** Microseconds, where a message of 16 bytes takes `alpha` of them. */
export const overhead = (ranks: number, alpha: number): number => alpha * rounds(ranks)

/** One transport on one machine: median microseconds of a sum over so many ranks. */
export interface Transport {
  readonly name: string
  readonly times: readonly { readonly ranks: number; readonly microseconds: number }[]
}

/** The constant of a transport is its time on two ranks, one round, less that on one, the call alone. */
export function alphaOf({ times }: Transport): number {
  const time = (ranks: number) => times.find((entry) => entry.ranks === ranks)?.microseconds ?? NaN
  return time(2) - time(1)
}
