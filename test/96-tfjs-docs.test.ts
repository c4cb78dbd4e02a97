/** The examples of docs/tfjs.md run as they are printed, with TensorFlow.js on the CPU instead of tfjs-node. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { examplesIn } from './support/documents'
import { runNode } from './support/program'

const STAND_IN = `
const core = require('@tensorflow/tfjs-core')
require('@tensorflow/tfjs-backend-cpu')
module.exports = { ...core, ...require('@tensorflow/tfjs-layers') }`

t.test('docs/tfjs.md', async (t) => {
  const examples = examplesIn('docs/tfjs.md')
  t.equal(examples.length, 4)
  const folder = t.testdir({}) // inside the package, where its own name resolves
  const tfjsNode = join(folder, 'node_modules', '@tensorflow', 'tfjs-node')
  mkdirSync(tfjsNode, { recursive: true })
  writeFileSync(join(tfjsNode, 'index.js'), STAND_IN)
  await Promise.all(
    examples.map(async ({ code, promised }, i) => {
      const file = join(folder, `example-${i}.mjs`)
      writeFileSync(file, code)
      const outcome = await runNode([file])
      t.equal(outcome.code, 0, outcome.stderr)
      t.ok(promised.length > 0)
      t.strictSame(outcome.stdout.trimEnd().split('\n'), promised, `example ${i}`)
    }),
  )
})
