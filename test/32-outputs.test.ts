/** The library never writes to a fresh output again, whichever way it got the memory. */
import {
  allocate,
  Jumpout,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
} from 'jumpout'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { endedWell, programPath, runNode, typescript } from './support/program'

/** Odd lengths on either side of each limit between the ways of allocation. */
const LENGTHS = [1, 16, 17, 100, 4095, 4096, 16_383, 65_535, 65_536, 65_537, 300_001]

t.test('outputs that are kept keep their values', async (t) => {
  for (const length of LENGTHS) {
    const input = makeInput(length)
    const kept: {
      output: Float32Array
      copy: Float32Array
      gradient: Float32Array
      gradientCopy: Float32Array
    }[] = []
    for (let call = 0; call < 60; ++call) {
      const { output, saved } = jumpoutForward(input, { seed: 1, call })
      const gradient = jumpoutBackward(input, saved)
      // Two of three are dropped at once, so that memory comes back while others are still held.
      if (call % 3 === 0)
        kept.push({ output, copy: output.slice(), gradient, gradientCopy: gradient.slice() })
      if (call % 10 === 0) await setImmediate()
    }
    for (const { output, copy, gradient, gradientCopy } of kept) {
      assertSame(output, copy, 'output')
      assertSame(gradient, gradientCopy, 'gradient')
    }
    t.pass(`length ${length}`)
  }
})

t.test('no two outputs share memory', (t) => {
  for (const length of LENGTHS) {
    const input = makeInput(length)
    const outputs = Array.from({ length: 20 }, (_, call) => jumpoutForward(input, { seed: 1, call }).output)
    for (const [i, output] of outputs.entries()) output.fill(i)
    t.ok(
      outputs.every((output, i) => output.every((y) => y === i)),
      `length ${length}`,
    )
  }
  t.end()
})

t.test('each of many outputs spans its own buffer', async (t) => {
  const owns = ({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array) =>
    byteOffset === 0 && buffer.byteLength === byteLength
  for (const length of [0, ...LENGTHS, 1 << 20, 8_500_000]) {
    const input = makeInput(length)
    const layer = new Jumpout({ seed: 1 })
    const kept: Float32Array[] = []
    for (let call = 0; call < (length > 1 << 20 ? 2 : 30); ++call) {
      const { output, saved } = jumpoutForward(input, { seed: 1, call })
      kept.push(output, jumpoutBackward(input, saved), layer.forward(input), layer.backward(input))
      if (!owns(saved.mask as Uint32Array)) t.fail(`mask of call ${call}`)
      t.equal(saved.mask, saved.mask, 'one mask')
    }
    const { output, saved } = await jumpoutForwardAsync(input, { seed: 1 })
    kept.push(output, await jumpoutBackwardAsync(input, saved))
    t.ok(kept.every(owns), `length ${length}: outputs and gradients`)
    t.equal(new Set(kept.map(({ buffer }) => buffer)).size, kept.length, 'each its own')
  }
})

t.test('masks that are kept keep their values', (t) => {
  const input = makeInput(777)
  const kept = Array.from({ length: 3000 }, (_, call) => jumpoutForward(input, { seed: 2, call }).saved)
  const gradient = makeGradient(777)
  for (const call of [0, 1, 1499, 2998, 2999]) {
    const { saved } = jumpoutForward(input, { seed: 2, call })
    equalBits(t, kept[call].mask as Uint32Array, saved.mask as Uint32Array, `mask of call ${call}`)
    equalBits(
      t,
      jumpoutBackward(gradient, kept[call]),
      jumpoutBackward(gradient, saved),
      `gradient of call ${call}`,
    )
    t.strictSame(kept[call].stats(), saved.stats())
  }
  t.end()
})

t.test('an output may be written and cloned like any array', (t) => {
  const input = makeInput(300_000)
  const { output } = jumpoutForward(input, { seed: 3 })
  const clone = structuredClone(output)
  equalBits(t, clone, output, 'a clone')
  output.fill(1)
  const again = jumpoutForward(input, { seed: 3 }).output
  equalBits(t, again, clone, 'the next output')
  t.end()
})

t.test('a mask that is kept keeps little other memory', async (t) => {
  endedWell(t, await runNode(['--expose-gc', ...typescript, programPath('kept-masks.ts')]), 'little else')
})

t.test('allocate', (t) => {
  for (const length of [0, 1, 15, 16, 1000, 1_000_001]) {
    const array = allocate(length)
    t.ok(array instanceof Float32Array)
    t.equal(array.length, length)
    array.fill(length)
    t.ok(array.every((x) => x === length))
  }
  const arrays = Array.from({ length: 50 }, () => allocate(1000))
  for (const [i, array] of arrays.entries()) array.fill(i)
  t.ok(
    arrays.every((array, i) => array.every((x) => x === i)),
    'each has its own memory',
  )
  t.equal(jumpoutForward(new Float32Array(1000), { seed: 1, out: arrays[0] }).output, arrays[0])
  t.end()
})

t.test('allocate refuses values that are no length', (t) => {
  for (const wrong of ['1', null, undefined, {}, 1n]) {
    t.throws(() => allocate(wrong as number), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
  }
  for (const length of [-1, 1.5, NaN, Infinity]) {
    t.throws(() => allocate(length), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }, String(length))
  }
  t.throws(() => allocate(Number.MAX_SAFE_INTEGER), {
    name: 'RangeError',
    code: /^ERR_OUT_OF_(MEMORY|RANGE)$/,
  })
  t.end()
})

t.test('a layer makes fresh outputs too', (t) => {
  const layer = new Jumpout({ seed: 1 })
  const input = makeInput(1000)
  const first = layer.forward(input)
  const copy = first.slice()
  const second = layer.forward(input)
  t.not(first, second)
  equalBits(t, first, copy, 'the first')
  const identity = layer.eval().forward(input)
  t.not(identity.buffer, input.buffer)
  equalBits(t, identity, input, 'evaluation')
  t.end()
})
