/**
 * `npm run mutants:lib -- [--again] [FILE...]`: Stryker on files of lib/, one after the other, all of the list or those named. Each
 * result goes to `test/mutants/results/lib.json` as it comes. `--again` tries survivors without a reason again, on all tests. The exit
 * status is 0 if every survivor has its reason, and no other.
 */
import type { Stryker } from '@stryker-mutator/core' with { 'resolution-mode': 'import' }
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { parseArgs } from 'node:util'
import { devDependencies } from '../../../package.json'
import { root } from '../../support/program'
import { machine } from '../machine'
import { type FileResult, type Results, resultsFile, type Survivor, unexplained } from './results'

type StrykerOptions = ConstructorParameters<typeof Stryker>[0]
type MutantResult = Awaited<ReturnType<Stryker['runMutationTest']>>[number]

/** The tests of each file: those first that kill most in little time. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'lib/options.ts': ['20-golden', '30-arguments', '35-option-names', '41-checkpoint', '40-layer'],
  'lib/option-names.ts': ['35-option-names', '30-arguments'],
  'lib/layout.ts': [
    '20-golden',
    '30-arguments',
    '40-layer',
    '26-shards',
    '29-channels-last',
    '86-device-arguments',
    '81-device-passes',
    '96-tfjs-cpu',
  ],
  'lib/seed.ts': ['40-layer', '20-golden', '30-arguments', '41-checkpoint', '42-layer-call'],
  'lib/layer.ts': [
    '41-checkpoint',
    '35-option-names',
    '40-layer',
    '42-layer-call',
    '30-arguments',
    '56-inspect',
    '84-device-layer',
  ],
  'lib/errors.ts': [
    '34-errors',
    '35-option-names',
    '30-arguments',
    '41-checkpoint',
    '40-layer',
    '56-inspect',
    '86-device-arguments',
  ],
  'lib/host/memory.ts': [
    '38-host-memory',
    '37-release',
    '42-layer-call',
    '30-arguments',
    '31-memory-kinds',
    '33-async',
    '32-outputs',
  ],
}
const ALL_TESTS = [
  '20-golden',
  '35-option-names',
  '40-layer',
  '41-checkpoint',
  '42-layer-call',
  '30-arguments',
  '50-runtime',
  '26-shards',
  '29-channels-last',
  '38-host-memory',
  '37-release',
  '33-async',
  '56-inspect',
  '84-device-layer',
  '86-device-arguments',
]
const OPTIONS: StrykerOptions = {
  ignorePatterns: [
    '**',
    ...['lib', 'test', 'build/Release', 'build/emulated/Release'].map((folder) => `!/${folder}/**`),
    '!/package.json',
    '!/tsconfig*.json',
  ],
  tempDirName: 'build/mutants/lib',
  buildCommand: 'tsc -p tsconfig.build.json --noCheck',
  testRunner: 'in-process',
  plugins: [join(__dirname, 'runner.mjs')],
  warnings: false, // of the options of the runner, which Stryker does not know
  concurrency: 2,
  timeoutMS: 60_000,
  reporters: ['progress-append-only'],
}

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  options: { again: { type: 'boolean', default: false } },
  allowPositionals: true,
})

async function run(
  mutate: string[],
  tests: readonly string[],
  coverageAnalysis: 'perTest' | 'off',
): Promise<MutantResult[]> {
  const { Stryker } = await import('@stryker-mutator/core')
  const jumpout = { testFiles: tests.map((name) => `test/${name}.test.ts`) }
  return new Stryker({ ...OPTIONS, mutate, coverageAnalysis, jumpout }).runMutationTest()
}

const singleSpaces = (text: string): string => text.replace(/\s+/g, ' ').trim()

function survivorOf(
  file: string,
  { location: { start, end }, replacement, mutatorName: mutator }: MutantResult,
): Survivor {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  const from = lines.slice(start.line - 1, end.line)
  from.push((from.pop() ?? '').slice(0, end.column - 1))
  from[0] = from[0].slice(start.column - 1)
  return {
    at: `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`,
    line: lines[start.line - 1].trim(),
    from: singleSpaces(from.join('\n')),
    to: singleSpaces(replacement),
    mutator,
  }
}

function resultOf(file: string, mutants: readonly MutantResult[]): FileResult {
  const having = (...statuses: string[]) => mutants.filter(({ status }) => statuses.includes(status))
  return {
    date: new Date().toISOString().slice(0, 10),
    mutants: mutants.length,
    killed: having('Killed').length,
    timeouts: having('Timeout').length,
    errors: having('RuntimeError', 'CompileError').length,
    survivors: having('Survived', 'NoCoverage').map((mutant) => survivorOf(file, mutant)),
  }
}

const known = existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : undefined
const results: Results = {
  machine: machine(),
  versions: { stryker: devDependencies['@stryker-mutator/core'], typescript: devDependencies.typescript },
  files: known?.files ?? {},
}

/** What is known of the file, with what its unexplained survivors do now. */
async function again(file: string): Promise<FileResult> {
  const before = results.files[file]
  const tried = unexplained(file, before)
  if (tried.length === 0) return before
  const now = resultOf(
    file,
    await run(
      tried.map(({ at }) => at),
      ALL_TESTS,
      'off',
    ),
  )
  // A range may hold smaller mutants, whose results are known.
  const left = tried.filter(({ at, to }) =>
    now.survivors.some((mutant) => mutant.at === at && mutant.to === to),
  )
  const survivors = before.survivors.filter((mutant) => !tried.includes(mutant) || left.includes(mutant))
  const killed = before.killed + before.survivors.length - survivors.length
  return { ...before, date: now.date, killed, survivors }
}

async function main(): Promise<void> {
  for (const file of positionals.length > 0 ? positionals : Object.keys(FILES)) {
    results.files[file] = values.again
      ? await again(file)
      : resultOf(file, await run([file], FILES[file], 'perTest'))
    writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
    const { mutants, killed, timeouts, errors, survivors } = results.files[file]
    const faults = unexplained(file, results.files[file])
    console.log(
      `${file}: ${killed + timeouts} of ${mutants} killed, ${survivors.length} survived, ${faults.length} of them without a reason`,
    )
    for (const { at, line, from, to } of faults) console.log(`${at}\n  ${line}\n  ${from} => ${to}`)
    if (faults.length + errors > 0) process.exitCode = 1
  }
}

void main()
