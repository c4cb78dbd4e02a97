/** The examples of docs/tfjs.md run as they are printed, with TensorFlow.js on the CPU instead of tfjs-node. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root, runNode } from './support/program'

const STAND_IN = `
const core = require('@tensorflow/tfjs-core')
require('@tensorflow/tfjs-backend-cpu')
module.exports = { ...core, ...require('@tensorflow/tfjs-layers') }`

t.test('docs/tfjs.md', async (t) => {
  const text = readFileSync(join(root, 'docs', 'tfjs.md'), 'utf8')
  const examples = [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map((match) => match[1])
  t.equal(examples.length, 4)
  const folder = t.testdir({}) // inside the package, where its own name resolves
  const tfjsNode = join(folder, 'node_modules', '@tensorflow', 'tfjs-node')
  mkdirSync(tfjsNode, { recursive: true })
  writeFileSync(join(tfjsNode, 'index.js'), STAND_IN)
  await Promise.all(
    examples.map(async (code, i) => {
      const file = join(folder, `example-${i}.mjs`)
      writeFileSync(file, code)
      const outcome = await runNode([file])
      t.equal(outcome.code, 0, outcome.stderr)
      const promised = [...code.matchAll(/^ *console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1])
      t.ok(promised.length > 0)
      t.strictSame(outcome.stdout.trimEnd().split('\n'), promised, `example ${i}`)
    }),
  )
})
