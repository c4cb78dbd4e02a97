/** On a device, too, each number of a call is written at the position that the binary names. */
import './support/device'
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { loadReordered } from './support/reordered'

/** Of this realm. */
const here = (array: Float32Array): Float32Array => Float32Array.from(array)

t.test('a binary with its fields in another order computes the same', (t) => {
  const { jumpout } = loadReordered(t.testdir())
  const input = makeInput(1000)
  const options = {
    seed: 7,
    call: 2n ** 40n + 3n,
    pMin: 0.05,
    relu: true,
    granularity: 'sample',
    shape: [4, 250],
  } as const
  const expected = jumpoutForward(input, options)
  const array = jumpout.DeviceArray.from(input)
  const { output, saved } = jumpout.jumpoutForward(array, options)
  equalBits(t, here(output.toHost()), expected.output, 'output')
  t.same(saved.stats(), expected.saved.stats())
  const gradInput = jumpout.jumpoutBackward(array, saved)
  equalBits(t, here(gradInput.toHost()), jumpoutBackward(input, expected.saved), 'gradient')
  t.same(jumpout.countActive(array).active, [
    expected.saved.stats().reduce((sum, { active }) => sum + active, 0),
  ])
  const layer = new jumpout.Jumpout({ seed: 1 }).eval()
  equalBits(t, here(layer.forward(array).toHost()), input, 'identity')
  t.end()
})
