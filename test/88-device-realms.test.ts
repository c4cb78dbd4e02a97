/** Devices in several realms, and page-locked memory: classes of results and errors, and transfer. */
/// <reference lib="es2024.arraybuffer" />
import { deviceEnvironment } from './support/device'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import * as main from 'jumpout'
import t from 'tap'
import { endedWell, runProgram } from './support/program'
import { makeRealm, realmOfThread } from './support/realm'
import { checkDevice, type Assert } from './support/realm-checks'

t.test('realms', async (t) => {
  const assert: Assert = (holds, what) => t.ok(holds, what)
  await checkDevice(assert, makeRealm(), makeRealm())
  await checkDevice(assert, makeRealm(), realmOfThread())
})

t.test('worker threads, and realms in them', async (t) => {
  endedWell(t, await runProgram('realm-workers.ts', ['loaded'], { env: deviceEnvironment }), 'workers')
})

t.test('page-locked memory stays where it is', (t) => {
  const pinned = main.allocPinned(1000).fill(3)
  const { port1, port2 } = new MessageChannel()
  try {
    port1.postMessage(pinned, [pinned.buffer])
    t.match(process.version, /^v20/, 'a copy, in Node 20')
    t.same((receiveMessageOnPort(port2) as { message: Float32Array }).message, pinned)
  } catch (error) {
    t.match(error, { name: 'DataCloneError' })
  }
  const buffer = pinned.buffer as ArrayBuffer & Record<string, unknown>
  for (const name of ['transfer', 'transferToFixedLength'])
    if (name in ArrayBuffer.prototype)
      t.throws(buffer[name] as () => void, { name: 'Error', code: 'ERR_INVALID_STATE' }, name)
  t.throws(() => main.release(pinned), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
  t.equal(pinned.length, 1000)
  t.ok(pinned.every((x) => x === 3))
  t.end()
})
