/**
 * Many calls of one kind, in rounds: by how many bytes per call the process grows once it has reached its plateau.
 * Run with --expose-gc and --single-threaded, since what V8 does in other threads takes memory for as long as the machine's load
 * makes it: memory.ts SCENARIO LEAK ADDON. A leak is planted on purpose, to show that it would be seen.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Jumpout, jumpoutBackward, jumpoutForward, jumpoutForwardAsync } from 'jumpout'
import { leastSlope, WINDOW } from '../support/growth'

const { gc } = globalThis as unknown as { gc: () => void }
const [, , scenario, leak, addon] = process.argv
const held = require(addon) as { allocated(): number; leak(bytes: number): void }

/** The first ones compile code and fill what is bounded. */
const WARM_UP = 2
const MAX_ROUNDS = 12
const small = new Float32Array(1000).fill(1)
/** Its outputs have memory of their own, outside of V8's heap. */
const large = new Float32Array(65_536).fill(1)

/**
 * Bytes per call that are growth: a third of what is planted; of pages, which the allocators take and give back in large pieces,
 * half a page or a part of an output.
 */
const part = large.byteLength / 16
const LIMITS: Record<string, number> = {
  used: 33,
  resident: scenario.startsWith('large') ? part : 2048,
  peak: part,
}
type Amounts = Record<string, number>

let kept: unknown
const leaks: Record<string, (call: number) => void> = {
  none: () => undefined,
  javascript: (call) => void (kept = [kept, call, 2, 3, 4, 5, 6]), // 104 bytes
  native: () => held.leak(100),
  outputs: (call) => call % 8 === 0 && (kept = [kept, large.slice()]),
}
const plant = leaks[leak]

/** Bytes in use: V8's heap and malloc's blocks, both exact, and pages, which vary. The least of several, as work may end late. */
async function settle(): Promise<Amounts> {
  const least: Amounts = { used: Infinity, resident: Infinity }
  for (let i = 0; i < 5; ++i) {
    gc()
    await setTimeout(1)
    const { heapUsed, external, rss } = process.memoryUsage()
    least.used = Math.min(least.used, heapUsed + external + Math.max(0, held.allocated()))
    least.resident = Math.min(least.resident, rss)
  }
  return least
}

type Run = (from: number, to: number) => Amounts | Promise<Amounts>

/** One call after the other; `turn` is what comes between two of them. */
const each =
  (run: (call: number) => unknown, turn?: () => Promise<unknown>): Run =>
  async (from, to) => {
    for (let call = from; call < to; ++call) {
      run(call)
      plant(call)
      if (turn) await turn()
    }
    return settle()
  }

/** The largest size during a round, without garbage collection or turns of the event loop. */
const peak =
  (run: (call: number) => unknown): Run =>
  (from, to) => {
    let most = 0
    for (let call = from; call < to; ++call) {
      run(call)
      plant(call)
      most = Math.max(most, process.memoryUsage.rss())
    }
    return { peak: most }
  }

const layer = new Jumpout({ seed: 1 })
const forwardLarge = (call: number) => jumpoutForward(large, { seed: 1, call })

/** Calls of a round, and how they are made. */
const scenarios: Record<string, [number, Run]> = {
  functions: [8000, each((call) => jumpoutBackward(small, jumpoutForward(small, { seed: 1, call }).saved))],
  layer: [8000, each(() => layer.backward(layer.forward(small)))],
  refusals: [
    8000,
    each((call) => {
      try {
        jumpoutForward(small, { seed: -call - 1 })
      } catch {
        return
      }
      throw new Error('it was not refused')
    }),
  ],
  async: [
    8000,
    async (from, to) => {
      for (let call = from; call < to; call += 10) {
        const calls = Array.from({ length: 10 }, (_, i) => call + i)
        await Promise.all(calls.map((call) => jumpoutForwardAsync(small, { seed: 1, call })))
        calls.forEach(plant)
      }
      return settle()
    },
  ],
  largeTurning: [2000, each(forwardLarge, setImmediate)],
  largeSynchronous: [2000, each(forwardLarge)],
  largeInMicrotasks: [2000, each(forwardLarge, () => Promise.resolve())],
  largePeak: [500, peak(forwardLarge)],
}

async function main(): Promise<void> {
  const [calls, run] = scenarios[scenario]
  // A pool, should there be one, is filled at once and not now and then.
  for (let call = 0; call < 500; ++call) forwardLarge(call)
  const rounds: Amounts[] = []
  const growth = (): Amounts =>
    Object.fromEntries(
      Object.keys(rounds[0]).map((name) => [
        name,
        leastSlope(rounds.slice(WARM_UP).map((amounts) => amounts[name])) / calls,
      ]),
    )
  const isGrowing = () => Object.entries(growth()).some(([name, bytes]) => bytes > LIMITS[name])
  do {
    rounds.push(await run(rounds.length * calls, (rounds.length + 1) * calls))
  } while (rounds.length < WARM_UP + WINDOW || (rounds.length < MAX_ROUNDS && isGrowing()))
  console.log(JSON.stringify({ growing: isGrowing(), growth: growth(), rounds }))
}

void main()
