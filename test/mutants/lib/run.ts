/**
 * `npm run mutants:lib -- [--again] [FILE...]`: Stryker on files of lib/, one after the other, all of its configuration or those
 * named. Each result goes to `test/mutants/results/lib.json` as it comes. `--again` tries the survivors without a reason again. The
 * exit status is 0 if every survivor has its reason, and no other.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { argv, execPath, version } from 'node:process'
import { parseArgs } from 'node:util'
import { root } from '../../support/program'
import { devDependencies } from '../../../package.json'
import { faultsOf, type FileResult, type Results, resultsFile, type Survivor } from './results'
import { jsonReporter, mutate } from './stryker.config.json'

interface Position {
  line: number
  column: number
}

/** The part of mutation-testing-report-schema that is used. */
interface Report {
  files: Record<
    string,
    {
      source: string
      mutants: {
        mutatorName: string
        replacement: string
        status: string
        location: { start: Position; end: Position }
      }[]
    }
  >
}

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  options: { again: { type: 'boolean', default: false } },
  allowPositionals: true,
})

const stryker = join(root, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
const singleSpaces = (text: string): string => text.replace(/\s+/g, ' ').trim()

function survivorOf(
  file: string,
  source: string,
  mutant: Report['files'][string]['mutants'][number],
): Survivor {
  const { start, end } = mutant.location
  const lines = source.split('\n')
  const covered = lines.slice(start.line - 1, end.line)
  covered.push((covered.pop() ?? '').slice(0, end.column - 1))
  covered[0] = (covered[0] ?? '').slice(start.column - 1)
  return {
    at: `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`,
    line: (lines[start.line - 1] ?? '').trim(),
    from: singleSpaces(covered.join('\n')),
    to: singleSpaces(mutant.replacement),
    mutator: mutant.mutatorName,
  }
}

/** Runs Stryker on the ranges, all of which lie in the file. */
function mutants(file: string, ranges: readonly string[]): FileResult {
  execFileSync(
    execPath,
    [stryker, 'run', join(__dirname, 'stryker.config.json'), '--mutate', ranges.join(',')],
    { cwd: root, stdio: 'inherit' },
  )
  const report = JSON.parse(readFileSync(join(root, jsonReporter.fileName), 'utf8')) as Report
  const { source, mutants } = report.files[file]
  const having = (...statuses: string[]) => mutants.filter(({ status }) => statuses.includes(status))
  return {
    date: new Date().toISOString().slice(0, 10),
    mutants: mutants.length,
    killed: having('Killed').length,
    timeouts: having('Timeout').length,
    errors: having('RuntimeError', 'CompileError').length,
    survivors: having('Survived', 'NoCoverage').map((mutant) => survivorOf(file, source, mutant)),
  }
}

const empty: Pick<Results, 'files'> = { files: {} }
const known = existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : empty
const results: Results = {
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: version },
  versions: { stryker: devDependencies['@stryker-mutator/core'], typescript: devDependencies.typescript },
  files: known.files,
}

/** What is known of the file, with what its survivors do now. */
function again(file: string): FileResult | undefined {
  const before = results.files[file]
  const unexplained = before?.survivors.filter(({ at }) =>
    faultsOf(results).some((fault) => fault.startsWith(`${at} `)),
  )
  if (before === undefined || unexplained === undefined || unexplained.length === 0) return before
  const now = mutants(
    file,
    unexplained.map(({ at }) => at),
  )
  const isTried = ({ at }: Survivor): boolean => unexplained.some((survivor) => survivor.at === at)
  const survivors = [...before.survivors.filter((survivor) => !isTried(survivor)), ...now.survivors]
  return {
    ...before,
    date: now.date,
    killed: before.mutants - before.timeouts - before.errors - survivors.length,
    survivors,
  }
}

for (const file of positionals.length > 0 ? positionals : mutate) {
  const result = values.again ? again(file) : mutants(file, [file])
  if (result !== undefined) results.files[file] = result
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
}
for (const [file, { mutants, killed, timeouts, survivors }] of Object.entries(results.files))
  console.log(`${file}: ${killed + timeouts} of ${mutants} killed, ${survivors.length} survived`)
const faults = faultsOf(results)
for (const fault of faults) console.log(fault)
process.exitCode = faults.length === 0 ? 0 : 1
