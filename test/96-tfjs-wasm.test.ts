/** jumpout/tfjs on the backend wasm of TensorFlow.js: in place on the WebAssembly heap. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { jumpoutForward } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { floatsOf, inputOf, type Room, roomOf } from './support/tfjs'
import { checkAll } from './support/tfjs-checks'

interface Wasm {
  readonly wasm: { readonly HEAPU8: Uint8Array; _malloc(bytes: number): number }
}

const heapBytes = ({ tf }: Room): number => (tf.backend() as unknown as Wasm).wasm.HEAPU8.buffer.byteLength

t.test('on wasm', async (t) => {
  const here = await roomOf('wasm')
  const { tf, jumpoutOp } = here
  checkAll(t, here)

  t.test('memory that grows for the results', async (t) => {
    let grown = 0
    for (let size = 500_000; grown < 2; size *= 2) {
      const x = tf.tensor1d(Float32Array.from({ length: size }, (_, i) => (i % 7) - 3))
      const bytes = heapBytes(here)
      const y = jumpoutOp(x, { seed: 1 })
      if (heapBytes(here) > bytes) {
        grown += 1
        const { output } = jumpoutForward(floatsOf(x), { seed: 1 })
        equalBits(t, floatsOf(y), output, `${size} elements`)
      }
    }
  })

  t.test('memory that is used up', async (t) => {
    const { wasm } = tf.backend() as unknown as Wasm
    const { _malloc } = wasm
    let room = Infinity
    wasm._malloc = (bytes) => (room-- > 0 ? _malloc(bytes) : 0)
    t.teardown(() => (wasm._malloc = _malloc))
    const others = Array.from({ length: 5 }, (_, i) => tf.fill([1000], i))
    const counts = () => [tf.memory().numTensors, tf.backend().numDataIds()]
    /** Runs out of memory, leaves so many tensors and no trace in others. `run` says from when on there is room for `blocks`. */
    const refused = (what: string, blocks: number, left: number, run: (from: () => void) => Tensor) => {
      const before = counts()
      const from = () => void (room = blocks)
      t.throws(() => run(from), { code: 'ERR_OUT_OF_MEMORY' }, what)
      room = Infinity
      const after = counts()
      t.strictSame(
        after.map((count, i) => count - before[i]),
        [left, left],
        'tensors that are left',
      )
      t.ok(
        others.every((other, i) => other.dataSync().every((value) => value === i)),
        'nothing is written',
      )
    }
    const apply = (x: Tensor) => jumpoutOp(x, { seed: 1 })
    const x = inputOf(here, [300, 1000])
    const forward = (x: Tensor) => (from: () => void) => {
      from()
      return apply(x)
    }
    refused('no output', 0, 0, forward(x))
    refused('no mask', 1, 0, forward(x))
    const dy = tf.onesLike(x)
    const gradient = (from: () => void) =>
      tf.grad((x: Tensor) => {
        const y = apply(x)
        from()
        return y
      })(x, dy)
    // tfjs itself makes a tensor before, and does not see a full heap; it forgets what was saved where a gradient fails.
    refused('no gradient', 1, 1, gradient)
    room = 0
    const nowhere = tf.tensor1d([1])
    room = Infinity
    refused('an input at address 0', Infinity, 0, forward(nowhere))

    await tf.setBackend('cpu')
    const elsewhere = inputOf(here, [300, 1000])
    await tf.setBackend('wasm')
    const values = elsewhere.dataSync()
    refused('no room for an input of another backend', 0, 0, forward(elsewhere))
    t.equal(elsewhere.dataSync(), values, 'it stays where it was')
    equalBits(t, floatsOf(apply(elsewhere)), floatsOf(apply(x)), 'with room')
  })

  t.test('a profile names the kernels', async (t) => {
    const x = inputOf(here, [50])
    const { kernelNames } = await tf.profile(() => tf.grad((x: Tensor) => jumpoutOp(x, { seed: 1 }))(x))
    t.ok(kernelNames.includes('Jumpout') && kernelNames.includes('JumpoutGrad'), String(kernelNames))
  })
})
