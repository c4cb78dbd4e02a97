/** The examples of the README and of docs run as they are printed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { deviceEnvironment } from './support/device'
import { root, runNode, typescript } from './support/program'

t.test('the first example', async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, language, code] = /^```(js|mjs|cjs|javascript|ts|typescript)\n([^]*?)^```$/m.exec(readme) ?? []
  t.ok(code, 'there is one')
  t.ok(code.trim().split('\n').length <= 12, 'of about ten lines')
  // Inside the package, where its own name resolves.
  const folder = t.testdir({})
  const typed = language === 'ts' || language === 'typescript'
  const file = join(folder, typed ? 'example.mts' : /^import /m.test(code) ? 'example.mjs' : 'example.cjs')
  writeFileSync(file, code)
  const outcome = await runNode([...(typed ? typescript : []), file])
  t.same({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
  t.comment(outcome.stdout)
  // What the comments say is printed is what is printed.
  const promised = [...code.matchAll(/console\.log\(.*\) *\/\/ (.+)$/gm)].map((match) => match[1])
  const printed = outcome.stdout.trimEnd().split('\n')
  for (const [i, line] of promised.entries()) t.equal(printed[i], line)
})

t.test('docs/cuda.md, on the emulated device', async (t) => {
  const text = readFileSync(join(root, 'docs', 'cuda.md'), 'utf8')
  const examples = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1])
  t.equal(examples.length, 3)
  for (const [i, code] of examples.entries()) {
    const file = join(t.testdir({}), `example-${i}.mts`)
    writeFileSync(file, code)
    const outcome = await runNode(['--import', 'tsx', file], { env: deviceEnvironment })
    t.same({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
    for (const [, promised] of code.matchAll(/console\.log\(.*\) *\/\/ (\d+n?)$/gm)) {
      t.equal(outcome.stdout.trimEnd(), promised)
    }
  }
})

for (const [document, count] of [
  ['linking.md', 2],
  ['distributed.md', 2],
] as const) {
  t.test(`docs/${document}: what a comment says is printed is what is printed`, async (t) => {
    const text = readFileSync(join(root, 'docs', document), 'utf8')
    const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1])
    t.equal(blocks.length, count)
    const folder = t.testdir({})
    for (const [i, code] of blocks.entries()) {
      const file = join(folder, `block-${i}.mts`)
      writeFileSync(file, code)
      const outcome = await runNode(['--import', 'tsx', file], { env: deviceEnvironment })
      t.same({ code: outcome.code, stderr: outcome.stderr }, { code: 0, stderr: '' })
      const promised = [...code.matchAll(/console\.log\(.*\) *\/\/ (.+)$/gm)].map((match) => match[1])
      t.ok(promised.length > 0)
      t.equal(outcome.stdout.trimEnd(), promised.join('\n'), `block ${i}`)
    }
  })
}
