/** jumpout/tfjs where the backend is switched: tensors of one on another, and gradients on another one than their forward. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import type { JumpoutOpOptions } from 'jumpout/tfjs'
import t from 'tap'
import { equalBits } from './support/bits'
import { type Backend, floatsOf, inputOf, roomOf } from './support/tfjs'
import { withTfjsNode } from './support/tfjs-node'

const CASES: [shape: number[], options: JumpoutOpOptions][] = [
  [[0, 20], { seed: 3, granularity: 'sample' }],
  [[], { seed: 3, relu: true }],
  [[7, 90], { seed: 3, granularity: 'sample', relu: true }],
  [[700, 900], { seed: 2n ** 63n, call: 2n ** 40n, unit: 'channel' }],
]

t.test('every pair of backends', async (t) => {
  const hasTensorFlow = withTfjsNode.skip === false
  const room = await roomOf(hasTensorFlow ? 'tensorflow' : 'cpu')
  const { tf, jumpoutOp } = room
  const { warn } = console
  console.warn = () => undefined // tfjs-node has a backend 'cpu' of its own, which the other one finds there
  require('@tensorflow/tfjs-backend-wasm')
  console.warn = warn
  const backends: Backend[] = ['cpu', 'wasm', ...(hasTensorFlow ? (['tensorflow'] as const) : [])]
  for (const backend of backends) t.ok(await tf.setBackend(backend), `${backend} begins`)
  const use = (backend: Backend) => void tf.setBackend(backend) // at once, as it has begun before

  // At first each backend has a gradient, and no forward before it.
  for (const here of backends)
    for (const there of backends)
      for (const [shape, options] of CASES) {
        const what = `${here}, ${there}: ${JSON.stringify(shape)}`
        use(here)
        const x = inputOf(room, shape)
        const dy = inputOf(room, shape, 2)
        const { output, saved } = jumpoutForward(floatsOf(x), {
          ...options,
          shape,
          dataFormat: 'channelsLast',
        })
        const before = tf.memory().numTensors
        const dx = tf.grad((x: Tensor) => {
          const y = jumpoutOp(x, options)
          use(there)
          return y
        })(x, dy)
        t.equal(tf.getBackend(), there)
        equalBits(t, floatsOf(dx), jumpoutBackward(floatsOf(dy), saved), `${what}: gradient`)
        t.equal(tf.memory().numTensors - before, 1, `${what}: the gradient alone is left`)
        use(here)
        const made = inputOf(room, shape)
        use(there)
        equalBits(
          t,
          floatsOf(jumpoutOp(made, options)),
          output,
          `${what}: a tensor of the first on the second`,
        )
      }
})
