/** Arrays on a device: made, filled, copied, shared, freed. */
import './support/device'
import { setImmediate } from 'node:timers/promises'
import { constants } from 'node:buffer'
import {
  allocPinned,
  countActive,
  DeviceArray,
  type DType,
  Jumpout,
  jumpoutForward,
  runtime,
  Stream,
} from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { storedAll } from './support/half'
import { makeInput } from './support/inputs'

const floats = makeInput(1000, 'special')
const BYTES: Record<DType, number> = { float32: 4, float16: 2, bfloat16: 2, uint32: 4, uint64: 8 }

const describe = ({ length, dtype, device, byteLength, freed }: DeviceArray) => ({
  length,
  dtype,
  device,
  byteLength,
  freed,
})

t.test('runtime.cuda lists the devices', (t) => {
  t.ok(runtime.cuda.available)
  t.equal(runtime.backend, 'cuda')
  for (const [index, device] of runtime.cuda.devices.entries()) {
    t.equal(device.index, index)
    t.match(device.computeCapability, /^\d+\.\d$/)
    t.ok(device.name.length > 0 && device.multiprocessors > 0 && device.memoryBytes > 0 && device.l2Bytes > 0)
  }
  t.end()
})

t.test('alloc', (t) => {
  const array = DeviceArray.alloc(10)
  t.match({ ...describe(array) }, { length: 10, dtype: 'float32', device: 0, byteLength: 40, freed: false })
  t.equal(typeof array.pointer, 'bigint')
  t.equal(array.ptr, Number(array.pointer))
  t.equal(array.pointer % 256n, 0n)
  for (const [dtype, bytes] of Object.entries(BYTES) as [DType, number][]) {
    const other = DeviceArray.alloc(3, { dtype, device: 0 })
    t.match(describe(other), { length: 3, dtype, byteLength: 3 * bytes })
  }
  t.equal(DeviceArray.alloc(0).toHost().length, 0)
  t.end()
})

t.test('to a device and back', (t) => {
  equalBits(t, DeviceArray.from(floats).toHost(), floats, 'float32')
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const array = DeviceArray.from(floats, { dtype })
    t.equal(array.dtype, dtype)
    equalBits(t, array.toHost(), storedAll(floats, dtype), dtype)
  }
  const words = Uint32Array.of(0, 1, 2 ** 32 - 1)
  const longs = BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)
  t.equal(DeviceArray.from(words).dtype, 'uint32')
  t.strictSame(DeviceArray.from(words).toHost(), words)
  t.equal(DeviceArray.from(longs).dtype, 'uint64')
  t.strictSame(DeviceArray.from(longs).toHost(), longs)
  t.end()
})

t.test('every 16-bit float survives, and float32s between them are rounded to nearest even', (t) => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const bits = Uint32Array.from({ length: 2 ** 16 }, (_, i) => i | ((i * 40503) << 16))
    const values = new Float32Array(bits.buffer)
    const once = DeviceArray.from(values, { dtype }).toHost()
    equalBits(t, once, storedAll(values, dtype), `${dtype}, random bits`)
    equalBits(t, DeviceArray.from(once, { dtype }).toHost(), once, `${dtype}, once more`)
    const halfway = Float32Array.from(once, (x, i) => (x + (once[i + 1] ?? 0)) / 2).filter(Number.isFinite)
    equalBits(
      t,
      DeviceArray.from(halfway, { dtype }).toHost(),
      storedAll(halfway, dtype),
      `${dtype}, halfway`,
    )
  }
  t.end()
})

t.test('copyFrom, toHost and clear', (t) => {
  const array = DeviceArray.alloc(1000)
  t.equal(array.copyFrom(floats), array)
  equalBits(t, array.toHost(), floats, 'from the host')
  const out = new Float32Array(1000)
  t.equal(array.toHost({ out }), out)
  equalBits(t, out, floats, 'into an array')
  const other = DeviceArray.alloc(1000).copyFrom(array)
  equalBits(t, other.toHost(), floats, 'from a DeviceArray')
  other.copyFrom(other)
  equalBits(t, other.toHost(), floats, 'from itself')
  t.equal(other.clear(), other)
  equalBits(t, other.toHost(), new Float32Array(1000), 'cleared')
  equalBits(t, array.toHost(), floats, 'the other was not')
  const shared = new Float32Array(new SharedArrayBuffer(4000))
  equalBits(t, array.toHost({ out: shared }), floats, 'into shared memory')
  t.end()
})

