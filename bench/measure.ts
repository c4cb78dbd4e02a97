import { performance } from 'node:perf_hooks'

/** One contender of a comparison. */
export interface Candidate {
  name: string
  /** Not timed, before every trial: restores inputs that `run` consumes, selects a backend. */
  prepare?(): void | Promise<void>
  /** Timed. `i` counts this candidate's calls from 0, so that every call can make a new draw. */
  run(i: number): unknown
}

export interface Effort {
  /** Seconds that one comparison may take, all candidates together. */
  budget: number
  minRounds: number
  maxRounds: number
  /** Shortest trial, in seconds; shorter calls are repeated within one trial. */
  minTrial: number
}

export const effort = (quick: boolean): Effort =>
  quick
    ? { budget: 0.3, minRounds: 3, maxRounds: 15, minTrial: 1e-3 }
    : { budget: 4, minRounds: 5, maxRounds: 301, minTrial: 1e-3 }

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length

/**
 * Times the candidates in turns, so that other load affects all of them alike, and returns the median seconds per call
 * of each. `flush`, where given, empties the caches before every trial.
 */
export async function interleave<Name extends string>(
  candidates: readonly (Candidate & { name: Name })[],
  { budget, minRounds, maxRounds, minTrial }: Effort,
  flush?: () => void,
): Promise<Record<Name, number>> {
  const contenders = candidates.map((candidate) => ({
    candidate,
    calls: 0,
    repeats: 1,
    trials: [] as number[],
  }))

  const trial = async (contender: (typeof contenders)[number]) => {
    const { candidate, repeats } = contender
    await candidate.prepare?.()
    flush?.()
    const start = performance.now()
    for (let r = 0; r < repeats; r++) {
      const result = candidate.run(contender.calls++)
      if (result instanceof Promise) await result
    }
    return (performance.now() - start) / 1e3 / repeats
  }

  // Compilers and allocators settle first; a flushed or restored input allows no repeats.
  for (const contender of contenders) {
    let seconds = await trial(contender)
    if (flush || contender.candidate.prepare) continue
    for (const end = performance.now() + Math.min(50, budget * 100); performance.now() < end;) {
      contender.repeats = Math.max(1, Math.ceil(minTrial / seconds))
      seconds = await trial(contender)
    }
  }
  const end = performance.now() + budget * 1e3
  for (let round = 0; round < maxRounds && (round < minRounds || performance.now() < end); round++) {
    // Each round starts with another candidate, so that no candidate always follows the same one.
    for (let k = 0; k < contenders.length; k++) {
      const contender = contenders[(round + k) % contenders.length]
      contender.trials.push(await trial(contender))
    }
  }
  return Object.fromEntries(contenders.map((c) => [c.candidate.name, median(c.trials)])) as Record<
    Name,
    number
  >
}

/** Rounds of one call of each candidate, in turns: their median times, and medians of the ratios within a round. */
export async function paired<Name extends string>(
  candidates: readonly (Candidate & { name: Name })[],
  { budget, minRounds, maxRounds }: Effort,
): Promise<{ times: Record<Name, number>; ratioOf: (name: Name, other: Name) => number }> {
  const rounds: Record<Name, number>[] = []
  const warmUps = 2
  const end = performance.now() + budget * 1e3
  for (
    let round = 0;
    round < maxRounds && (round < minRounds + warmUps || performance.now() < end);
    round++
  ) {
    const times = {} as Record<Name, number>
    for (let k = 0; k < candidates.length; k++) {
      const { name, run } = candidates[(round + k) % candidates.length]
      const start = performance.now()
      await run(round)
      times[name] = (performance.now() - start) / 1e3
    }
    if (round >= warmUps) rounds.push(times)
  }
  return {
    times: Object.fromEntries(
      candidates.map(({ name }) => [name, median(rounds.map((times) => times[name]))]),
    ) as Record<Name, number>,
    ratioOf: (name, other) => median(rounds.map((times) => times[name] / times[other])),
  }
}
