/** A realm without references is collected, whichever functions it called. Run with --expose-gc. */
import { setImmediate } from 'node:timers/promises'
import { makeRealm } from '../support/realm'

const { gc } = globalThis as unknown as { gc: () => void }

const REALMS = 12
let collected = 0
const registry = new FinalizationRegistry<undefined>(() => ++collected)

async function use(): Promise<void> {
  const { context, jumpout } = makeRealm()
  registry.register(context, undefined)
  const input = new Float32Array(100_000).fill(1)
  jumpout.release(jumpout.jumpoutForward(input, { seed: 1 }).output)
  await jumpout.jumpoutForwardAsync(input, { seed: 1 })
  try {
    // Overlap in part: found natively.
    jumpout.jumpoutForward(input.subarray(1), { seed: 1, out: input.subarray(0, -1) })
  } catch {
    return
  }
  throw new Error('it was not refused')
}

void (async () => {
  for (let realm = 0; realm < REALMS; ++realm) await use()
  for (let round = 0; round < 50 && collected < REALMS - 2; ++round) {
    gc()
    await setImmediate()
  }
  if (collected < REALMS - 2) throw new Error(`${collected} of ${REALMS} realms were collected`)
  console.log('done')
})()
