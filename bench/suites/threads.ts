import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { flushBytes } from '../machine'
import { median } from '../measure'
import { buildNative, nativeUnavailable, runNative } from '../native'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

/** Long enough for workers to park, short enough for many processes where the last cache is huge. */
const flush = Math.min(flushBytes, 128 << 20)

const passes = ['memcpy', 'forward', 'inPlace', 'backward', 'backwardFromSeed']

type Load = 'quiet' | 'one core busy'

/** Whether processes can be kept to one processor. */
function canPin(): boolean {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Keeps the last processor busy with a process of its own while `measure` runs. */
async function beside<T>(load: Load, measure: () => T): Promise<T> {
  if (load === 'quiet') return measure()
  const args = ['-c', `${cpus().length - 1}`, process.execPath, '--eval', 'for (;;);']
  const busy = spawn('taskset', args, { stdio: 'ignore' })
  try {
    await once(busy, 'spawn')
    return measure()
  } finally {
    busy.kill('SIGKILL')
    await once(busy, 'exit')
  }
}

interface Case {
  elements: number
  caches: 'warm' | 'cold'
  threads: number
  load: Load
}

/** The number of threads is fixed for a process, so short processes of either number take turns. */
function measureCase({ elements, caches, threads, load }: Case, trials: number, budget: number): Row {
  const times: Record<number, Record<string, number>[]> = { 1: [], [threads]: [] }
  for (let trial = 0; trial < trials; trial++)
    for (const count of trial % 2 === 0 ? [1, threads] : [threads, 1])
      times[count].push(
        runNative({ lengths: [elements], caches, threads: count, budget, passes, flush })[0].seconds,
      )
  const typical = (count: number, pass: string) => median(times[count].map((trial) => trial[pass]))
  const speedup = (pass: string) => typical(1, pass) / typical(threads, pass)
  const gains = elements === 1 << 22 && threads === 2 && load === 'quiet'
  const never = { atLeast: 0.95 }
  return {
    case: { elements, caches, threads, load },
    figures: {
      'forward, speedup': ratio(speedup('forward'), gains ? { atLeast: 1.7 } : never),
      'in place, speedup': ratio(speedup('inPlace'), never),
      'backward, speedup': ratio(speedup('backward'), never),
      'backward from seed, speedup': ratio(speedup('backwardFromSeed'), never),
      'memcpy, drift': ratio(speedup('memcpy')),
      'forward, 1 thread': seconds(typical(1, 'forward')),
      'forward, several': seconds(typical(threads, 'forward')),
    },
  }
}

export const suite: Suite = {
  summary: 'several threads against one, alone and beside a busy process',
  unavailable: () => nativeUnavailable() ?? (cpus().length < 2 ? 'there is one processor only' : undefined),
  async measure({ quick }) {
    buildNative()
    const lengths = quick ? [1 << 20] : [1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24]
    const counts = quick
      ? [2]
      : [...new Set([2, 4, 8, cpus().length])].filter((count) => count <= cpus().length)
    const rows: Row[] = []
    for (const load of ['quiet', ...(canPin() ? ['one core busy' as const] : [])] as const)
      await beside(load, () => {
        for (const threads of counts)
          for (const elements of lengths)
            for (const caches of ['warm', 'cold'] as const)
              rows.push(measureCase({ elements, caches, threads, load }, quick ? 1 : 10, quick ? 0.05 : 0.1))
      })
    return {
      title: 'Native kernels, several threads against one',
      notes: [
        'Time with one thread over time with several, medians over processes that take turns; more is better.',
        'memcpy, drift: memcpy uses one thread in both, so what it differs from 1 is the noise of the machine.',
        'warm: the same arrays again and again. cold: at most 128 MiB read by one thread before every call, so workers are parked.',
        'one core busy: another process computes on the last processor all the time (needs taskset).',
      ],
      rows,
    }
  },
}
