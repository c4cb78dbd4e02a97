/** The faults that `npm run mutants` plants: each can still be planted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { device } from './mutants/device'
import { host } from './mutants/host'
import { deviceKinds, planted } from './mutants/mutant'
import { root } from './support/program'

for (const [part, mutants] of Object.entries({ host, device })) {
  t.test(part, (t) => {
    const labels = mutants.map(({ file, name }) => `${file}: ${name}`)
    t.equal(new Set(labels).size, labels.length, 'names are unique in a file')
    for (const mutant of mutants) {
      const source = readFileSync(join(root, mutant.file), 'utf8')
      t.doesNotThrow(() => t.not(planted(source, mutant), source), `${mutant.file}: ${mutant.name}`)
    }
    t.end()
  })
}

t.test('a text that is not there, or there twice, cannot be replaced', (t) => {
  const mutant = { name: 'a fault', file: 'none', from: 'a', to: 'b', kind: 'tail' } as const
  t.equal(planted('cad', mutant), 'cbd')
  t.throws(() => planted('cd', mutant), /0 times/)
  t.throws(() => planted('caad', mutant), /2 times/)
  t.end()
})

t.test('many of every kind in kernels', (t) => {
  const killable = device.filter(({ equivalent }) => equivalent === undefined)
  for (const kind of deviceKinds) t.ok(killable.filter((mutant) => mutant.kind === kind).length >= 5, kind)
  t.end()
})
