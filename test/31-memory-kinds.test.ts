/** Float32Arrays over every kind of memory: shared, WebAssembly's, resized, detached, foreign, disguised. */
/// <reference lib="es2024.arraybuffer" />
/// <reference lib="es2024.sharedmemory" />
import { runInNewContext } from 'node:vm'
import { countActive, Jumpout, jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { expectedOf } from './support/conform'
import { makeGradient, makeInput } from './support/inputs'
import { endedWell, runProgram } from './support/program'
import { wasmMemory } from './support/webassembly'

const N = 1000
const call = { seed: 21n, call: 4n, relu: true, sigma: 0.3 }
const input = makeInput(N, 'signed')
const gradOutput = makeGradient(N)
const expected = expectedOf(input, gradOutput, call)
const words = expected.mask.length

const MEMORIES: Record<string, () => ArrayBufferLike> = {
  ArrayBuffer: () => new ArrayBuffer(65536),
  SharedArrayBuffer: () => new SharedArrayBuffer(65536),
  'WebAssembly.Memory': () => wasmMemory({ initial: 1 }).buffer,
  'shared WebAssembly.Memory': () => wasmMemory({ initial: 1, maximum: 1, shared: true }).buffer,
  Buffer: () => Buffer.alloc(65536).buffer,
  'resizable ArrayBuffer': () => new ArrayBuffer(65536, { maxByteLength: 2 * 65536 }),
  'growable SharedArrayBuffer': () => new SharedArrayBuffer(65536, { maxByteLength: 2 * 65536 }),
}

for (const [name, make] of Object.entries(MEMORIES)) {
  t.test(`all arrays over one ${name}`, (t) => {
    const memory = make()
    const view = (index: number) => new Float32Array(memory, 4 + 8192 * index, N)
    const [x, y, g, grad] = [0, 1, 2, 3].map(view) as [Float32Array, Float32Array, Float32Array, Float32Array]
    const mask = new Uint32Array(memory, 8192 * 5 + 4, words)
    x.set(input)
    g.set(gradOutput)
    const { output, saved } = jumpoutForward(x, { ...call, out: y, mask })
    t.equal(output, y)
    t.equal(saved.mask, mask)
    equalBits(t, y, expected.output, 'output')
    equalBits(t, mask, expected.mask, 'mask')
    equalBits(t, jumpoutBackward(g, saved, { out: grad }), expected.gradInput, 'gradient')
    equalBits(t, jumpoutForward(x, call).output, expected.output, 'fresh output')
    jumpoutForward(x, { ...call, out: x })
    equalBits(t, x, expected.output, 'in place')
    t.end()
  })
}

const detached = () => {
  const array = new Float32Array(N)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
const detachedMask = () => {
  const array = new Uint32Array(words)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

t.test('detached arrays are refused, one by one', (t) => {
  const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /, got a detached/ }
  t.throws(() => jumpoutForward(detached(), call), refusal, 'input')
  t.throws(() => jumpoutForward(new Float32Array(0), { ...call, out: detached() }), refusal, 'out')
  t.throws(() => jumpoutForward(new Float32Array(0), { ...call, mask: detachedMask() }), refusal, 'mask')
  t.throws(() => jumpoutForward(input, { ...call, out: detached() }), { code: /ERR_/ }, 'out of a full input')
  t.throws(
    () => jumpoutForward(input, { ...call, mask: detachedMask() }),
    { code: /ERR_/ },
    'mask of a full input',
  )
  t.throws(() => countActive(detached()), refusal, 'count')
  const { saved } = jumpoutForward(new Float32Array(0), call)
  t.throws(() => jumpoutBackward(detached(), saved), refusal, 'gradOutput')
  t.throws(() => jumpoutBackward(new Float32Array(0), saved, { out: detached() }), refusal, 'out of backward')
  t.end()
})

t.test('a given mask that is detached before backward is refused', (t) => {
  const mask = new Uint32Array(words)
  const { saved } = jumpoutForward(input, { ...call, mask })
  structuredClone(mask.buffer, { transfer: [mask.buffer] })
  const out = new Float32Array(N).fill(7)
  t.throws(() => jumpoutBackward(gradOutput, saved, { out }), { code: /ERR_/ })
  t.ok(
    out.every((x) => x === 7),
    'nothing was written',
  )
  t.end()
})

const movers: [string, (buffer: ArrayBuffer) => unknown][] = [
  ['posted away', (buffer) => structuredClone(buffer, { transfer: [buffer] })],
  ['moved', (buffer) => (buffer as { transfer?: () => ArrayBuffer }).transfer?.()],
]
for (const [how, move] of movers) {
  t.test(`the library's own masks: one that is ${how} affects no later call or layer`, (t) => {
    const layer = new Jumpout({ seed: 1, relu: true })
    layer.forward(input)
    const first = jumpoutForward(input, call)
    const second = jumpoutForward(input, call)
    try {
      move((first.saved.mask as Uint32Array<ArrayBuffer>).buffer)
    } catch (error) {
      t.comment(`it cannot be: ${String(error)}`)
    }
    for (const { saved } of [first, second]) {
      try {
        equalBits(t, jumpoutBackward(gradOutput, saved), expected.gradInput, 'the mask is still there')
      } catch (error) {
        t.match(error, { code: /ERR_/ }, 'the mask is gone, and backward says so')
      }
    }
    const third = jumpoutForward(input, call)
    equalBits(t, third.saved.mask as Uint32Array, expected.mask, 'the next mask')
    equalBits(t, jumpoutBackward(gradOutput, third.saved), expected.gradInput, 'the next gradient')
    t.doesNotThrow(() => layer.backward(gradOutput), 'a layer')
    t.doesNotThrow(() => layer.forward(input), 'and its next forward')
    t.end()
  })
}

t.test('views outside their resized memory are refused', (t) => {
  const memory = wasmMemory({ initial: 1 })
  const stale = new Float32Array(memory.buffer, 0, N)
  memory.grow(1)
  t.throws(() => jumpoutForward(stale, call), { code: /ERR_/ }, 'memory that has grown')

  const buffer = new ArrayBuffer(4 * N, { maxByteLength: 8 * N })
  const fixed = new Float32Array(buffer, 0, N)
  const tracking = new Float32Array(buffer)
  fixed.set(input)
  equalBits(t, jumpoutForward(fixed, call).output, expected.output, 'before it shrinks')
  buffer.resize(40)
  t.throws(() => jumpoutForward(fixed, call), { code: /ERR_/ }, 'a view past the end of a shrunk buffer')
  t.equal(jumpoutForward(tracking, call).output.length, 10, 'a view that tracks the length')
  buffer.resize(8 * N)
  t.equal(jumpoutForward(tracking, call).output.length, 2 * N)
  t.end()
})

t.test('arrays of another realm are Float32Arrays', (t) => {
  const foreign = runInNewContext('new Float32Array(n).fill(1)', { n: N }) as Float32Array
  t.notOk(foreign instanceof Float32Array)
  const own = new Float32Array(N).fill(1)
  equalBits(t, jumpoutForward(foreign, call).output, jumpoutForward(own, call).output, 'output')
  t.end()
})

t.test('subclasses and disguised arrays cannot reach outside their memory', (t) => {
  class Tensor2 extends Float32Array {}
  equalBits(t, jumpoutForward(Tensor2.from(input), call).output, expected.output, 'a subclass')

  const lying = input.slice()
  Object.defineProperty(lying, 'length', { value: 2 ** 28 })
  try {
    jumpoutForward(lying, call)
    t.pass('served')
  } catch (error) {
    t.match(error, { code: /ERR_/ }, 'refused')
  }
  const out = new Float32Array(4)
  Object.defineProperty(out, 'length', { value: N })
  t.throws(() => jumpoutForward(input, { ...call, out }), { code: /ERR_/ }, 'an out that claims to be longer')
  const mask = new Uint32Array(1)
  Object.defineProperty(mask, 'length', { value: words })
  t.throws(
    () => jumpoutForward(input, { ...call, mask }),
    { code: /ERR_/ },
    'a mask that claims to be longer',
  )
  t.throws(
    () => jumpoutForward(Object.create(input) as Float32Array, call),
    { code: 'ERR_INVALID_ARG_TYPE' },
    'an heir of an array is none',
  )
  t.throws(
    () => jumpoutForward(new Proxy(input, {}), call),
    { code: 'ERR_INVALID_ARG_TYPE' },
    'a proxy is none',
  )
  t.end()
})

t.test('getters that detach an array that was checked already', (t) => {
  const victim = input.slice()
  const trap = {
    out: new Float32Array(N),
    get seed() {
      if (victim.length > 0) structuredClone(victim.buffer, { transfer: [victim.buffer] })
      return 1
    },
  }
  try {
    jumpoutForward(victim, trap)
    t.pass('the options were read first')
  } catch (error) {
    t.match(error, { code: /ERR_/ }, 'refused')
  }
  const out = new Float32Array(N)
  const options = {
    ...call,
    get out() {
      return out
    },
    get mask() {
      if (out.length > 0) structuredClone(out.buffer, { transfer: [out.buffer] })
      return undefined
    },
  }
  try {
    jumpoutForward(input, options)
    t.pass('served')
  } catch (error) {
    t.match(error, { code: /ERR_/ }, 'refused')
  }
  t.end()
})

t.test(
  'nothing is read or written past the last element: arrays that end where readable memory ends',
  async (t) => {
    endedWell(t, await runProgram('edge-of-memory.ts'), 'no access outside')
  },
)
