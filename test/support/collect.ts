/** The garbage collector, on demand. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Collects, and lets finalizers run, until `done` or for long enough; says whether it is done. */
export async function collectUntil(done: () => boolean): Promise<boolean> {
  for (let round = 0; round < 20 && !done(); ++round) {
    collect()
    await setImmediate()
  }
  return done()
}
