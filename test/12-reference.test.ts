/** The reference stands on its own feet: it reproduces the golden vectors without the library. */
import t from 'tap'
import { difference } from './support/bits'
import { foldInCases, goldenCases } from './support/golden'
import { groupDifference } from './support/groups'
import { backward, foldIn, forward } from './support/reference'

t.test('golden vectors', (t) => {
  t.equal(goldenCases.length, 23)
  for (const { name, call, input, gradOutput, output, mask, gradInput, groups } of goldenCases) {
    const result = forward(input, call)
    t.equal(groupDifference(result.groups, groups), null, `${name}: statistics`)
    t.equal(difference(result.mask, mask), null, `${name}: mask`)
    t.equal(difference(result.output, output), null, `${name}: output`)
    const gradient = backward(gradOutput, result, call, call.shard?.elementOffset)
    t.equal(difference(gradient, gradInput), null, `${name}: gradient`)
  }
  t.end()
})

t.test('fold-in', (t) => {
  t.equal(foldInCases.length, 25)
  for (const { seed, data, result } of foldInCases)
    t.equal(foldIn(seed, data), result, `foldIn(${seed}, ${data})`)
  t.end()
})
