import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultCacheFile, loadPixels } from './data'
import { parseOptions, stepsPerRun, USAGE, UsageError, type Method, type Options } from './options'
import { writePictures } from './plots'
import { TrainingPool } from './pool'
import { compareWithPublished, readPublished } from './published'
import { formatSeconds, Progress } from './progress'
import { digestOf, formatTable, summarize } from './report'
import type { Job, Run } from './train'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (!options) {
    process.stdout.write(USAGE)
    return
  }
  let stop = async () => {}
  onInterrupt(() => stop())
  // Now rather than after the training: a folder that cannot be written to.
  await mkdir(options.out, { recursive: true })

  const published = await readPublished()
  const comparison = (runs: readonly Run[]) =>
    compareWithPublished({ options, runs: runs.map(digestOf) }, published)

  const start = performance.now()
  console.log('reading the images')
  const pixels = await loadPixels(defaultCacheFile())
  const jobs = planJobs(options)
  const progress = new Progress(jobs.length * stepsPerRun(options))
  const pool = new TrainingPool({ pixels, options }, (count, loss) => progress.advance(count, loss))
  stop = async () => {
    progress.stop()
    await pool.terminate()
    if (pool.finished.length > 0) console.log(comparison(pool.finished))
  }
  const runs = await pool.run(jobs).finally(() => progress.stop())

  const seconds = (performance.now() - start) / 1000
  const results = summarize(runs, options, seconds)
  console.log(`\n${formatTable(results)}\n`)
  console.log(comparison(runs))
  await writeFile(join(options.out, 'results.json'), `${JSON.stringify(results)}\n`)
  await writePictures(results, options.out)
  console.log(`${formatSeconds(seconds)}; results.json and pictures are in ${options.out}`)
}

/** Ends the program after `stop`; npm passes a signal on that the terminal has sent already, so the second is ignored. */
function onInterrupt(stop: () => Promise<void>): void {
  let interrupted = false
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (interrupted) return
      interrupted = true
      void stop().then(() => {
        console.error('interrupted')
        process.exit(code)
      })
    })
  }
}

/** Seed by seed, so that the runs finished at any time are comparable. */
function planJobs({ methods, seeds }: Options): Job[] {
  const measured: Method = methods[methods.length - 1]
  return Array.from({ length: seeds }, (_, seed) =>
    methods.map((method) => ({ method, seed, measureMoments: seed === 0 && method === measured })),
  ).flat()
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run train -- --help.`)
    process.exitCode = EXIT_USAGE
  } else {
    console.error(`training failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = EXIT_FAILURE
  }
})
