/** What Stryker found, as `test/mutants/results/lib.json` keeps it, and which survivors have no reason. */
import { join } from 'node:path'
import { root } from '../../support/program'
import type { Machine } from '../machine'
import { type Equivalent, equivalents, open } from './equivalent'

export const resultsFile = join(root, 'test', 'mutants', 'results', 'lib.json')

/** A mutant that no test killed. Texts have single spaces. */
export interface Survivor {
  /** For Stryker's `--mutate`: the position on that day. */
  at: string
  /** The line where it begins. */
  line: string
  from: string
  to: string
  mutator: string
}

export interface FileResult {
  date: string
  mutants: number
  killed: number
  /** Killed, as they run for ever. */
  timeouts: number
  /** Mutants that Stryker could not run. */
  errors: number
  survivors: Survivor[]
}

export interface Results {
  machine: Machine
  versions: { stryker: string; typescript: string }
  files: Record<string, FileResult>
}

const matches = (file: string, survivor: Survivor, known: Equivalent): boolean =>
  known.file === file &&
  known.line === survivor.line &&
  (known.from ?? survivor.from) === survivor.from &&
  (known.to ?? survivor.to) === survivor.to

/** Survivors without a reason. */
export const unexplained = (file: string, { survivors }: FileResult): Survivor[] =>
  survivors.filter((survivor) => !equivalents.some((known) => matches(file, survivor, known)))

/** Survivors without a reason that are not left open, mutants that did not run, and reasons for what did not survive. */
export function faultsOf({ files }: Results): string[] {
  const wrong = Object.entries(files).flatMap(([file, result]) => [
    ...(result.errors > 0 ? [`${file}: ${result.errors} mutants did not run`] : []),
    ...unexplained(file, result)
      .filter(({ line }) => !open[file]?.includes(line))
      .map(({ at, line, to }) => `${at} survived: ${line} => ${to}`),
  ])
  const stale = equivalents
    .filter(({ file }) => file in files)
    .filter((known) => !files[known.file].survivors.some((survivor) => matches(known.file, survivor, known)))
    .map(({ file, line, to }) => `${file}: a reason, but no survivor: ${line} => ${to ?? 'anything'}`)
  return [...wrong, ...stale]
}
