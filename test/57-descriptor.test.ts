/** Each number of a call is written at the position that the binary names. */
import { countActive, jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { loadReordered } from './support/reordered'

const OPTIONS = {
  seed: 2n ** 63n + 5n,
  call: 2n ** 40n + 3n,
  sigma: 0.3,
  pMin: 0.05,
  pMax: 0.5,
  maxRate: 0.7,
  exponent: 0.9,
  relu: true,
  shape: [4, 5, 50],
} as const

/** Of this realm. */
const here = (array: Float32Array): Float32Array => Float32Array.from(array)

t.test('a binary with its fields in another order computes the same', (t) => {
  const { jumpout } = loadReordered(t.testdir())
  const input = makeInput(1000)
  for (const [granularity, unit, dataFormat] of [
    ['batch', 'element', undefined],
    ['sample', 'channel', undefined],
    ['batch', 'channel', 'channelsLast'],
  ] as const) {
    const options = { ...OPTIONS, granularity, unit, dataFormat }
    const expected = jumpoutForward(input, options)
    const { output, saved } = jumpout.jumpoutForward(input, options)
    equalBits(t, here(output), expected.output, `output, ${granularity}`)
    t.same(saved.stats(), expected.saved.stats(), `statistics, ${granularity}`)
    const gradInput = jumpout.jumpoutBackward(input, saved)
    equalBits(t, here(gradInput), jumpoutBackward(input, expected.saved), `gradient, ${granularity}`)
  }
  const part = { granularity: 'sample', shape: [10, 250], elementOffset: 300 } as const
  t.same(jumpout.countActive(input, part), countActive(input, part))
  t.end()
})

t.test('one with other fields is refused', (t) => {
  const refusal = { code: 'ERR_NO_BINARY', message: /belongs to another version/ }
  for (const change of [
    "stub.fields = fields.filter((name) => name !== 'rate')",
    "stub.fields = [...fields, 'momentum']",
    "stub.deviceFields = deviceFields.map((name) => (name === 'total' ? 'count' : name))",
    'delete stub.fields',
  ])
    t.throws(() => loadReordered(t.testdir(), change), refusal, change)
  t.end()
})
