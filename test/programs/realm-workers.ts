/**
 * realm-workers.ts [loaded]: workers, and vm contexts in workers, own what the package returns and throws there; with
 * `loaded` the main thread has loaded it before. Prints 'done' where all is so.
 */
import { isMainThread } from 'node:worker_threads'
import { checkDevice, checkHost } from '../support/realm-checks'
import { makeRealm, realmOfThread } from '../support/realm'
import { end, message, report, runTask, startWorker } from '../support/workers'

interface Found {
  checks: number
  wrong: string[]
}

/** The worker's own realm, and two contexts in it. */
async function check(): Promise<Found> {
  const found: Found = { checks: 0, wrong: [] }
  const realms = { worker: realmOfThread(), context: makeRealm(), 'another context': makeRealm({ console }) }
  const list = Object.entries(realms)
  for (const [i, [name, realm]] of list.entries()) {
    const assert = (holds: boolean, what: string): void => {
      found.checks += 1
      if (!holds) found.wrong.push(`${name}, ${what}`)
    }
    const [, other] = list[(i + 1) % list.length]
    await checkHost(assert, realm, other, [100, 65_536])
    if (realm.jumpout.runtime.cuda.available) await checkDevice(assert, realm, other)
  }
  return found
}

async function main(): Promise<void> {
  if (process.argv[2] === 'loaded') realmOfThread().jumpout.jumpoutForward(new Float32Array(10), { seed: 1 })
  const results = [1, 2].map(async () => {
    const worker = startWorker(__filename, 'check')
    const [found] = await Promise.all([message<Found>(worker), end(worker)])
    if (found.checks < 200 || found.wrong.length > 0) throw new Error(JSON.stringify(found))
  })
  await Promise.all(results)
  console.log('done')
}

if (isMainThread) void main()
else runTask({ check: async () => report(await check()) })
