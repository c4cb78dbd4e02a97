/** `release`: outputs that are given back by hand. */
/// <reference lib="es2024.arraybuffer" />
import { markAsUntransferable } from 'node:worker_threads'
import { allocate, jumpoutBackward, jumpoutForward, jumpoutForwardAsync, release } from 'jumpout'
import t from 'tap'
import { difference, equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { wasmMemory } from './support/webassembly'

const LENGTHS = [1, 100, 4096, 65_536, 1 << 20, 40_000_000]

t.test('detaches the array and all views of it', (t) => {
  for (const length of LENGTHS) {
    const input = makeInput(Math.min(length, 1 << 20))
    const { output, saved } = jumpoutForward(input, { seed: 1 })
    const view = output.subarray(0, 1)
    release(output)
    t.equal(output.length + output.buffer.byteLength + view.length, 0, `length ${input.length}`)
    const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /, got a detached one/ }
    t.throws(() => release(output), refusal, 'twice')
    t.throws(() => release(view), refusal, 'a view')
    t.throws(() => jumpoutForward(output, { seed: 1 }), refusal)
    t.throws(() => jumpoutBackward(output, saved), { code: /^ERR_/ })
    t.throws(() => jumpoutForward(input, { seed: 1, out: output }), { code: /^ERR_/ })
  }
  t.end()
})

t.test('later outputs are right, exact, and share nothing, whatever was released', async (t) => {
  for (const length of [4095, 4096, 5000, 65_536, 300_001]) {
    const input = makeInput(length)
    const expected = jumpoutForward(input, { seed: 1 }).output
    const alive: Float32Array[] = []
    for (let round = 0; round < 40; ++round) {
      const { output, saved } =
        round % 4 === 0 ? await jumpoutForwardAsync(input, { seed: 1 }) : jumpoutForward(input, { seed: 1 })
      const gradient = jumpoutBackward(input, saved)
      if (difference(output, expected) !== null) t.fail(`output of round ${round}`)
      if (output.byteOffset !== 0 || output.buffer.byteLength !== 4 * length) t.fail('not exact')
      alive.push(output, gradient)
      if (round % 3 !== 0) for (const old of alive.splice(0, 2)) release(old.fill(NaN))
    }
    t.equal(new Set(alive.map(({ buffer }) => buffer)).size, alive.length, `length ${length}`)
    for (const [i, array] of alive.entries()) array.fill(i)
    t.ok(alive.every((array, i) => array.every((x) => x === i)))
  }
})

t.test('more memory than is kept, and arrays of the caller', (t) => {
  // 4 MB each: beyond the cap of 128 MiB, with sizes that no output asks for again.
  for (let i = 0; i < 60; ++i) release(new Float32Array((1 << 20) + i))
  const input = makeInput(1 << 20)
  const { output } = jumpoutForward(input, { seed: 1 })
  const copy = output.slice()
  release(output)
  equalBits(t, jumpoutForward(input, { seed: 1 }).output, copy, 'the next')
  release(new Float32Array(0))
  t.end()
})

t.test('refuses arrays that do not own their memory, and leaves them unchanged', (t) => {
  const marked = new Float32Array(5000).fill(1)
  markAsUntransferable(marked.buffer)
  const refused: Record<string, Float32Array> = {
    'a part': new Float32Array(10).subarray(1),
    'the start of a larger one': new Float32Array(10).subarray(0, 5),
    allocate: allocate(10),
    'shared memory': new Float32Array(new SharedArrayBuffer(40)),
    WebAssembly: new Float32Array(wasmMemory({ initial: 1 }).buffer),
    resizable: new Float32Array(new ArrayBuffer(40, { maxByteLength: 80 })),
    untransferable: marked,
  }
  for (const [what, array] of Object.entries(refused)) {
    const { length } = array
    t.throws(() => release(array), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' }, what)
    t.equal(array.length, length, `${what} is still there`)
  }
  for (const wrong of [undefined, null, 1, 'x', {}, [1], new Uint32Array(1), new ArrayBuffer(4)]) {
    t.throws(() => release(wrong as Float32Array), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
  }
  t.end()
})
