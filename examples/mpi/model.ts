/** How long ranks take to sum a layer's counts: a model with two constants per network (docs/distributed.md). */

/** Rounds of recursive doubling: after each, a rank knows the sum over twice as many. */
export const rounds = (ranks: number): number => Math.ceil(Math.log2(ranks))

/** Microseconds. */
export interface Constants {
  /** Of the call itself, on one rank. */
  readonly call: number
  /** Of a round: a message of 16 bytes. */
  readonly alpha: number
}

export const overhead = (ranks: number, { call, alpha }: Constants): number => call + alpha * rounds(ranks)

/** One network on one machine: median microseconds of a sum over so many ranks. */
export interface Transport {
  readonly name: string
  readonly times: readonly { readonly ranks: number; readonly microseconds: number }[]
}

/** From the times on one and on two ranks, no round and one. */
export function constantsOf({ times }: Transport): Constants {
  const time = (ranks: number) => times.find((entry) => entry.ranks === ranks)?.microseconds ?? NaN
  return { call: time(1), alpha: time(2) - time(1) }
}
