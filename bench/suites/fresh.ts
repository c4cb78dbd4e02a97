import { Jumpout, jumpoutBackward, jumpoutForward, release } from 'jumpout'
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { checkAgainstReference } from '../check'
import { randomArray, reusedArray } from '../data'
import { mean, median } from '../measure'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

const n = 1 << 20
const seed = 1
const warmUp = 100

type Kind = 'fresh' | 'reused'
type Trials = Record<Kind, number[]>
/** Seconds per call, into a fresh output or into `out`. */
type Trial = (kind: Kind) => number

/** `after`: the loop's work on a fresh output, timed too. */
function makeForward(input: Float32Array, out: Float32Array, after?: (output: Float32Array) => void): Trial {
  let call = 0
  return (kind) => {
    call++
    const options = kind === 'fresh' ? { seed, call } : { seed, call, out }
    const start = performance.now()
    const { output } = jumpoutForward(input, options)
    if (kind === 'fresh') after?.(output)
    return (performance.now() - start) / 1e3
  }
}

function makeBackward(input: Float32Array, out: Float32Array): Trial {
  const { saved } = jumpoutForward(input, { seed, out: reusedArray(n) })
  return (kind) => {
    const options = kind === 'fresh' ? undefined : { out }
    const start = performance.now()
    jumpoutBackward(input, saved, options)
    return (performance.now() - start) / 1e3
  }
}

const describe = (loop: string, { fresh, reused }: Trials): Row => ({
  case: { loop, elements: n, calls: fresh.length },
  figures: {
    'median, fresh / reused': ratio(median(fresh) / median(reused)),
    'mean, fresh / reused': ratio(mean(fresh) / mean(reused)),
    fresh: seconds(median(fresh)),
    reused: seconds(median(reused)),
  },
})

/**
 * Blocks of calls of either kind take turns. The event loop's turn after a call counts as part of it, since freeing the
 * output may happen there.
 */
async function eventLoop(trial: Trial, calls: number): Promise<Row> {
  const trials: Trials = { fresh: [], reused: [] }
  const block = 25
  for (let i = 0; i < 2 * (warmUp + calls); i += block) {
    const kind = (i / block) % 2 === 0 ? 'fresh' : 'reused'
    for (let k = 0; k < block; k++) {
      const time = trial(kind)
      const start = performance.now()
      await turn()
      if (i >= 2 * warmUp) trials[kind].push(time + (performance.now() - start) / 1e3)
    }
  }
  return describe('event loop turns', trials)
}

/** Calls only, as in a training loop; `between` allocates other memory and is not timed. */
function synchronous(loop: string, trial: Trial, calls: number, between?: () => unknown): Row {
  const trials: Trials = { fresh: [], reused: [] }
  for (let i = 0; i < warmUp; i++) trial('reused')
  const before = process.memoryUsage.rss()
  let most = before
  for (let i = 0; i < calls; i++) {
    trials.fresh.push(trial('fresh'))
    between?.()
    trials.reused.push(trial('reused'))
    most = Math.max(most, process.memoryUsage.rss())
  }
  const row = describe(loop, trials)
  row.figures['memory growth'] = { value: most - before, unit: 'bytes' }
  return row
}

/** The same loop of a layer that owns its results, forward and backward, against `out`. */
function reusing(input: Float32Array, out: Float32Array, gradient: Float32Array, calls: number): Row {
  const layers = { fresh: new Jumpout({ seed, reuse: true }), reused: new Jumpout({ seed }) }
  const trials: Trials = { fresh: [], reused: [] }
  const trial = (kind: keyof Trials): number => {
    const own = kind === 'fresh'
    const start = performance.now()
    layers[kind].forward(input, own ? undefined : { out })
    layers[kind].backward(input, own ? undefined : { out: gradient })
    return (performance.now() - start) / 1e3
  }
  for (let i = 0; i < warmUp; i++) for (const kind of ['fresh', 'reused'] as const) trial(kind)
  const before = process.memoryUsage.rss()
  let most = before
  for (let i = 0; i < calls; i++) {
    for (const kind of ['fresh', 'reused'] as const) trials[kind].push(trial(kind))
    most = Math.max(most, process.memoryUsage.rss())
  }
  const row = describe('layer with reuse', trials)
  row.figures['memory growth'] = { value: most - before, unit: 'bytes' }
  return row
}

export const suite: Suite = {
  summary: 'fresh outputs against a reused one, and the memory they hold',
  environment: { JUMPOUT_NUM_THREADS: '1' },
  async measure({ quick }) {
    const input = randomArray(n)
    checkAgainstReference(input, seed)
    const out = reusedArray(n)
    const forward = makeForward(input, out)
    const calls = quick ? 100 : 400
    const other = () => new Float32Array(n / 2).fill(1)
    return {
      title: 'Fresh outputs against a reused one, one thread',
      notes: [
        'Time of a call, less is better. Default options, mask saved; memory growth is that of the resident set.',
        'All but the last: the event loop never turns. Alternating: another array, of half the size, is made after each fresh output. Released: with release(output) after each.',
      ],
      rows: [
        synchronous('synchronous', forward, calls),
        synchronous('alternating', forward, calls, other),
        synchronous('backward', makeBackward(input, out), calls),
        synchronous('backward, alternating', makeBackward(input, out), calls, other),
        synchronous('released', makeForward(input, out, release), calls),
        synchronous('released, alternating', makeForward(input, out, release), calls, other),
        reusing(input, reusedArray(n), reusedArray(n), calls),
        await eventLoop(forward, calls),
      ],
    }
  },
}
