/** The garbage collector, on demand. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { HANG } from './program'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const ROUNDS = 20

/** Collects a number of times, and lets finalizers run. */
export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < ROUNDS; ++round) {
    collect()
    await setImmediate()
  }
}

/** Collects until `done`, for as long as other threads may need to be done as well; says whether it is. */
export async function collectUntil(done: () => boolean): Promise<boolean> {
  const deadline = performance.now() + HANG
  while (!done() && performance.now() < deadline) {
    collect()
    await setTimeout(1)
  }
  return done()
}
