/**
 * The reference reproduces the golden vectors without the library. Only the base rate of a case may differ in its last
 * bits, where the mathematical library does (docs/numerics.md, What may differ between machines).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { difference } from './support/bits'
import { foldInCases, goldenCases } from './support/golden'
import { groupDifference } from './support/groups'
import { root } from './support/program'
import { backward, foldIn, forward } from './support/reference'
import { vectorFiles } from './support/vectors'

t.test('npm run vectors reproduces test/vectors', (t) => {
  const folder = join(root, 'test', 'vectors')
  const made = vectorFiles()
  t.strictSame(readdirSync(folder).sort(), [...Object.keys(made), 'inputs.json'].sort())
  for (const [name, text] of Object.entries(made)) {
    const stored = readFileSync(join(folder, name), 'utf8').split('\n')
    for (const [i, line] of text.split('\n').entries()) t.equal(stored[i], line, `${name}:${i + 1}`)
    t.equal(stored.length, text.split('\n').length, name)
  }
  t.end()
})

t.test('golden vectors', (t) => {
  t.equal(goldenCases.length, 28)
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
