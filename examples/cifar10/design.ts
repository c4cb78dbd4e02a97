/** The experiment of docs/reproduction.md as data: what is run, on what, and what is chosen. */
import { createHash } from 'node:crypto'
import type { JumpoutOptions } from 'jumpout'

export const SEARCHED = ['dropout', 'jumpout'] as const
export const ABLATIONS = ['jumpout-less-1', 'jumpout-less-2', 'jumpout-less-3', 'dropout-0.75'] as const
export const METHODS = ['none', ...SEARCHED, ...ABLATIONS] as const
export type Searched = (typeof SEARCHED)[number]
export type Method = (typeof METHODS)[number]

/** Which ReLUs a layer follows: all of them, or that of the dense layer alone. */
export const PLACEMENTS = ['all', 'dense'] as const
export type Placement = (typeof PLACEMENTS)[number]

export const STAGES = ['search', 'final'] as const
export type Stage = (typeof STAGES)[number]

export interface Design {
  readonly name: 'full' | 'quick'
  /** Channels of each block of two convolutions. */
  readonly widths: readonly number[]
  /** Units of the dense layer. */
  readonly units: number
  readonly trainingPerClass: number
  /** Images that a run is evaluated on, from the first on. */
  readonly evaluated: number
  readonly batch: number
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
  readonly epochs: Readonly<Record<Stage, number>>
  /** Mean and variance ratios are taken after each such number of epochs, and after the last. */
  readonly momentsEvery: number
  readonly grids: Readonly<Record<Placement, Readonly<Record<Searched, readonly number[]>>>>
  readonly seeds: {
    readonly search: readonly number[]
    readonly final: readonly number[]
    readonly ablations: readonly number[]
  }
}

export const FULL: Design = {
  name: 'full',
  widths: [16, 32, 64],
  units: 128,
  trainingPerClass: 500,
  evaluated: 10_000,
  batch: 128,
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  epochs: { search: 60, final: 60 },
  momentsEvery: 10,
  grids: {
    all: { dropout: [0.01, 0.03, 0.05, 0.1, 0.2], jumpout: [0.01, 0.02, 0.04, 0.08, 0.16] },
    dense: { dropout: [0.1, 0.2, 0.35, 0.5], jumpout: [0.04, 0.08, 0.16, 0.32] },
  },
  seeds: { search: [101, 102], final: [1, 2, 3, 4, 5, 6, 7, 8], ablations: [1, 2, 3, 4] },
}

/** Every stage in about a minute; its numbers mean nothing. */
export const QUICK: Design = {
  ...FULL,
  name: 'quick',
  widths: [4, 8, 8],
  units: 16,
  trainingPerClass: 32,
  evaluated: 500,
  batch: 32,
  epochs: { search: 2, final: 3 },
  momentsEvery: 2,
  grids: { all: { dropout: [0.03, 0.1], jumpout: [0.02, 0.08] }, dense: { dropout: [0.2], jumpout: [0.08] } },
  seeds: { search: [101], final: [1, 2], ablations: [1] },
}

/** Part of each line: lines of another design are not mixed with these. */
export const digestOf = (design: Design): string =>
  createHash('sha256').update(JSON.stringify(design)).digest('hex').slice(0, 12)

export const stepsPerEpoch = ({ trainingPerClass, batch }: Design): number =>
  Math.floor((10 * trainingPerClass) / batch)

/** What identifies a run. */
export interface Job {
  readonly stage: Stage
  readonly placement: Placement
  readonly method: Method
  /** What was searched: the rate of dropout, jumpout's sigma; 0 for none. */
  readonly strength: number
  readonly seed: number
  /** Of every layer of the placement. */
  readonly options: JumpoutOptions
}

export const keyOf = ({ stage, placement, method, strength, seed, options }: Job): string =>
  JSON.stringify([stage, placement, method, strength, seed, options])

/** jumpout's defaults, which are the paper's, in full: they are part of each line. */
const PAPER = { pMin: 0.01, pMax: 0.6, maxRate: 0.6, exponent: 0.75 }

