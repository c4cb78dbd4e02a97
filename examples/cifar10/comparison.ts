/** What the final runs say: means, paired differences, and the verdict by the rule of docs/reproduction.md. */
import {
  confidenceInterval,
  estimate,
  mean,
  pairedDifference,
  type Estimate,
} from '../fashion-mnist/statistics'
import { METHODS, PLACEMENTS, type Design, type Method, type Placement } from './design'
import type { Metrics } from './metrics'
import type { Line } from './results'

export const MEASURES = ['accuracy', 'nll', 'ece'] as const satisfies readonly (keyof Metrics)[]
export type Measure = (typeof MEASURES)[number]

/** By measure: the sign of what is better, and the smallest difference of interest. */
const INTEREST: Record<Measure, { better: 1 | -1; smallest: number }> = {
  accuracy: { better: 1, smallest: 0.005 },
  nll: { better: -1, smallest: 0.02 },
  ece: { better: -1, smallest: 0.005 },
}

export interface Summary {
  readonly placement: Placement
  readonly method: Method
  readonly strength: number
  readonly runs: number
  readonly measures: Readonly<Record<Measure, Estimate>>
}

export type Verdict = 'supports' | 'refutes' | 'undecided' | 'incomplete'

export interface Difference extends Estimate {
  readonly interval: readonly [number, number] | null
  readonly t: number | null
  readonly verdict: Verdict
}

/** Of first less second, seed by seed. */
export interface Comparison {
  readonly placement: Placement
  readonly first: Method
  readonly second: Method
  readonly pairs: number
  readonly measures: Readonly<Record<Measure, Difference>>
}

const record = <T>(make: (measure: Measure) => T): Record<Measure, T> => ({
  accuracy: make('accuracy'),
  nll: make('nll'),
  ece: make('ece'),
})

/** In the order in which keys first come. */
export function groupsOf<T>(values: readonly T[], keyOf: (value: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group) group.push(value)
    else groups.set(keyOf(value), [value])
  }
  return [...groups.values()]
}

/** Runs that differ in their seed alone. */
export const groupsByStrength = (lines: readonly Line[]): Line[][] =>
  groupsOf(lines, ({ placement, method, strength }) => `${placement} ${method} ${strength}`)

/** The rate that was applied, over layers, steps and runs. */
export const meanRateOf = (runs: readonly Line[]): number => mean(runs.flatMap(({ meanRates }) => meanRates))

export const inOrder = <T extends { placement: Placement; method: Method }>(values: readonly T[]): T[] => {
  const rank = ({ placement, method }: T) =>
    PLACEMENTS.indexOf(placement) * METHODS.length + METHODS.indexOf(method)
  return [...values].sort((a, b) => rank(a) - rank(b))
}

export function summarize(lines: readonly Line[]): Summary[] {
  const groups = groupsOf(inOrder(lines), ({ placement, method }) => `${placement} ${method}`)
  return groups.map((group) => ({
    placement: group[0].placement,
    method: group[0].method,
    strength: group[0].strength,
    runs: group.length,
    measures: record((measure) => estimate(group.map((line) => line[measure]))),
  }))
}

/** The primary comparison comes first. */
const COMPARISONS: readonly (readonly [Placement, Method, Method])[] = [
  ['all', 'jumpout', 'dropout'],
  ['all', 'jumpout', 'none'],
  ['all', 'dropout', 'none'],
  ['dense', 'jumpout', 'dropout'],
  ['dense', 'jumpout', 'none'],
  ['dense', 'dropout', 'none'],
  ['all', 'jumpout', 'jumpout-less-1'],
  ['all', 'jumpout', 'jumpout-less-2'],
  ['all', 'jumpout', 'jumpout-less-3'],
  ['all', 'dropout-0.75', 'dropout'],
]

export function compare({ seeds }: Design, lines: readonly Line[]): Comparison[] {
  return COMPARISONS.flatMap(([placement, first, second]) => {
    const bySeed = (method: Method) =>
      new Map(
        lines
          .filter((line) => line.method === method && (method === 'none' || line.placement === placement))
          .map((line) => [line.seed, line]),
      )
    const [a, b] = [bySeed(first), bySeed(second)]
    const both = [...a.keys()].filter((seed) => b.has(seed)).sort((x, y) => x - y)
    if (both.length === 0) return []
    const isAblation = [first, second].some(
      (method) => method.startsWith('jumpout-') || method === 'dropout-0.75',
    )
    const planned = (isAblation ? seeds.ablations : seeds.final).length
    const values = (runs: ReadonlyMap<number, Line>, measure: Measure) =>
      both.map((seed) => runs.get(seed)?.[measure] ?? NaN)
    return {
      placement,
      first,
      second,
      pairs: both.length,
      measures: record((measure): Difference => {
        const difference = pairedDifference(values(a, measure), values(b, measure))
        const interval = confidenceInterval(difference, both.length)
        const complete = both.length === planned
        return {
          ...difference,
          interval,
          verdict: complete ? verdictOf(measure, difference.mean, interval) : 'incomplete',
        }
      }),
    }
  })
}

/** On the claim that the first method is better than the second, by an amount that matters. */
export function verdictOf(
  measure: Measure,
  mean: number,
  interval: readonly [number, number] | null,
): Verdict {
  if (interval === null) return 'undecided'
  const { better, smallest } = INTEREST[measure]
  const [low, high] = better === 1 ? interval : [-interval[1], -interval[0]]
  if (low > 0 && better * mean >= smallest) return 'supports'
  return high < smallest ? 'refutes' : 'undecided'
}
