/** The faults that `npm run mutants` plants: each can still be planted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { device } from './mutants/device'
import { host } from './mutants/host'
import { equivalents } from './mutants/lib/equivalent'
import { faultsOf as faultsOfLib, type Results, resultsFile } from './mutants/lib/results'
import { deviceKinds, planted, type Mutant } from './mutants/mutant'
import { root } from './support/program'

const sources = new Map<string, string>()

function sourceOf({ file }: Mutant): string {
  const source = sources.get(file) ?? readFileSync(join(root, file), 'utf8')
  sources.set(file, source)
  return source
}

/** What keeps a mutant from being planted, or from being one. */
function faultsOf(mutant: Mutant): string[] {
  try {
    const source = sourceOf(mutant)
    return planted(source, mutant) === source ? [`${mutant.name}: it changes nothing`] : []
  } catch (error) {
    return [`${mutant.file}: ${(error as Error).message}`]
  }
}

t.test('each can be planted, under a name of its own', (t) => {
  const all = [...host, ...device]
  t.ok(all.length > 200, `${all.length}`)
  t.strictSame(all.flatMap(faultsOf), [])
  t.equal(new Set(all.map(({ file, name }) => `${file}: ${name}`)).size, all.length)
  t.end()
})

t.test('a text that is not there, or there twice, cannot be replaced', (t) => {
  const mutant = { name: 'a fault', file: 'none', from: 'a', to: 'b', kind: 'tail' } as const
  t.equal(planted('cad', mutant), 'cbd')
  t.throws(() => planted('cd', mutant), /0 times/)
  t.throws(() => planted('caad', mutant), /2 times/)
  t.strictSame(faultsOf({ ...mutant, file: 'package.json', from: '"name"', to: '"name"' }), [
    'a fault: it changes nothing',
  ])
  t.end()
})

t.test('every kind of fault is planted in kernels', (t) => {
  const killable = device.filter(
    ({ file, equivalent }) => file.startsWith('csrc/cuda/kernels/') && equivalent === undefined,
  )
  t.ok(killable.length >= 40, `${killable.length}`)
  for (const kind of deviceKinds) t.ok(killable.filter((mutant) => mutant.kind === kind).length >= 5, kind)
  t.end()
})

t.test('each survivor of lib has its reason, and each reason its line', (t) => {
  const results = JSON.parse(readFileSync(resultsFile, 'utf8')) as Results
  t.strictSame(faultsOfLib(results), [])
  for (const { file, line, reason } of equivalents) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    if (!lines.some((text) => text.trim() === line)) t.fail(`${file}: no line is ${line}`)
    if (reason === '') t.fail(`${file}: no reason for ${line}`)
  }
  t.end()
})

t.test('a survivor without a reason, and a mutant that did not run, are faults', (t) => {
  const survivor = { at: 'lib/none.ts:1:0-1:1', line: 'a', from: 'a', to: 'b', mutator: 'none' }
  const result = { date: '', mutants: 2, killed: 0, timeouts: 0, errors: 1, survivors: [survivor] }
  const machine = { cpu: '', cores: 1, node: '' }
  const versions = { stryker: '', typescript: '' }
  const files = { 'lib/none.ts': result }
  t.strictSame(faultsOfLib({ machine, versions, files }), [
    'lib/none.ts: 1 mutants did not run',
    'lib/none.ts:1:0-1:1 survived: a => b',
  ])
  t.end()
})
