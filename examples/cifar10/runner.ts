/** Makes runs, each in a process of its own with one thread, and appends what comes out. */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { runtime } from 'jumpout'
import { Progress } from '../fashion-mnist/progress'
import { digestOf, keyOf, stepsPerEpoch, type Design, type Job, type Stage } from './design'
import { fileOf, openResults, processorOfSeeds, readLines, type Line } from './results'
import type { Result } from './train'

/** What a run's process is sent. */
export interface Assignment {
  readonly design: Design
  readonly job: Job
}

/** What it sends back: the loss of each epoch, then the result. */
export type Report =
  { readonly loss: number } | { readonly result: Result; readonly versions: Readonly<Record<string, string>> }

/** With one thread, sums have one order, whatever else the machine does. Not every processor has oneDNN by default. */
const ENVIRONMENT = {
  TF_ENABLE_ONEDNN_OPTS: '1',
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: '1',
  JUMPOUT_NUM_THREADS: '1',
}

/** Node's arguments for a program in TypeScript. */
export const TYPESCRIPT = ['--import', pathToFileURL(require.resolve('tsx')).href] as const

const PROGRESS_MILLISECONDS = 60_000

/** Makes the jobs of a stage that have no line yet, `atOnce` at a time. */
export async function makeRuns(
  design: Design,
  stage: Stage,
  jobs: readonly Job[],
  { folder, atOnce, signal }: { folder: string; atOnce: number; signal?: AbortSignal },
): Promise<void> {
  const digest = digestOf(design)
  const processor = describeProcessor()
  const lines = readLines(folder, stage, digest)
  const finished = new Set(lines.map(keyOf))
  const missing = jobs.filter((job) => !finished.has(keyOf(job)))
  console.log(`${stage}: ${jobs.length - missing.length} of ${jobs.length} runs are there`)
  const processors = processorOfSeeds(lines, fileOf(folder, stage))
  const left = missing.filter(({ seed }) => (processors.get(seed) ?? processor) === processor)
  for (const seed of new Set(missing.filter((job) => !left.includes(job)).map((job) => job.seed)))
    console.log(
      `seed ${seed} is left to a processor of the kind that began it, ${processors.get(seed)}: this one is ${processor}`,
    )
  if (left.length === 0) return

  const append = openResults(folder, stage)
  const steps = stepsPerEpoch(design)
  const progress = new Progress(left.length * design.epochs[stage] * steps, PROGRESS_MILLISECONDS)
  const stop = new AbortController()
  const combined = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
  const queue = left[Symbol.iterator]()
  const work = async () => {
    for (const job of queue) {
      const { result, versions } = await run({ design, job }, combined, (loss) =>
        progress.advance(steps, loss),
      )
      const line: Line = {
        ...job,
        design: digest,
        processor,
        threads: 1,
        versions,
        date: new Date().toISOString(),
        ...result,
      }
      append(line)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, left.length) }, work))
  } finally {
    stop.abort() // one that failed ends the others
    progress.stop()
  }
}

type Outcome = Extract<Report, { result: Result }>

function run(assignment: Assignment, signal: AbortSignal, onEpoch: (loss: number) => void): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = fork(join(__dirname, 'run.ts'), {
      execArgv: [...TYPESCRIPT],
      env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env, ...ENVIRONMENT },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      signal,
      killSignal: 'SIGKILL', // it computes for long before it would see another
    })
    let outcome: Outcome | undefined
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text)) // TensorFlow says much there
    child.on('message', (report: Report) => {
      if ('loss' in report) onEpoch(report.loss)
      else outcome = report
    })
    child.on('error', reject)
    child.on('close', (code, signalName) => {
      if (outcome && code === 0) resolve(outcome)
      else
        reject(
          new Error(
            `the run ${keyOf(assignment.job)} ended with ${signalName ?? code}: ${errors.slice(-2000)}`,
          ),
        )
    })
    child.send(assignment)
  })
}

/** Its kind, as the bits of a run depend on it: two machines may have one model name and other instructions. */
function describeProcessor(): string {
  const names = [...new Set(cpus().map(({ model }) => model.trim()))]
  return `${names.join(', ')}${signature()}, ${runtime.cpu.isa}`
}

function signature(): string {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const field = (name: string) => new RegExp(`^${name}\\s*: (.+)$`, 'm').exec(text)?.[1] ?? '?'
    return ` (family ${field('cpu family')}, model ${field('model')}, stepping ${field('stepping')})`
  } catch {
    return '' // elsewhere than on Linux
  }
}
