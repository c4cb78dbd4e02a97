/** Outputs, gradients and masks of every size can be transferred to other threads, in every version of Node. */
/// <reference lib="es2024.arraybuffer" />
import { once } from 'node:events'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { allocate, Jumpout, jumpoutBackward, jumpoutBackwardAsync, jumpoutForward } from 'jumpout'
import t from 'tap'
import { difference, equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'

type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>

const LENGTHS = [1, 100, 1000, 4096, 8193, 65_535, 65_536, 300_001, 1 << 20, 8_500_000]
const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /, got a detached one/ }

/** A worker that sends each message back. */
const worker = new Worker(
  "require('node:worker_threads').parentPort.on('message', (array) => {\n  require('node:worker_threads').parentPort.postMessage(array, [array.buffer])\n})",
  { eval: true },
)
t.teardown(() => worker.terminate())

const { port1, port2 } = new MessageChannel()

const MOVES: Record<string, (array: Words) => Words | Promise<Words>> = {
  'to a worker and back': async (array) => {
    worker.postMessage(array, [array.buffer])
    return ((await once(worker, 'message')) as [Words])[0]
  },
  'through a port': (array) => {
    port1.postMessage(array, [array.buffer])
    return (receiveMessageOnPort(port2) as { message: Words }).message
  },
  structuredClone: (array) => structuredClone(array, { transfer: [array.buffer] }),
}
if (typeof ArrayBuffer.prototype.transfer === 'function') {
  MOVES['ArrayBuffer.prototype.transfer'] = ({ constructor, buffer, byteOffset, length }) =>
    new (constructor as { new (memory: ArrayBuffer, start: number, count: number): Words })(
      buffer.transfer(),
      byteOffset,
      length,
    )
}

for (const [how, move] of Object.entries(MOVES)) {
  t.test(how, async (t) => {
    for (const length of LENGTHS) {
      const input = makeInput(length)
      const gradOutput = makeGradient(length)
      const { output, saved } = jumpoutForward(input, { seed: 1 })
      const neighbour = jumpoutForward(input, { seed: 1 })
      const gradient = jumpoutBackward(gradOutput, saved)
      const expected = gradient.slice()
      const mask = saved.mask as Uint32Array
      // As in a training loop: many arrays, some of which are dropped.
      const layer = new Jumpout({ seed: 1 })
      const arrays = [
        output,
        gradient,
        layer.forward(input),
        layer.backward(gradOutput),
        allocate(length).fill(1),
      ]
      for (const array of [...arrays, mask] as Words[]) {
        const copy = array.slice()
        const moved = await move(array)
        t.equal(array.length, 0, `${length}: it is gone here`)
        t.equal(difference(moved, copy), null, 'and there')
      }
      t.equal(saved.mask, mask, 'the mask is the one that was moved')
      t.throws(() => jumpoutBackward(gradOutput, saved), {
        ...refusal,
        message: /for saved.mask, got a detached one/,
      })
      await t.rejects(jumpoutBackwardAsync(gradOutput, saved), refusal)
      t.throws(() => jumpoutForward(output, { seed: 1 }), refusal, 'as input')
      t.throws(() => jumpoutBackward(gradient, neighbour.saved), { code: /^ERR_/ }, 'as gradient')
      t.throws(() => jumpoutForward(input, { seed: 1, out: output }), { code: /^ERR_/ }, 'as output')
      t.throws(() => jumpoutForward(input, { seed: 1, mask }), { code: /^ERR_/ }, 'as mask')
      equalBits(t, jumpoutBackward(gradOutput, neighbour.saved), expected, 'no other mask went along')
      equalBits(t, jumpoutForward(input, { seed: 1 }).output, neighbour.output, 'the next output')
    }
  })
}

t.test('a mask that was sent and came back serves backward where it is given', async (t) => {
  const input = makeInput(1000)
  const { saved } = jumpoutForward(input, { seed: 1 })
  const expected = jumpoutBackward(input, saved)
  t.not(saved.mask, null)
  equalBits(t, jumpoutBackward(input, saved), expected, 'a mask that was looked at')
  ;(saved.mask as Uint32Array).fill(0)
  t.ok(
    jumpoutBackward(input, saved).every((g) => g === 0),
    'it is the mask that backward reads',
  )
})
