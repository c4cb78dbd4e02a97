/** The examples of README and docs run as they are printed, and print what their comments say. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { deviceEnvironment } from './support/device'
import { examplesIn } from './support/documents'
import { root, runNode } from './support/program'

/** Has a test of its own, test/96-tfjs-docs. */
const TFJS = 'docs/tfjs.md'

const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md') && name !== TFJS && examplesIn(name).length > 0,
)

t.ok(['README.md', 'docs/cuda.md', 'docs/guide.md'].every((name) => documents.includes(name)))
t.equal(examplesIn('docs/cuda.md').length, 3)
t.ok(examplesIn('README.md')[0].code.trim().split('\n').length <= 12, 'the first example has about ten lines')

for (const document of documents) {
  t.test(document, async (t) => {
    // Inside the package, where its own name resolves.
    const folder = t.testdir({})
    for (const [i, { typed, code, promised }] of examplesIn(document).entries()) {
      const isModule = typed || /^import /m.test(code)
      const file = join(folder, `example-${i}.${isModule ? 'm' : 'c'}${typed ? 't' : 'j'}s`)
      writeFileSync(file, code)
      const env = /DeviceArray|Stream/.test(code) ? deviceEnvironment : {}
      const outcome = await runNode([...(typed ? ['--import', 'tsx'] : []), file], { env })
      t.same({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' }, `example ${i}`)
      const printed = outcome.stdout.trimEnd().split('\n')
      for (const [line, text] of promised.entries()) t.equal(printed[line], text)
    }
  })
}
