/**
 * `npm run mutants -- [--part host|device] [--match TEXT] [--json FILE]`: plants one fault after the other in a copy of the native
 * sources, and runs tests until one fails. The file keeps what is known: a run that was interrupted goes on where it ended, and
 * survivors are tried again. One run at a time. The exit status is 0 if every mutant without an explanation was killed, and no other.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { argv, exit } from 'node:process'
import { parseArgs } from 'node:util'
import { execute } from '../support/emulated'
import { filesInTree, root, type Outcome } from '../support/program'
import { device } from './device'
import { host } from './host'
import { type Machine, machine } from './machine'
import { planted, type Mutant } from './mutant'
import { builds, COPIED, home, suites, type Build, type Suite } from './suites'

interface Result {
  name: string
  kind: string
  file: string
  /** Of the texts: whether this is still the same mutant. */
  change: string
  outcome: 'killed' | 'hung' | 'survived' | 'not built'
  /** Of a survivor: why nothing can kill it. */
  equivalent?: string
  by?: string
  seconds: number
}

interface Progress {
  part: Part
  date: string
  machine: Machine & { compiler: string }
  /** Seconds that each suite takes where nothing is planted. */
  baseline: Record<string, number>
  results: Result[]
}

type Part = 'host' | 'device'
const lists: Readonly<Record<Part, readonly Mutant[]>> = { host, device }

const { values } = parseArgs({
  args: argv.slice(2),
  options: { part: { type: 'string' }, match: { type: 'string', default: '' }, json: { type: 'string' } },
})

const compiler = (): string => execFileSync('c++', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''

/** Of the sources: one for each part, so that both can run at once. */
const copyOf = (part: Part): string => join(home, `${part}-sources`)
const BUILD_LIMIT = 1_800_000
/** A mutant may loop for ever. Many times what the suite takes, since other load may come and go. */
const patience = (seconds: number): number => 1000 * Math.max(60, 20 * seconds)

const shortened = ({ stdout, stderr }: Outcome): string => `${stdout}\n${stderr}`.slice(-3000)

/** Writes only what differs, so that the next build compiles only that. */
function place(copy: string, path: string, text: Buffer): void {
  const to = join(copy, path)
  if (existsSync(to) && readFileSync(to).equals(text)) return
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, text)
}

/** Also takes away what a run left that was interrupted. */
function copySources(copy: string): void {
  for (const path of filesInTree(...COPIED)) place(copy, path, readFileSync(join(root, path)))
}

/** Of a mutant that no compiler takes: an error of the list. */
class NotBuilt extends Error {}

const configured = new Set<Build>()

async function build({ build, target }: Suite, copy: string): Promise<Outcome> {
  const folder = join(home, build)
  if (!configured.has(build)) {
    const options = ['JUMPOUT_BUILD_TESTS=ON', ...builds[build]].map((option) => `-D${option}`)
    const outcome = await execute('cmake', ['-S', copy, '-B', folder, ...options], { timeout: BUILD_LIMIT })
    if (outcome.code !== 0) return outcome
    configured.add(build)
  }
  return execute('cmake', ['--build', folder, '--parallel', '2', '--target', target], {
    timeout: BUILD_LIMIT,
  })
}

/** Runs a suite in a build of what is in the copy now. */
async function run(suite: Suite, copy: string, limit: number): Promise<Outcome & { seconds: number }> {
  const built = await build(suite, copy)
  if (built.code !== 0) throw new NotBuilt(`${suite.target} was not built\n${shortened(built)}`)
  const begin = Date.now()
  const [program = '', ...args] = suite.command
  const env = { ...suite.env, CHECK_STOP: '1' }
  const outcome = await execute(program, args, { env, timeout: Math.ceil(limit) })
  return { ...outcome, seconds: (Date.now() - begin) / 1000 }
}

/** A suite must pass where nothing is planted. Measured when it is first needed, since slow ones seldom are. */
async function measured(suite: Suite, copy: string, { baseline }: Progress): Promise<number> {
  const known = baseline[suite.name]
  if (known !== undefined) return known
  const outcome = await run(suite, copy, BUILD_LIMIT)
  if (outcome.code !== 0) throw new Error(`${suite.name} fails without a fault\n${shortened(outcome)}`)
  console.log(`${suite.name}: ${outcome.seconds.toFixed(1)} s`)
  return (baseline[suite.name] = outcome.seconds)
}