t.test('subarray', (t) => {
  for (const dtype of ['float32', 'float16'] as const) {
    const array = DeviceArray.from(floats, { dtype })
    const host = array.toHost()
    for (const [begin, end] of [[0], [3], [-5], [10, 20], [-20, -10], [5, 2], [0, 5000], [1000]]) {
      const part = array.subarray(begin, end)
      equalBits(t, part.toHost(), host.subarray(begin, end), `${dtype}, ${begin} to ${end}`)
      t.equal(part.dtype, dtype)
    }
    t.equal(array.subarray(3).pointer - array.pointer, BigInt(3 * BYTES[dtype]))
    array.subarray(990).clear()
    t.strictSame(Array.from(array.toHost().subarray(990)), new Array(10).fill(0), 'it is the same memory')
  }
  t.end()
})

t.test('asynchronous copies', async (t) => {
  const stream = new Stream()
  for (const [what, source] of [
    ['ordinary', floats],
    ['page-locked', allocPinned(1000)],
  ] as const) {
    source.set(floats)
    for (const options of [{}, { stream }]) {
      const array = DeviceArray.alloc(1000)
      t.equal(await array.copyFromAsync(source, options), array)
      equalBits(t, await array.toHostAsync(options), floats, `${what}, there and back`)
      const out = what === 'ordinary' ? new Float32Array(1000) : allocPinned(1000)
      t.equal(await array.toHostAsync({ ...options, out }), out)
      equalBits(t, out, floats, `${what}, into an array`)
    }
  }
  const halves = DeviceArray.alloc(1000, { dtype: 'bfloat16' })
  await halves.copyFromAsync(floats)
  equalBits(t, await halves.toHostAsync(), storedAll(floats, 'bfloat16'), '16 bits')
  const longs = await DeviceArray.alloc(1, { dtype: 'uint64' }).copyFromAsync(BigUint64Array.of(5n))
  t.strictSame(await longs.toHostAsync(), BigUint64Array.of(5n))
  t.equal((await DeviceArray.alloc(0).toHostAsync()).length, 0)
})

t.test('a copy in flight keeps what it needs', async (t) => {
  const array = DeviceArray.from(floats)
  const promise = array.toHostAsync()
  array.free()
  equalBits(t, await promise, floats, 'freed meanwhile')
})

t.test('allocPinned', (t) => {
  const array = allocPinned(100)
  t.type(array, Float32Array)
  t.equal(array.length, 100)
  array.set(floats.subarray(0, 100))
  equalBits(t, DeviceArray.from(array).toHost(), floats.slice(0, 100), 'as a source')
  equalBits(
    t,
    jumpoutForward(array, { seed: 1 }).output,
    jumpoutForward(array.slice(), { seed: 1 }).output,
    'on the CPU',
  )
  t.equal(allocPinned(0).length, 0)
  const beyond = Math.floor(constants.MAX_LENGTH / 4) + 1
  t.throws(() => allocPinned(beyond), { name: 'RangeError', code: 'ERR_OUT_OF_MEMORY' })
  try {
    structuredClone(array, { transfer: [array.buffer] })
  } catch (error) {
    t.equal((error as Error).name, 'DataCloneError')
  }
  t.equal(array.length, 100, 'it is not transferred')
  t.end()
})

t.test('wrap', async (t) => {
  const owner = DeviceArray.from(floats)
  const array = DeviceArray.wrap(owner.pointer, 1000, { owner })
  t.match(describe(array), { length: 1000, dtype: 'float32', device: 0 })
  t.equal(array.pointer, owner.pointer)
  equalBits(t, array.toHost(), floats, 'the same memory')
  const part = DeviceArray.wrap(owner.pointer + 40n, 20, { device: 0, dtype: 'uint32' })
  t.equal(part.toHost()[0], new Uint32Array(floats.buffer)[10])
  array.free()
  t.ok(array.freed)
  await new Stream().synchronize()
  t.notOk(owner.freed)
  equalBits(t, owner.toHost(), floats, 'its owner still has it')
  t.equal(DeviceArray.wrap(0n, 0).length, 0, 'nothing')
  t.end()
})

