/**
 * Worker threads that call everything at once: load.ts JSON, with Settings. Each call must give the bits that a plain call gave
 * before the load began. Between rounds all threads rest, and what the process holds is measured. Ends with a line of JSON.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { isMainThread, parentPort, type Worker } from 'node:worker_threads'
import type { Catalogue } from '../support/load/cases'
import type * as Maker from '../support/load/catalogue'
import { deviceWays } from '../support/load/device'
import { hostWays, type Way } from '../support/load/host'
import { Lane } from '../support/load/lane'
import type { Load, Sample, Settings } from '../support/load/process'
import { collectGarbage, collectUntil } from '../support/collect'
import { end, message, report, runTask, startWorker } from '../support/workers'

/** Chains of calls per thread; the first has an arena for the largest case. */
const LANES = 3
const ROOM = 100_000

interface Start {
  catalogue: Catalogue
  settings: Settings
  seed: number
}

type Counts = Record<string, number>

interface Rest {
  counts: Counts
  /** Bytes of V8's heap, and of memory that belongs to its objects. */
  bytes: number
  resources: string[]
}

const held = (settings: Settings) =>
  require(settings.held) as { allocated(): number; leak(bytes: number): void }

function work({ catalogue, settings, seed }: Start): void {
  const lanes = Array.from({ length: LANES }, (_, i) => ({
    lane: new Lane(catalogue, seed * LANES + i, i === 0 ? settings.longest : ROOM),
    ways: Object.entries({ ...hostWays, ...(settings.device && deviceWays()) }),
  }))
  const { leak } = held(settings)
  const counts: Counts = {}
  const chain = async (lane: Lane, ways: [string, Way][], acts: number, deadline: number) => {
    for (let act = 0; act < acts && performance.now() < deadline; ++act) {
      const [name, way] = lane.oneOf(ways)
      await way(lane)
      counts[name] = (counts[name] ?? 0) + 1
      if (settings.leak > 0) leak(settings.leak)
      await setImmediate() // the turn of the others
    }
  }
  const round = async (acts: number) => {
    const deadline = performance.now() + settings.milliseconds
    await Promise.all(lanes.map(({ lane, ways }) => chain(lane, ways, acts, deadline)))
    await collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    const rest: Rest = { counts, bytes: heapUsed + external, resources: process.getActiveResourcesInfo() }
    report(rest)
  }
  parentPort?.on('message', (acts: number | null) => {
    if (acts === null) parentPort?.close()
    else void round(acts)
  })
  report('ready')
}

const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** What the process has open. Linux alone tells. */
const handles = () => ({
  resources: process.getActiveResourcesInfo().length,
  files: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
})

async function startWorkers(catalogue: Catalogue, settings: Settings, count: number): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (_, i) =>
    startWorker(__filename, 'work', { catalogue, settings, seed: settings.seed + i } satisfies Start),
  )
  await Promise.all(workers.map(message))
  return workers
}

async function endWorkers(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) worker.postMessage(null)
  for (const code of await Promise.all(workers.map(end))) assert.equal(code, 0)
  await collectGarbage()
}

function round(workers: readonly Worker[], acts: number): Promise<Rest[]> {
  for (const worker of workers) worker.postMessage(acts)
  return Promise.all(workers.map((worker) => message<Rest>(worker)))
}

async function main(settings: Settings): Promise<void> {
  // Not imported by the workers: they start in half of the time without it.
  const { makeCatalogue } = require('../support/load/catalogue') as typeof Maker
  const catalogue = makeCatalogue(settings.seed, settings.longest, settings.device)
  const { allocated } = held(settings)
  // What a process makes once, such as threads of its pools, is there afterwards.
  const first = await startWorkers(catalogue, settings, 2)
  await round(first, 20)
  await endWorkers(first)
  const before = handles()
  const names = Object.keys(before) as (keyof typeof before)[]
  const workers = await startWorkers(catalogue, settings, settings.workers)
  const samples: Sample[] = []
  let rests: Rest[] = []
  const atFirst = (await round(workers, 1)).map(({ resources }) => resources.sort())
  for (let i = 0; i < settings.rounds; ++i) {
    rests = await round(workers, settings.acts)
    for (const [i, { resources }] of rests.entries()) assert.deepEqual(resources.sort(), atFirst[i])
    await collectGarbage()
    const { heapUsed, external, rss } = process.memoryUsage()
    const ofWorkers = rests.reduce((sum, { bytes }) => sum + bytes, 0)
    samples.push({
      calls: rests.reduce((sum, { counts }) => sum + total(counts), 0),
      used: heapUsed + external + ofWorkers + Math.max(0, allocated()),
      resident: rss,
    })
  }
  await endWorkers(workers)
  // A thread may be on its way out for a while after it was joined.
  const isClosed = () => {
    const now = handles()
    return names.every((name) => now[name] <= before[name])
  }
  assert(await collectUntil(isClosed), `before: ${JSON.stringify(before)}, now: ${JSON.stringify(handles())}`)
  const counts: Counts = {}
  for (const rest of rests) {
    for (const [name, count] of Object.entries(rest.counts)) counts[name] = (counts[name] ?? 0) + count
  }
  console.log(JSON.stringify({ counts, samples, handles: before } satisfies Load))
}

if (isMainThread) void main(JSON.parse(process.argv[2]) as Settings)
else runTask({ work })
