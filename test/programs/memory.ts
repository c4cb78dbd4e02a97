/** Many calls of one kind, and by how many bytes the process grew. Run with --expose-gc. */
import { setImmediate } from 'node:timers/promises'
import { Jumpout, jumpoutBackward, jumpoutForward, jumpoutForwardAsync } from 'jumpout'

const { gc } = globalThis as unknown as { gc: () => void }

const small = new Float32Array(1000).fill(1)
const large = new Float32Array(1_000_000).fill(1)

async function settle(): Promise<number> {
  for (let i = 0; i < 5; ++i) {
    gc()
    await setImmediate()
  }
  return process.memoryUsage.rss()
}

/** Growth from after a fifth of the calls to after all of them: the first ones fill pools and compile code. */
async function growth(
  calls: number,
  run: (from: number, to: number) => void | Promise<void>,
): Promise<number> {
  await run(0, calls / 5)
  const before = await settle()
  await run(calls / 5, calls)
  return (await settle()) - before
}

/** The most that the process ever held on top of what it held before the calls. */
function peak(calls: number, run: (call: number) => void): number {
  gc()
  const before = process.memoryUsage.rss()
  let most = before
  for (let call = 0; call < calls; ++call) {
    run(call)
    most = Math.max(most, process.memoryUsage.rss())
  }
  return most - before
}

const loop = (run: (call: number) => void) => (from: number, to: number) => {
  for (let call = from; call < to; ++call) run(call)
}

const scenarios: Record<string, () => number | Promise<number>> = {
  functions: () =>
    growth(
      100_000,
      loop((call) => jumpoutBackward(small, jumpoutForward(small, { seed: 1, call }).saved)),
    ),
  layer: () => {
    const layer = new Jumpout({ seed: 1 })
    return growth(
      100_000,
      loop(() => layer.backward(layer.forward(small))),
    )
  },
  refusals: () =>
    growth(
      100_000,
      loop((call) => {
        try {
          jumpoutForward(small, { seed: -call - 1 })
        } catch {
          return
        }
        throw new Error('it was not refused')
      }),
    ),
  async: () =>
    growth(20_000, async (from, to) => {
      for (let call = from; call < to; call += 10) {
        await Promise.all(
          Array.from({ length: 10 }, (_, i) => jumpoutForwardAsync(small, { seed: 1, call: call + i })),
        )
      }
    }),
  largeTurning: () =>
    growth(1000, async (from, to) => {
      for (let call = from; call < to; ++call) {
        jumpoutForward(large, { seed: 1, call })
        await setImmediate()
      }
    }),
  largeSynchronous: () => peak(400, (call) => jumpoutForward(large, { seed: 1, call })),
  largeInMicrotasks: () =>
    growth(1000, async (from, to) => {
      for (let call = from; call < to; ++call) {
        jumpoutForward(large, { seed: 1, call })
        await Promise.resolve()
      }
    }),
}

void (async () => console.log(await scenarios[process.argv[2]]()))()
