/** `util.inspect` of objects, and refusal of empty copies. */
import './support/device'
import assert from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import { serialize } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import { DeviceArray, Jumpout, jumpoutForward, Stream } from 'jumpout'
import t from 'tap'

const x = new Float32Array(64).fill(1)
const layer = new Jumpout({ seed: 5, rate: 0.25, layer: 3 })
const { output, saved } = layer.call(x)
const array = DeviceArray.from(x)
const onDevice = jumpoutForward(array, { seed: 1 }).saved
const stream = new Stream()
const graph = stream.capture(() => array.clear({ stream }))

t.test('copies and messages are refused, and name an alternative', (t) => {
  const { port1, port2 } = new MessageChannel()
  const rows: [object, RegExp][] = [
    [saved, /mask.*seed.*call/],
    [onDevice, /mask.*seed.*call/],
    [array, /toHostAsync/],
    [layer, /toJSON/],
    [stream, /thread/],
    [graph, /thread/],
  ]
  for (const [value, message] of rows) {
    const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message }
    t.throws(() => structuredClone(value), refused)
    t.throws(() => structuredClone({ deep: [value] }), refused)
    t.throws(() => port1.postMessage(value), refused)
    t.throws(() => serialize(value), refused)
    if (value !== layer) t.throws(() => JSON.stringify({ value }), refused)
  }
  t.equal((JSON.parse(JSON.stringify({ layer })) as { layer: { layer: number } }).layer.layer, 3)
  port1.close()
  port2.close()
  t.end()
})

t.test('inspect shows their fields', (t) => {
  t.match(
    inspect(saved),
    /^Saved \{\s+length: 64,\s+mask: Uint32Array\(2\)[^]*call: 0n,[^]*effectiveRate: 0.25/,
  )
  t.match(inspect(onDevice), /^Saved \{[^]*mask: DeviceArray\(2\) [^]*call: 0n,\s+stats: 'on the device'/)
  t.match(inspect(new Jumpout().eval().call(x).saved), /call: undefined/)
  t.match(inspect(layer), /^Jumpout \{\s+training: true,\s+calls: 1n,\s+seed: 5n,\s+layer: 3,[^]*rate: 0.25/)
  class Mine extends Jumpout {
    tag = 'x'
  }
  t.match(inspect(new Mine()), /^Mine \{[^]*tag: 'x'/)
  t.equal(inspect(array), "DeviceArray(64) { dtype: 'float32', device: 0, byteLength: 256, freed: false }")
  const freed = DeviceArray.alloc(1)
  freed.free()
  t.match(inspect(freed), /freed: true/)
  t.equal(inspect(stream), 'Stream { device: 0, destroyed: false }')
  t.equal(inspect(graph), 'Graph { device: 0, freed: false }')
  for (const value of [saved, layer, array]) {
    t.match(inspect({ a: value }, { depth: 0 }), /^\{ a: \[\w+(\(64\))?\] \}$/, 'depth')
    t.notMatch(inspect(value), /uncloneable/)
    t.type(inspect(Object.getPrototypeOf(value)), 'string', 'a prototype')
    t.type(inspect(Object.create(value)), 'string', 'an impostor')
    t.match(runInNewContext('require("util").inspect(value)', { require, value }), /\{/, 'another realm')
  }
  t.end()
})

t.test('while a layer counts on a device nothing waits', (t) => {
  const captured = new Jumpout({ seed: 1 })
  const recording = stream.capture(() => {
    captured.forward(array, { stream })
    t.match(inspect(captured), /calls: 'on the device'/)
  })
  recording.free()
  t.end()
})

t.test('printing and comparing do not fail', (t) => {
  assert.deepStrictEqual(saved, saved)
  t.throws(() => assert.deepStrictEqual(saved, {}), { name: 'AssertionError' })
  t.strictSame({ output, saved }, { ...{ output, saved } })
  const other = new Jumpout({ seed: 6 })
  t.ok(isDeepStrictEqual(layer, other), 'private state is not compared, as the guide says')
  t.notOk(isDeepStrictEqual(layer.toJSON(), other.toJSON()), 'but what they show is')
  t.doesNotThrow(() => ({ ...saved }))
  const { uncloneable } = saved as unknown as { uncloneable: { toJSON(): string } }
  t.match(uncloneable.toJSON(), /mask/, 'printers that call toJSON without a key')
  t.end()
})

t.test('no code of a caller sees a mask in memory that it shares', (t) => {
  const seen: Uint32Array[] = []
  const look = function (this: Uint32Array) {
    seen.push(this)
  }
  const names = ['length', 'byteLength', 'byteOffset', 'buffer', 'subarray', 'slice', Symbol.iterator]
  for (const name of [inspect.custom, ...names]) {
    const { saved } = jumpoutForward(x, { seed: 1 })
    const patch = name === inspect.custom ? { value: look } : { get: look }
    Object.defineProperty(Uint32Array.prototype, name, { ...patch, configurable: true })
    try {
      inspect(saved)
      const { mask } = saved
      seen.push(mask as Uint32Array)
    } finally {
      Reflect.deleteProperty(Uint32Array.prototype, name)
    }
  }
  t.ok(seen.length > names.length + 1, 'the first patch is run')
  for (const { buffer, byteLength } of seen) t.equal(buffer.byteLength, byteLength)
  t.end()
})
