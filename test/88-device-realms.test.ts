/** Devices in a realm of its own, and page-locked memory: who makes what, and what may be moved. */
/// <reference lib="es2024.arraybuffer" />
import './support/device'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import * as main from 'jumpout'
import t from 'tap'
import { makeRealm } from './support/realm'

type Class = new () => object

t.test('a realm', async (t) => {
  const [realm, other] = [makeRealm(), makeRealm()]
  const { DeviceArray, Stream, CudaError, allocPinned, runtime } = realm.jumpout
  const own = (value: unknown, name: string, what: string) => {
    t.ok(value instanceof (realm.get(name) as Class), `${what}: ${name} of the realm`)
    t.notOk(value instanceof (other.get(name) as Class), `${what}: not another's`)
  }
  own(runtime.cuda.devices, 'Array', 'devices')
  own(runtime.cuda.devices[0], 'Object', 'a device')
  own(allocPinned(10), 'Float32Array', 'page-locked memory')
  const stream = new Stream()
  const array = DeviceArray.from(new Float32Array(1000).fill(1))
  own(array.toHost(), 'Float32Array', 'a copy')
  const copy = array.toHostAsync({ stream })
  own(copy, 'Promise', 'a copy to come')
  own(await copy, 'Float32Array', 'when it is there')
  own(stream.synchronize(), 'Promise', 'synchronize')
  own(DeviceArray.fromDLPack(array.toDLPack()).toHost(), 'Float32Array', 'a tensor taken over')
  const { output, saved } = realm.jumpout.jumpoutForward(array, { seed: 1 })
  own(output.toHost(), 'Float32Array', 'output')
  own(saved.stats()[0], 'Object', 'stats')
  const error = (run: () => unknown): unknown => {
    try {
      run()
    } catch (caught) {
      return caught
    }
    return undefined
  }
  const failed = error(() => DeviceArray.alloc(2 ** 45))
  t.ok(failed instanceof CudaError, 'CudaError')
  own(failed, 'Error', 'CudaError')
  own(
    error(() => DeviceArray.fromDLPack({})),
    'TypeError',
    'no tensor',
  )
  own(
    error(() => DeviceArray.wrap(0x1000n, 10)),
    'Error',
    'no memory of a device',
  )
  t.notOk(error(() => main.DeviceArray.alloc(2 ** 45)) instanceof CudaError, "the main realm's own")
  t.ok(error(() => main.DeviceArray.alloc(2 ** 45)) instanceof main.CudaError)
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
  t.throws(() => main.release(pinned), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
  t.equal(pinned.length, 1000)
  t.ok(pinned.every((x) => x === 3))
  t.end()
})