async function judge(mutant: Mutant, progress: Progress): Promise<Result> {
  const begin = Date.now()
  const { name, kind, file, equivalent } = mutant
  const { part } = progress
  const copy = copyOf(part)
  const result: Result = { name, kind, file, change: changeOf(mutant), outcome: 'survived', seconds: 0 }
  const original = readFileSync(join(root, file))
  try {
    for (const suite of suites[part]) {
      if (progress.baseline[suite.name] === undefined) place(copy, file, original)
      const limit = patience(await measured(suite, copy, progress))
      place(copy, file, Buffer.from(planted(original.toString(), mutant)))
      const { code, signal, seconds } = await run(suite, copy, limit)
      if (code === 0) continue
      result.outcome = signal === 'SIGKILL' && seconds * 1000 >= limit ? 'hung' : 'killed'
      result.by = suite.name
      break
    }
  } catch (error) {
    if (!(error instanceof NotBuilt)) throw error
    console.error(error.message)
    result.outcome = 'not built'
  } finally {
    place(copy, file, original)
  }
  if (equivalent !== undefined) result.equivalent = equivalent
  result.seconds = Math.round((Date.now() - begin) / 100) / 10
  return result
}

const changeOf = ({ file, from, to }: Mutant): string =>
  createHash('sha256').update([file, from, to].join('\0')).digest('hex').slice(0, 12)

/** Killed, or a survivor that is explained. */
const isRight = ({ outcome, equivalent }: Result): boolean =>
  equivalent === undefined ? outcome === 'killed' || outcome === 'hung' : outcome === 'survived'

async function runPart(part: Part, json: string): Promise<boolean> {
  const known = existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')) as Progress) : undefined
  const record: Progress = {
    part,
    date: new Date().toISOString().slice(0, 10),
    machine: { ...machine(), compiler: compiler() },
    baseline: known?.baseline ?? {},
    results: [],
  }
  const save = (): void => {
    mkdirSync(dirname(json), { recursive: true })
    writeFileSync(`${json}.new`, `${JSON.stringify(record, null, 2)}\n`)
    renameSync(`${json}.new`, json)
  }
  const told = new Map(known?.results.map((result) => [result.change, result]))
  const left: Mutant[] = []
  for (const mutant of lists[part]) {
    const { name, kind, file, equivalent } = mutant
    const before = told.get(changeOf(mutant))
    const result = before && { ...before, name, kind, equivalent }
    const again = !result || !isRight(result)
    if (again && `${file}: ${name}`.includes(values.match)) left.push(mutant)
    else if (result) record.results.push(result)
  }
  copySources(copyOf(part))
  for (const mutant of left) {
    const result = await judge(mutant, record)
    record.results.push(result)
    save()
    console.log(
      [result.outcome, `${result.file}: ${result.name}`, result.by ?? '', `${result.seconds} s`].join('\t'),
    )
  }
  save()
  return report(part, record.results)
}

function report(part: Part, results: readonly Result[]): boolean {
  const count = (outcome: string, among = results): number =>
    among.filter((result) => result.outcome === outcome).length
  const equivalent = results.filter((result) => result.outcome === 'survived' && isRight(result))
  console.log(
    `\n${part}: ${results.length} of ${lists[part].length} mutants tried, ${count('killed')} killed, ` +
      `${count('hung')} hung, ${equivalent.length} equivalent`,
  )
  for (const kind of new Set(results.map((result) => result.kind))) {
    const own = results.filter((result) => result.kind === kind)
    console.log(`  ${kind.padEnd(10)} ${count('killed', own) + count('hung', own)} of ${own.length}`)
  }
  const wrong = results.filter((result) => !isRight(result))
  for (const { name, file, outcome } of wrong) console.log(`WRONG: ${outcome}, ${file}: ${name}`)
  return wrong.length === 0
}

async function main(): Promise<void> {
  const parts = (['host', 'device'] as const).filter((part) => part === (values.part ?? part))
  if (parts.length === 0) throw new Error('--part is host or device')
  if (values.json !== undefined && parts.length > 1) throw new Error('--json needs --part')
  let passed = true
  for (const part of parts)
    passed = (await runPart(part, resolve(values.json ?? join(home, `${part}.json`)))) && passed
  process.exitCode = passed ? 0 : 1
}

main().catch((error: unknown) => {
  console.error(error)
  exit(1)
})
