/** Code blocks of TensorFlow.js run as they are printed, with its CPU backend instead of tfjs-node. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blocksIn, kept, usesTensorFlow } from './support/documents'
import { runNode } from './support/program'

const STAND_IN = `
const core = require('@tensorflow/tfjs-core')
require('@tensorflow/tfjs-backend-cpu')
module.exports = { ...core, ...require('@tensorflow/tfjs-layers') }`

t.test('TensorFlow.js', async (t) => {
  const examples = blocksIn('js').filter(usesTensorFlow)
  t.ok(examples.length >= 4)
  const folder = t.testdir({}) // inside the package, where its own name resolves
  const tfjsNode = join(folder, 'node_modules', '@tensorflow', 'tfjs-node')
  mkdirSync(tfjsNode, { recursive: true })
  writeFileSync(join(tfjsNode, 'index.js'), STAND_IN)
  await Promise.all(
    examples.map(async (block, i) => {
      const file = join(folder, `example-${i}.mjs`)
      writeFileSync(file, block.code)
      t.ok(block.promised.length > 0)
      const outcome = await runNode([file])
      t.equal(outcome.code, 0, outcome.stderr)
      kept(t, block, { ...outcome, stderr: '' }) // where TensorFlow.js advertises itself
    }),
  )
})
