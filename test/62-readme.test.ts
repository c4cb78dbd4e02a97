/** The first example of the README runs as it is printed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
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
