import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Piscina } from 'piscina'
import { defaultCacheFile, loadPixels } from './data'
import { parseOptions, stepsPerRun, USAGE, UsageError, type Method, type Options } from './options'
import { writePictures } from './plots'
import { compareWithPublished, readPublished } from './published'
import { formatSeconds, Progress } from './progress'
import { digestOf, formatTable, summarize } from './report'
import { listenToSteps } from './steps'
import type { Job, Run } from './train'
import type { WorkerData } from './worker'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (!options) {
    process.stdout.write(USAGE)
    return
  }
  // Now rather than after the training: a folder that cannot be written to.
  await mkdir(options.out, { recursive: true })

  const published = await readPublished()
  const comparison = (runs: readonly Run[]) =>
    compareWithPublished({ options, runs: runs.map(digestOf) }, published)

  const start = performance.now()
  console.log('reading the images')
  const pixels = await loadPixels(defaultCacheFile())
  interrupt.signal.throwIfAborted()
  const jobs = planJobs(options)
  const progress = new Progress(jobs.length * stepsPerRun(options))
  const steps = listenToSteps((count, loss) => progress.advance(count, loss))
  const pool = makePool({ pixels, options }, jobs.length)
  const finished: Run[] = []
  const work = jobs.map(async (job, index) => {
    finished[index] = (await pool.run(job, { signal: interrupt.signal })) as Run
  })
  try {
    await Promise.all(work)
  } finally {
    progress.stop()
    steps.close()
    await pool.destroy()
    const runs = finished.filter(Boolean) // the others were not finished
    if (interrupt.signal.aborted && runs.length > 0) console.log(comparison(runs))
  }
  const runs = finished

  const seconds = (performance.now() - start) / 1000
  const results = summarize(runs, options, seconds)
  console.log(`\n${formatTable(results)}\n`)
  console.log(comparison(runs))
  await writeFile(join(options.out, 'results.json'), `${JSON.stringify(results)}\n`)
  await writePictures(results, options.out)
  console.log(`${formatSeconds(seconds)}; results.json and pictures are in ${options.out}`)
}

/** Trains one net per thread at a time. A thread does not inherit the main thread's way to run TypeScript. */
const makePool = (workerData: WorkerData, jobs: number): Piscina => {
  const threads = Math.min(workerData.options.workers, jobs)
  return new Piscina({
    filename: join(__dirname, 'worker.ts'),
    execArgv: ['--require', require.resolve('tsx/cjs')],
    workerData,
    minThreads: threads,
    maxThreads: threads,
  })
}

/** Seed by seed, so that the runs finished at any time are comparable. */
function planJobs({ methods, seeds }: Options): Job[] {
  const measured: Method = methods[methods.length - 1]
  return Array.from({ length: seeds }, (_, seed) =>
    methods.map((method) => ({ method, seed, measureMoments: seed === 0 && method === measured })),
  ).flat()
}

/** npm passes a signal on that the terminal has sent already; the second changes nothing. */
const interrupt = new AbortController()
for (const signal of Object.keys(SIGNALS)) process.on(signal, () => interrupt.abort(signal))

main().catch((error: unknown) => {
  if (interrupt.signal.aborted) {
    console.error('interrupted')
    process.exitCode = SIGNALS[interrupt.signal.reason as keyof typeof SIGNALS]
  } else if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run train -- --help.`)
    process.exitCode = EXIT_USAGE
  } else {
    console.error(`training failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = EXIT_FAILURE
  }
})