const plainDropout = (rate: number, exponent: number): JumpoutOptions => ({
  rate,
  normalize: false,
  exponent,
})
const jumpout = (sigma: number): JumpoutOptions => ({ sigma, ...PAPER, normalize: true })

/** @param active the mean fraction of active units, for `jumpout-less-2` alone */
export function optionsOf(method: Method, strength: number, active = NaN): JumpoutOptions {
  switch (method) {
    case 'none':
      return { rate: 0 }
    case 'dropout':
      return plainDropout(strength, 1)
    case 'dropout-0.75':
      return plainDropout(strength, 0.75)
    case 'jumpout':
      return jumpout(strength)
    case 'jumpout-less-1': {
      const { maxRate, exponent } = PAPER
      return { rate: PAPER.pMin + strength * Math.sqrt(2 / Math.PI), normalize: true, maxRate, exponent }
    }
    case 'jumpout-less-2':
      return { ...jumpout(strength / active), pMin: PAPER.pMin / active, normalize: false }
    case 'jumpout-less-3':
      return { ...jumpout(strength), exponent: 1 }
  }
}

/** Seed by seed, so that what is finished at any time can be compared. */
export function searchJobs({ seeds, grids }: Design): Job[] {
  return seeds.search.flatMap((seed): Job[] => [
    { stage: 'search', placement: 'all', method: 'none', strength: 0, seed, options: optionsOf('none', 0) },
    ...PLACEMENTS.flatMap((placement) =>
      SEARCHED.flatMap((method) =>
        grids[placement][method].map((strength): Job => ({
          stage: 'search',
          placement,
          method,
          strength,
          seed,
          options: optionsOf(method, strength),
        })),
      ),
    ),
  ])
}

/** What the search chose for one method and placement. */
export interface Chosen {
  readonly placement: Placement
  readonly method: Searched
  readonly strength: number
  /** Whether it is the first or last value that was searched. */
  readonly atEdge: boolean
  /** Mean fraction of active units, over layers and epochs, of its runs. */
  readonly active: number
}

/** What is read of a finished run of the search. */
export interface SearchRun extends Job {
  readonly accuracy: number
  readonly active: readonly (readonly number[])[]
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** The value with the highest mean accuracy; of equals, the smaller. */
export function choose({ grids }: Design, runs: readonly SearchRun[]): Chosen[] {
  return PLACEMENTS.flatMap((placement) =>
    SEARCHED.map((method): Chosen => {
      const values = [...grids[placement][method]].sort((a, b) => a - b)
      const runsWith = (strength: number) =>
        runs.filter(
          (run) => run.placement === placement && run.method === method && run.strength === strength,
        )
      const accuracies = values.map((value) => mean(runsWith(value).map(({ accuracy }) => accuracy)))
      const best = accuracies.indexOf(Math.max(...accuracies))
      return {
        placement,
        method,
        strength: values[best],
        atEdge: best === 0 || best === values.length - 1,
        active: mean(runsWith(values[best]).flatMap(({ active }) => active.flat())),
      }
    }),
  )
}

export function finalJobs({ seeds }: Design, chosen: readonly Chosen[]): Job[] {
  const job = (placement: Placement, method: Method, from: Searched | null, seed: number): Job => {
    const choice = chosen.find((choice) => choice.placement === placement && choice.method === from)
    const strength = choice?.strength ?? 0
    return {
      stage: 'final',
      placement,
      method,
      strength,
      seed,
      options: optionsOf(method, strength, choice?.active),
    }
  }
  return seeds.final.flatMap((seed): Job[] => [
    job('all', 'none', null, seed),
    ...PLACEMENTS.flatMap((placement) => SEARCHED.map((method) => job(placement, method, method, seed))),
    ...(seeds.ablations.includes(seed)
      ? ABLATIONS.map((method) => job('all', method, method === 'dropout-0.75' ? 'dropout' : 'jumpout', seed))
      : []),
  ])
}
