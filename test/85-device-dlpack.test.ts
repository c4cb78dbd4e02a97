/** DLPack, with ourselves and with another library: test/programs/dlpack/peer.c, compiled here. */
import './support/device'
import { DeviceArray, type DType, jumpoutForward, Stream } from 'jumpout'
import t from 'tap'
import { buildAddon } from './support/addon'
import { equalBits } from './support/bits'
import { collectGarbage, collectUntil } from './support/collect'
import { makeInput } from './support/inputs'
import { value, whole } from './support/refusals'

interface Description {
  data: number
  deviceType: number
  device: number
  code: number
  bits: number
  lanes: number
  byteOffset: number
}

interface Peer {
  make(
    description: Description & {
      shape: number[]
      strides: number[] | null
      /** 0: the form without a version. */
      version: number
      flags: number
    },
  ): object
  take(
    tensor: object,
  ):
    | (Description & { ndim: number; length: number; stride: number; version?: number; flags?: number })
    | undefined
  deletions(): number
}

const peer = require(buildAddon('dlpack/peer.c', t.testdir())) as Peer

const CUDA = 2
const TYPES: Record<DType, { code: number; bits: number }> = {
  float32: { code: 2, bits: 32 },
  float16: { code: 2, bits: 16 },
  bfloat16: { code: 4, bits: 16 },
  uint32: { code: 1, bits: 32 },
  uint64: { code: 1, bits: 64 },
}
const dtypes = Object.keys(TYPES) as DType[]
const input = makeInput(1000)

t.test('there and back', (t) => {
  for (const versioned of [undefined, true, false]) {
    for (const dtype of dtypes) {
      const whole = DeviceArray.alloc(100, { dtype })
      const array = whole.subarray(3, 90)
      const back = DeviceArray.fromDLPack(array.toDLPack({ versioned }))
      const { length, device } = back
      t.strictSame(
        { length, device, dtype: back.dtype, pointer: back.pointer },
        { length: 87, device: 0, dtype, pointer: array.pointer },
        `${dtype}, versioned: ${versioned}`,
      )
    }
  }
  t.end()
})

t.test('the memory lives as long as the tensor', async (t) => {
  const array = DeviceArray.from(input)
  const back = DeviceArray.fromDLPack(array.toDLPack())
  array.free()
  await collectGarbage()
  const others = Array.from({ length: 20 }, () => DeviceArray.from(new Float32Array(1000).fill(NaN)))
  equalBits(t, back.toHost() as Float32Array, input, 'after it was freed')
  t.equal(others.length, 20)
  const unused = back.toDLPack()
  back.free()
  t.type(DeviceArray.fromDLPack(unused), DeviceArray, 'through two hands')
})

t.test('a tensor is taken over once', (t) => {
  const tensor = DeviceArray.alloc(1).toDLPack()
  DeviceArray.fromDLPack(tensor)
  const used = {
    code: 'ERR_INVALID_ARG_VALUE',
    message: whole('Expected one that was not taken over yet for tensor, got a used one'),
  }
  t.throws(() => DeviceArray.fromDLPack(tensor), used)
  t.equal(peer.take(tensor), undefined, 'the other side sees it too')
  const other = DeviceArray.alloc(1).toDLPack()
  t.ok(peer.take(other))
  t.throws(() => DeviceArray.fromDLPack(other), used)
  t.end()
})

t.test('fields that another library reads', (t) => {
  const array = DeviceArray.alloc(100, { dtype: 'bfloat16' }).subarray(2)
  const common = {
    data: array.ptr,
    deviceType: CUDA,
    device: 0,
    ...TYPES.bfloat16,
    lanes: 1,
    byteOffset: 0,
    ndim: 1,
    length: 98,
    stride: 1,
  }
  t.strictSame(peer.take(array.toDLPack()), { version: 1, flags: 0, ...common })
  t.strictSame(peer.take(array.toDLPack({ versioned: false })), common)
  t.notOk(array.freed)
  t.end()
})

const memory = DeviceArray.from(input)
t.teardown(() => memory.free())
const description = {
  data: memory.ptr,
  deviceType: CUDA,
  device: 0,
  ...TYPES.float32,
  lanes: 1,
  byteOffset: 0,
  shape: [1000],
  strides: null as number[] | null,
  version: 1,
  flags: 0,
}

t.test('tensors of another library', async (t) => {
  for (const [what, changes, length] of [
    ['a vector', {}, 1000],
    ['the form without a version', { version: 0 }, 1000],
    ['a matrix', { shape: [25, 40] }, 1000],
    ['with strides', { shape: [10, 4, 25], strides: [100, 25, 1] }, 1000],
    ['strides of dimensions of 1 do not matter', { shape: [1, 1000], strides: [7, 1] }, 1000],
    ['no dimensions: one element', { shape: [], strides: [] }, 1],
    ['nothing', { shape: [0, 5] }, 0],
    ['nothing of large rows', { shape: [0, 2 ** 40, 2 ** 40], strides: [1, 2 ** 40, 1] }, 0],
    ['an offset', { shape: [900], byteOffset: 400 }, 900],
    ['managed memory', { deviceType: 13 }, 1000],
  ] as const) {
    const before = peer.deletions()
    const array = DeviceArray.fromDLPack(peer.make({ ...description, ...changes } as typeof description))
    const begin = what === 'an offset' ? 100 : 0
    equalBits(t, array.toHost() as Float32Array, input.slice(begin, begin + length), what)
    t.equal(peer.deletions(), before, 'in use')
    array.free()
    t.ok(await collectUntil(() => peer.deletions() === before + 1), 'given back, once')
  }
})

