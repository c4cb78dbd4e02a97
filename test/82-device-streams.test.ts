/** Streams: made, wrapped, waited for. */
import './support/device'
import { DeviceArray, jumpoutBackward, jumpoutForward, runtime, Stream } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'

const input = makeInput(5000)

t.test('properties of a stream', (t) => {
  const stream = new Stream()
  t.equal(stream.device, 0)
  t.equal(typeof stream.handle, 'bigint')
  t.not(stream.handle, 0n)
  t.notOk(stream.destroyed)
  t.notOk(stream.capturing)
  t.not(Stream.create().handle, stream.handle)
  t.end()
})

t.test('passes on a stream', async (t) => {
  const stream = new Stream()
  const expected = jumpoutForward(input, { seed: 1 })
  const x = DeviceArray.from(input, { stream })
  const { output, saved } = jumpoutForward(x, { seed: 1, stream })
  const gradient = jumpoutBackward(x, saved, { stream })
  await stream.synchronize()
  equalBits(t, output.toHost({ stream }), expected.output, 'output')
  equalBits(t, gradient.toHost({ stream }), jumpoutBackward(input, expected.saved), 'gradient')
  t.strictSame(saved.stats(), expected.saved.stats())
})

t.test('one stream waits for another', async (t) => {
  const first = new Stream()
  const second = new Stream()
  const x = DeviceArray.from(input)
  const { output } = jumpoutForward(x, { seed: 2, stream: first })
  t.equal(second.wait(first), second)
  const copy = DeviceArray.alloc(5000).copyFrom(output, { stream: second })
  await second.synchronize()
  equalBits(t, copy.toHost({ stream: second }), jumpoutForward(input, { seed: 2 }).output, 'in order')
})

t.test('synchronize lets the event loop turn', async (t) => {
  const stream = new Stream()
  let turns = 0
  const interval = setInterval(() => (turns += 1), 0)
  const many = Array.from({ length: 20 }, () => stream.synchronize())
  t.equal((await Promise.all(many)).length, 20)
  while (turns === 0) await stream.synchronize()
  clearInterval(interval)
  t.ok(turns > 0)
})

t.test('wrapped streams', async (t) => {
  const own = new Stream()
  const wrapped = Stream.wrap(own.handle)
  t.equal(wrapped.handle, own.handle)
  t.equal(wrapped.device, 0)
  const expected = jumpoutForward(input, { seed: 3 })
  const { output } = jumpoutForward(DeviceArray.from(input), { seed: 3, stream: wrapped })
  await wrapped.synchronize()
  equalBits(t, output.toHost({ stream: wrapped }), expected.output, 'output')
  wrapped.destroy()
  t.notOk(own.destroyed)
  await own.synchronize()

  for (const handle of [0n, 1n]) {
    const legacy = Stream.wrap(handle)
    t.equal(legacy.handle, 0n, 'the legacy default stream')
    const again = jumpoutForward(DeviceArray.from(input), { seed: 3, stream: legacy })
    equalBits(t, again.output.toHost(), expected.output, 'output')
    await legacy.synchronize()
  }
})

t.test('a stream lives as long as one of its names', async (t) => {
  const own = new Stream()
  const { handle } = own
  const wrapped = Stream.wrap(handle)
  const { output } = jumpoutForward(DeviceArray.from(input), { seed: 3, stream: own })
  own.destroy()
  await wrapped.synchronize()
  t.equal(Stream.wrap(handle).device, 0)
  equalBits(t, output.toHost({ stream: wrapped }), jumpoutForward(input, { seed: 3 }).output, 'output')
  // Handles of destroyed streams come back, perhaps at once.
  for (let round = 0; round < 20; ++round) {
    using next = new Stream()
    using same = Stream.wrap(next.handle)
    t.equal(same.handle, next.handle)
    next.capture(() => t.ok(same.capturing)).free()
  }
})

t.test('a stream that is destroyed', async (t) => {
  let result
  let stream: Stream
  {
    using scoped = new Stream()
    stream = scoped
    result = jumpoutForward(DeviceArray.from(input), { seed: 4, stream })
  }
  t.ok(stream.destroyed)
  stream.destroy()
  const expected = jumpoutForward(input, { seed: 4 })
  t.strictSame(result.saved.stats(), expected.saved.stats(), 'its work is done, and its statistics are there')
  equalBits(t, result.output.toHost(), expected.output, 'output')
  t.throws(() => stream.handle, { code: 'ERR_INVALID_STATE' })
  t.throws(() => stream.wait(new Stream()), { code: 'ERR_INVALID_STATE' })
  await t.rejects(stream.synchronize(), { code: 'ERR_INVALID_STATE' })
})

t.test('memory that many streams use one after the other', async (t) => {
  const x = DeviceArray.from(input)
  const out = DeviceArray.alloc(5000)
  for (let call = 0; call < 50; ++call) {
    using stream = new Stream()
    jumpoutForward(x, { seed: 5, call, out, stream })
    await stream.synchronize()
  }
  equalBits(t, out.toHost(), jumpoutForward(input, { seed: 5, call: 49 }).output, 'the last call')
})

t.test('arrays that are freed while work on them is enqueued', async (t) => {
  const stream = new Stream()
  for (let call = 0; call < 50; ++call) {
    using x = DeviceArray.from(input, { stream })
    using out = DeviceArray.alloc(5000)
    const { saved } = jumpoutForward(x, { seed: 6, call, out, stream })
    jumpoutBackward(out, saved, { out, stream })
  }
  await t.resolves(stream.synchronize())
})

t.test('streams of other devices', async (t) => {
  const last = runtime.cuda.devices.length - 1
  const stream = new Stream({ device: last })
  t.equal(stream.device, last)
  t.equal(Stream.wrap(stream.handle).device, last)
  const x = DeviceArray.from(input, { stream })
  t.equal(x.device, last)
  const { output } = jumpoutForward(x, { seed: 7, stream })
  await stream.synchronize()
  equalBits(t, output.toHost({ stream }), jumpoutForward(input, { seed: 7 }).output, 'output')
})

t.test('memory that many streams used', async (t) => {
  const streams = Array.from({ length: 20 }, () => new Stream())
  const x = DeviceArray.from(input)
  const outs = streams.map((stream) => jumpoutForward(x, { seed: 4, stream }).output)
  x.free()
  const others = Array.from({ length: 20 }, () => DeviceArray.from(new Float32Array(input.length).fill(NaN)))
  for (const stream of streams) await stream.synchronize()
  t.ok(others.every((array) => array.toHost().every(Number.isNaN)))
  for (const out of outs)
    equalBits(t, out.toHost(), jumpoutForward(input, { seed: 4 }).output, 'freed after all of them')
})
