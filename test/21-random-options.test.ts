/** Random options, layouts, seeds and inputs: the library gives what the reference gives. */
import fc from 'fast-check'
import { countActive, foldIn } from 'jumpout'
import t from 'tap'
import { assertConforms } from './support/conform'
import { holds, randomCases } from './support/properties'
import * as reference from './support/reference'

t.test('forward and backward', (t) => {
  holds(
    t,
    fc.property(randomCases, ({ call, input, gradOutput }) => assertConforms(input, gradOutput, call)),
    3000,
  )
  t.end()
})

t.test('countActive', (t) => {
  holds(
    t,
    fc.property(randomCases, ({ call: { granularity, shape }, input }) => {
      const counted = countActive(input, { ...(granularity && { granularity }), shape })
      const expected = reference.countActive(input, { granularity, shape })
      if (JSON.stringify(counted) !== JSON.stringify(expected)) throw new Error(JSON.stringify(counted))
    }),
    300,
  )
  t.end()
})

t.test('foldIn', (t) => {
  const any64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  holds(
    t,
    fc.property(any64, any64, (seed, data) => foldIn(seed, data) === reference.foldIn(seed, data)),
    1000,
  )
  t.end()
})
