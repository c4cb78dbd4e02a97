/** jumpout/tfjs on the backend wasm of TensorFlow.js: in place on the WebAssembly heap. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { floatsOf, inputOf, type Room, roomOf } from './support/tfjs'
import { checkAll } from './support/tfjs-checks'

interface Wasm {
  readonly wasm: { readonly HEAPU8: Uint8Array }
}

const heapBytes = ({ tf }: Room): number => (tf.backend() as unknown as Wasm).wasm.HEAPU8.buffer.byteLength

t.test('on wasm', async (t) => {
  const room = await roomOf('wasm')
  const { tf, jumpoutOp } = room
  checkAll(t, room)

  t.test('memory that grows for the results', async (t) => {
    let grown = 0
    for (let size = 500_000; grown < 2; size *= 2) {
      const x = tf.tensor1d(Float32Array.from({ length: size }, (_, i) => (i % 7) - 3))
      const bytes = heapBytes(room)
      const y = jumpoutOp(x, { seed: 1 })
      if (heapBytes(room) > bytes) {
        grown += 1
        const { output } = jumpoutForward(floatsOf(x), { seed: 1 })
        equalBits(t, floatsOf(y), output, `${size} elements`)
      }
    }
  })

  t.test('tensors of another backend, forward and backward', async (t) => {
    const options = { seed: 3, granularity: 'sample' } as const
    for (const [here, there] of [
      ['wasm', 'cpu'],
      ['cpu', 'wasm'],
    ]) {
      await tf.setBackend(here)
      const x = inputOf(room, [700, 900])
      const dy = inputOf(room, [700, 900], 2)
      const { output, saved } = jumpoutForward(floatsOf(x), { ...options, shape: x.shape })
      await tf.setBackend(there)
      equalBits(t, floatsOf(jumpoutOp(x, options)), output, `made on ${here}, masked on ${there}`)
      await tf.setBackend(here)
      const dx = tf.grad((x: Tensor) => {
        const y = jumpoutOp(x, options)
        void tf.setBackend(there) // at once, as the backend has begun before
        return y
      })(x, dy)
      t.equal(tf.getBackend(), there)
      equalBits(t, floatsOf(dx), jumpoutBackward(floatsOf(dy), saved), `a gradient on ${there}`)
    }
    await tf.setBackend('wasm')
  })

  t.test('a profile names the kernels', async (t) => {
    const x = inputOf(room, [50])
    const { kernelNames } = await tf.profile(() => tf.grad((x: Tensor) => jumpoutOp(x, { seed: 1 }))(x))
    t.ok(kernelNames.includes('Jumpout') && kernelNames.includes('JumpoutGrad'), String(kernelNames))
  })
})
