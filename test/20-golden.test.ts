/** The golden vectors through the public functions, bit for bit. */
import { foldIn } from 'jumpout'
import t from 'tap'
import { assertConforms } from './support/conform'
import { foldInCases, goldenCases } from './support/golden'

t.test('forward and backward', (t) => {
  for (const { name, call, input, gradOutput, ...expected } of goldenCases) {
    t.doesNotThrow(() => assertConforms(input, gradOutput, call, expected), name)
  }
  t.end()
})

t.test('fold-in', (t) => {
  for (const { seed, data, result } of foldInCases)
    t.equal(foldIn(seed, data), result, `foldIn(${seed}, ${data})`)
  t.end()
})