t.test('{ ptr, byteLength } of other libraries', (t) => {
  const x = DeviceArray.from(floats)
  const out = DeviceArray.alloc(1000)
  const mask = DeviceArray.alloc(32, { dtype: 'uint32' })
  const foreign = (array: DeviceArray) => ({ ptr: array.ptr, byteLength: array.byteLength })
  const expected = jumpoutForward(floats, { seed: 1 })
  const { output, saved } = jumpoutForward(foreign(x), { seed: 1, out: foreign(out), mask: foreign(mask) })
  t.ok(output instanceof DeviceArray)
  t.equal(output.pointer, out.pointer)
  equalBits(t, out.toHost(), expected.output, 'output')
  equalBits(t, mask.toHost(), expected.saved.mask as Uint32Array, 'mask')
  t.strictSame(saved.stats(), expected.saved.stats())
  equalBits(
    t,
    jumpoutForward({ ptr: x.pointer, byteLength: 4000 }, { seed: 1 }).output.toHost(),
    expected.output,
    'a bigint, a fresh output',
  )
  t.end()
})

t.test('own properties of an array or a stream, which may lie, are not believed', async (t) => {
  const lies = { length: 3, dtype: 'uint64', device: 7, byteLength: 1, freed: true }
  const lying = (array: DeviceArray<'float32'>) =>
    Object.defineProperties(
      array,
      Object.fromEntries(Object.entries(lies).map(([name, value]) => [name, { value }])),
    )
  const stream = Object.defineProperties(new Stream(), { device: { value: 7 }, capturing: { value: true } })
  const data = floats.subarray(0, 64)
  const expected = jumpoutForward(data, { seed: 1 }).output
  const input = lying(DeviceArray.from(data))
  const out = lying(DeviceArray.alloc(64))
  equalBits(
    t,
    jumpoutForward(input, { seed: 1, out, stream }).output.toHost({ stream }),
    expected,
    'a forward',
  )
  const layer = new Jumpout({ seed: 1, reuse: true })
  t.equal(layer.forward(input, { stream }).toHost({ stream }).length, 64, "a layer's")
  t.equal(layer.calls, 1n)
  t.strictSame(countActive(input), countActive(data))
  equalBits(t, out.copyFrom(input).toHost(), data, 'a copy')
  equalBits(t, await out.toHostAsync(), data, 'and back')
  t.end()
})

t.test('an array with a property then is the value of no promise', async (t) => {
  const array = Object.defineProperty(DeviceArray.alloc(4), 'then', { value: () => undefined })
  const out = Object.defineProperty(new Float32Array(4), 'then', { value: () => undefined })
  const refusal = { code: 'ERR_INVALID_ARG_VALUE' }
  await t.rejects(array.copyFromAsync(new Float32Array(4).fill(1)), refusal)
  await t.rejects(array.toHostAsync({ out }), refusal)
  t.end()
})

t.test('free, and using', (t) => {
  const array = DeviceArray.alloc(10)
  const part = array.subarray(1)
  array.free()
  t.ok(array.freed)
  t.ok(part.freed, 'with its parts')
  array.free()
  t.equal(array.length, 10, 'what it was can still be asked')
  t.throws(() => array.pointer, { code: 'ERR_INVALID_STATE' })
  t.throws(() => array.toHost(), { code: 'ERR_INVALID_STATE' })
  let inside: DeviceArray
  {
    using scoped = DeviceArray.alloc(10)
    inside = scoped
    t.notOk(inside.freed)
  }
  t.ok(inside.freed, 'at the end of the scope')
  t.end()
})

t.test('freed memory can be allocated again', (t) => {
  const megabytes = 200
  for (let round = 0; round < 20; ++round) {
    using array = DeviceArray.alloc(megabytes * 2 ** 18)
    t.ok(array.pointer > 0n)
  }
  t.end()
})

t.test(
  'the garbage collector knows what arrays weigh, and frees them where the event loop turns',
  async (t) => {
    const LENGTH = 2 ** 24
    const rounds = Math.ceil((2 * runtime.cuda.devices[0].memoryBytes) / (4 * LENGTH))
    await t.resolves(async () => {
      for (let round = 0; round < rounds; ++round) {
        DeviceArray.alloc(LENGTH)
        await setImmediate()
      }
    }, `twice the memory of the device, in ${rounds} arrays`)
  },
)

t.test('other devices', (t) => {
  const { devices } = runtime.cuda
  for (const { index } of devices) {
    const array = DeviceArray.from(floats, { device: index })
    t.equal(array.device, index)
    equalBits(t, array.toHost(), floats, `device ${index}`)
    const { output, saved } = jumpoutForward(array, { seed: 2 })
    t.equal(output.device, index)
    equalBits(t, output.toHost(), jumpoutForward(floats, { seed: 2 }).output, 'output')
    t.equal(saved.stats()[0].total, 1000)
  }
  t.end()
})
