import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { withTfjsNode } from '../../test/support/tfjs-node'
import { UsageError, wholeNumber } from '../fashion-mnist/options'
import { formatSeconds } from '../fashion-mnist/progress'
import { dataIsThere } from './data'
import {
  choose,
  digestOf,
  finalJobs,
  FULL,
  keyOf,
  QUICK,
  searchJobs,
  type Chosen,
  type Design,
} from './design'
import { writeReport } from './report'
import { lock, readLines } from './results'
import { makeRuns, TYPESCRIPT } from './runner'

const STEPS = ['search', 'choose', 'final', 'report'] as const
type Step = (typeof STEPS)[number]

const PUBLISHED = join(__dirname, 'results')
const OUT = join(__dirname, 'out')

const USAGE = `Compares no dropout, dropout and jumpout in a conv net on CIFAR-10: the experiment of docs/reproduction.md.

Usage: npm run train:cifar10 -- [step...] [flags]

Steps, all four where none is named; runs that are there already are not made again
  search          trains with each rate and each sigma, two seeds each
  choose          takes those that were best on the validation images
  final           trains with what was chosen, with fresh seeds, and evaluates on the test images
  report          tables, results.json and pictures of what is there

Flags
  --quick         a toy in a minute, whose numbers mean nothing (in a folder of its own)
  --at-once <n>   runs at a time, each of one thread (one per core)
  --out <folder>  where the lines and the report are (${relative(process.cwd(), OUT)})
  --publish       ${relative(process.cwd(), PUBLISHED)} instead, where the published runs are tracked
  --help          this text
`

const EXIT_USAGE = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        'at-once': { type: 'string' },
        out: { type: 'string' },
        publish: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const unknown = positionals.find((name) => !(STEPS as readonly string[]).includes(name))
    if (unknown !== undefined)
      throw new UsageError(`there is no step '${unknown}'; there are ${STEPS.join(', ')}`)
    if (values.publish && (values.quick || values.out !== undefined))
      throw new UsageError(
        '--publish is for the full experiment, and chooses the folder: leave out --quick and --out',
      )
    return {
      help: values.help,
      design: values.quick ? QUICK : FULL,
      atOnce: wholeNumber('at-once', values['at-once'] ?? String(availableParallelism()), 256),
      folder: values.publish ? PUBLISHED : (values.out ?? (values.quick ? join(OUT, 'quick') : OUT)),
      steps: positionals.length > 0 ? STEPS.filter((step) => positionals.includes(step)) : STEPS,
    }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

async function main(): Promise<void> {
  const { help, design, atOnce, folder, steps } = parse(process.argv.slice(2))
  if (help) {
    process.stdout.write(USAGE)
    return
  }
  const trains = steps.includes('search') || steps.includes('final')
  if (trains && withTfjsNode.skip !== false) throw new UsageError(withTfjsNode.skip)
  await mkdir(folder, { recursive: true })
  const unlock = lock(folder)
  process.once('exit', unlock)
  // A toy is made anew each time.
  if (design === QUICK && steps === STEPS)
    for (const file of ['search', 'final']) await rm(join(folder, `${file}.jsonl`), { force: true })
  if (trains) await provideData()

  const start = performance.now()
  const how = { folder, atOnce, signal: interrupt.signal }
  const act: Record<Step, () => Promise<void>> = {
    search: () => makeRuns(design, 'search', searchJobs(design), how),
    choose: async () => {
      const chosen = chosenIn(folder, design)
      for (const { placement, method, strength, atEdge } of chosen)
        console.log(
          `chosen: ${placement}, ${method} ${strength}${atEdge ? ', at the edge of what was searched' : ''}`,
        )
      await writeFile(join(folder, 'chosen.json'), `${JSON.stringify(chosen, null, 2)}\n`)
    },
    final: () => makeRuns(design, 'final', finalJobs(design, chosenIn(folder, design)), how),
    report: async () => console.log(`\n${await writeReport(design, folder)}`),
  }
  for (const step of steps) await act[step]()
  console.log(`${formatSeconds((performance.now() - start) / 1000)}; results are in ${folder}`)
}

function chosenIn(folder: string, design: Design): Chosen[] {
  const lines = readLines(folder, 'search', digestOf(design))
  const there = new Set(lines.map(keyOf))
  const jobs = searchJobs(design)
  const missing = jobs.filter((job) => !there.has(keyOf(job))).length
  if (missing > 0)
    throw new Error(`nothing can be chosen: ${missing} of ${jobs.length} runs of the search are missing`)
  return choose(design, lines)
}

/** In another process, so that this one does not hold TensorFlow. */
async function provideData(): Promise<void> {
  if (dataIsThere()) return
  console.log('fetching the images, 139 MB')
  const child = fork(join(__dirname, 'convert.ts'), {
    execArgv: [...TYPESCRIPT],
    signal: interrupt.signal,
    env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env },
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0 || !dataIsThere()) throw new Error('the images of CIFAR-10 are not there')
}

/** npm passes a signal on that the terminal has sent already; the second changes nothing. */
const interrupt = new AbortController()
for (const signal of Object.keys(SIGNALS)) process.on(signal, () => interrupt.abort(signal))

main().catch((error: unknown) => {
  if (interrupt.signal.aborted) {
    console.error('interrupted; the same command goes on')
    process.exitCode = SIGNALS[interrupt.signal.reason as keyof typeof SIGNALS]
  } else if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run train:cifar10 -- --help.`)
    process.exitCode = EXIT_USAGE
  } else {
    console.error(`training failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
})
