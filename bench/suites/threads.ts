import { cpus } from 'node:os'
import { median } from '../measure'
import { buildNative, nativeUnavailable, runNative } from '../native'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

const passes = ['memcpy', 'forward', 'inPlace', 'backward', 'backwardFromSeed']

/** The number of threads is fixed for a process, so short processes of either number take turns. */
function measureLength(
  length: number,
  caches: 'warm' | 'cold',
  threads: number,
  trials: number,
  budget: number,
): Row {
  const times: Record<number, Record<string, number>[]> = { 1: [], [threads]: [] }
  for (let trial = 0; trial < trials; trial++)
    for (const count of [1, threads])
      times[count].push(runNative({ lengths: [length], caches, threads: count, budget, passes })[0].seconds)
  const typical = (count: number, pass: string) => median(times[count].map((trial) => trial[pass]))
  const speedup = (pass: string) => typical(1, pass) / typical(threads, pass)
  return {
    case: { elements: length, caches, threads },
    figures: {
      'forward, speedup': ratio(speedup('forward')),
      'in place, speedup': ratio(speedup('inPlace')),
      'backward, speedup': ratio(speedup('backward')),
      'backward from seed, speedup': ratio(speedup('backwardFromSeed')),
      'memcpy, drift': ratio(speedup('memcpy')),
      'forward, 1 thread': seconds(typical(1, 'forward')),
      'forward, several': seconds(typical(threads, 'forward')),
    },
  }
}

export const suite: Suite = {
  summary: 'several threads against one',
  unavailable: () => nativeUnavailable() ?? (cpus().length < 2 ? 'there is one processor only' : undefined),
  measure({ quick }) {
    buildNative()
    const lengths = quick ? [1 << 20] : [1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24]
    const counts = quick
      ? [2]
      : [...new Set([2, 4, 8, cpus().length])].filter((count) => count <= cpus().length)
    const rows = counts.flatMap((threads) =>
      lengths.flatMap((length) =>
        (['warm', 'cold'] as const).map((caches) =>
          measureLength(length, caches, threads, quick ? 1 : 5, quick ? 0.05 : 0.3),
        ),
      ),
    )
    return {
      title: 'Native kernels, several threads against one',
      notes: [
        'Time with one thread over time with several, medians over processes that take turns; more is better.',
        'memcpy, drift: memcpy uses one thread in both, so what it differs from 1 is the noise of the machine.',
        'warm: the same arrays again and again. cold: all caches flushed by one thread before every call, so workers are parked.',
      ],
      rows,
    }
  },
}