t.test('it is given back when the work is done', async (t) => {
  const stream = new Stream()
  const before = peer.deletions()
  const expected = jumpoutForward(input, { seed: 1 })
  {
    using array = DeviceArray.fromDLPack(peer.make(description)) as DeviceArray<'float32'>
    const { output } = jumpoutForward(array, { seed: 1, stream })
    equalBits(t, output.toHost({ stream }), expected.output, 'output')
  }
  await stream.synchronize()
  t.ok(await collectUntil(() => peer.deletions() === before + 1))
})

t.test('a graph keeps it', async (t) => {
  const stream = new Stream()
  const before = peer.deletions()
  const array = DeviceArray.fromDLPack(peer.make(description)) as DeviceArray<'float32'>
  const out = DeviceArray.alloc(1000)
  const graph = stream.capture(() => void jumpoutForward(array, { seed: 2, out, stream }))
  array.free()
  await collectGarbage()
  t.equal(peer.deletions(), before)
  graph.launch(stream)
  await stream.synchronize()
  equalBits(t, out.toHost(), jumpoutForward(input, { seed: 2 }).output, 'output')
  graph.free()
  t.ok(await collectUntil(() => peer.deletions() === before + 1))
})

t.test('a tensor that is not taken over is given back by its own finalizer', async (t) => {
  const before = peer.deletions()
  peer.make(description)
  t.ok(await collectUntil(() => peer.deletions() === before + 1))
  DeviceArray.alloc(1).toDLPack()
  await collectGarbage()
})

t.test('a refused tensor stays with its owner', async (t) => {
  const before = peer.deletions()
  const host = new Float32Array(4)
  let made = 0
  for (const [changes, message] of [
    [{ deviceType: 1 }, 'Expected one on a CUDA device for tensor, got one elsewhere'],
    [
      { shape: [500], strides: [2] },
      'Expected one without gaps, in row-major order, for tensor, got another',
    ],
    [
      { shape: [10, 100], strides: [1, 10] },
      'Expected one without gaps, in row-major order, for tensor, got another',
    ],
    [{ bits: 64 }, 'Expected float32, float16, bfloat16, uint32 or uint64 for tensor, got another type'],
    [{ lanes: 2 }, 'Expected float32, float16, bfloat16, uint32 or uint64 for tensor, got another type'],
    [{ code: 0 }, 'Expected float32, float16, bfloat16, uint32 or uint64 for tensor, got another type'],
    [{ version: 2 }, 'Expected version 1 of DLPack for tensor, got another'],
    [{ flags: 1 }, 'Expected one that may be written for tensor, got a read-only one'],
    [{ shape: [-10, -100] }, 'Expected one of a shape without negative sizes for tensor, got another'],
    [{ shape: undefined }, 'Expected one with a shape for tensor, got one without'],
    [{ shape: [2 ** 40, 2 ** 40] }, 'Expected one with less than 2^53 elements for tensor, got a larger one'],
    [
      { shape: [2 ** 40, 2 ** 40], strides: [2 ** 40, 1] },
      'Expected one with less than 2^53 elements for tensor, got a larger one',
    ],
    [
      { byteOffset: 2 ** 64 - 2048 },
      'Expected one that ends before the last address for tensor, got another',
    ],
    [{ data: 4096 }, 'Expected memory of a CUDA device for tensor, got other memory'],
  ] as const) {
    const tensor = peer.make({ ...description, ...changes } as typeof description)
    made += 1
    t.throws(() => DeviceArray.fromDLPack(tensor), value(message))
    t.equal(peer.deletions(), before, 'not given back by us')
  }
  for (const device of [-1, 1, 1000]) {
    made += 1
    const tensor = peer.make({ ...description, device })
    t.throws(
      () => DeviceArray.fromDLPack(tensor),
      value('Expected one device, and one that exists, for tensor, got another'),
      `device ${device}`,
    )
    t.equal(peer.deletions(), before, 'not given back by us')
  }
  t.equal(host.length, 4)
  t.ok(await collectUntil(() => peer.deletions() === before + made), 'but by its own finalizer')
  for (const wrong of [undefined, null, {}, 1, 'dltensor', host, peer]) {
    t.throws(() => DeviceArray.fromDLPack(wrong), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: whole('Expected an external tagged dltensor for tensor, got something else'),
    })
  }
})
