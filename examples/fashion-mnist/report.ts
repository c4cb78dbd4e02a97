import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { runtime } from 'jumpout'
import type { MomentRatio } from './moments'
import type { Method, Options } from './options'
import { estimate, histogram, pairedDifference, rounding, type Estimate, type Histogram } from './statistics'
import type { Digest } from './published'
import type { Run } from './train'

/** Plenty to plot; equality of runs is seen in parametersSha256. */
const round = rounding(6)

const RATE_BINS = 40

export interface Results {
  date: string
  seconds: number
  versions: Record<string, string>
  machine: Record<string, string | number>
  options: Omit<Options, 'out'>
  /** Accuracy on all test images after the last epoch; over the seeds. */
  testAccuracy: ({ method: Method } & Estimate)[]
  /** Of that accuracy, seed by seed: first - second. */
  pairedDifferences: ({ first: Method; second: Method; t: number | null } & Estimate)[]
  /** Base rates that jumpout drew, all seeds, layers and steps; null where none were drawn. */
  drawnRates: Histogram | null
  momentRatios: { method: Method; seed: number; ratios: MomentRatio[] } | null
  runs: (Digest & { testAccuracy: number; epochs: Run['epochs'] })[]
}

export function summarize(runs: readonly Run[], options: Options, seconds: number): Results {
  const { out: _out, ...reported } = options
  const { methods } = options
  const finals = (method: Method) => runs.filter((run) => run.method === method).map(finalAccuracy)
  const isDrawn = options.draw && options.sigma > 0
  const drawn = runs.flatMap(({ method, rates }) => (method === 'jumpout' && isDrawn ? rates : []))
  const measured = runs.find((run) => run.momentRatios)
  return {
    date: new Date().toISOString(),
    seconds: round(seconds),
    versions: versions(),
    machine: machine(),
    options: reported,
    testAccuracy: methods.map((method) => ({ method, ...estimate(finals(method)) })),
    pairedDifferences: methods.flatMap((second, index) =>
      methods
        .slice(index + 1)
        .map((first) => ({ first, second, ...pairedDifference(finals(first), finals(second)) })),
    ),
    drawnRates: drawn.length > 0 ? histogram(drawn, RATE_BINS) : null,
    momentRatios: measured?.momentRatios
      ? { method: measured.method, seed: measured.seed, ratios: measured.momentRatios.map(round) }
      : null,
    runs: runs.map((run) => ({
      ...digestOf(run),
      testAccuracy: finalAccuracy(run),
      epochs: run.epochs.map(round),
    })),
  }
}

export const digestOf = ({ method, seed, parameters }: Run): Digest => ({
  method,
  seed,
  parametersSha256: parameters,
})

function finalAccuracy(run: Run): number {
  return run.epochs[run.epochs.length - 1].testAccuracy ?? NaN
}

/** What the terminal shows: accuracies and differences in percent. */
export function formatTable({ options, testAccuracy, pairedDifferences }: Results): string {
  const size = `training images: ${options.images}, epochs: ${options.epochs}, seeds: ${options.seeds}`
  const accuracies = testAccuracy.map(({ method, ...value }) => [method, percent(value)])
  const differences = pairedDifferences.map(({ first, second, t, ...value }) => [
    `${first} - ${second}`,
    percent(value, true),
    t === null ? '' : `t = ${t.toFixed(1)}`,
  ])
  return [
    `Test accuracy in percent, mean +- standard error (${size})`,
    ...align(accuracies),
    ...(differences.length > 0 ? ['', 'Paired differences, seed by seed', ...align(differences)] : []),
  ].join('\n')
}

function percent({ mean, standardError }: Estimate, signed = false): string {
  const value = `${signed && mean > 0 ? '+' : ''}${(100 * mean).toFixed(2)}`
  return standardError === null ? value : `${value} +- ${(100 * standardError).toFixed(2)}`
}

/** Columns of one width each. */
export function align(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? []
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('   ')}`.trimEnd(),
  )
}

function versions(): Record<string, string> {
  const packages = [
    '@tensorflow/tfjs-core',
    '@tensorflow/tfjs-layers',
    '@tensorflow/tfjs-backend-wasm',
    'fashion-mnist',
  ]
  const versions: Record<string, string> = { jumpout: runtime.version, node: process.versions.node }
  for (const name of packages) {
    versions[name] = (require(`${name}/package.json`) as { version: string }).version
  }
  return versions
}

function machine(): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    jumpoutBackend: runtime.backend,
    jumpoutIsa: runtime.cpu.isa,
  }
}
