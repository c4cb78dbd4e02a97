/** jumpout as operations of TensorFlow, run by name in tfjs-node: the bits of the library, and no crash in any process. */
import { join } from 'node:path'
import t from 'tap'
import { buildAddon } from './support/addon'
import { endedWell, root, runNode, runProgram } from './support/program'
import { tfjsNodeFolder, withTfjsNode } from './support/tfjs-node'

const WAYS = {
  compare: 'output, mask, statistics and gradient of every shape and option',
  later: 'without TensorFlow an error, and none once it is loaded',
  copies: 'three copies of jumpout in one process',
  twice: 'tfjs-node from two folders in one process',
  workers: 'workers that register at once, and end before the main thread does',
  refusals: 'each wrong input is an error, after which the next call works',
  memory: 'tensors are given back, after refusals too',
}

for (const [way, what] of Object.entries(WAYS)) {
  t.test(what, withTfjsNode, async (t) =>
    endedWell(
      t,
      await runProgram('tensorflow-op.ts', [way], { env: { JUMPOUT_TFJS_NODE: tfjsNodeFolder } }),
      what,
    ),
  )
}

t.test('an old TensorFlow, and two at once', { skip: process.platform === 'win32' }, async (t) => {
  const folder = t.testdir({ first: {}, second: {} })
  const addons = ['first', 'second'].map((name) => buildAddon('old-tensorflow.c', join(folder, name)))
  const program = `
    const { tensorflowOps } = require(${JSON.stringify(join(root, 'dist', 'tfjs', 'tensorflow.js'))})
    for (const addon of ${JSON.stringify(addons)}) {
      require(addon)
      try { tensorflowOps() } catch ({ code, message }) { console.log(code + ': ' + message) }
    }`
  const { code, stdout, stderr } = await runNode(['--eval', program])
  t.equal(code, 0, stderr)
  t.same(stdout.trimEnd().split('\n'), [
    'ERR_NO_TENSORFLOW: Expected a TensorFlow with TF_OpDefinitionBuilderAddInput for the operations of jumpout, got version 0.0.1',
    'ERR_NO_TENSORFLOW: Expected one TensorFlow in this process for the operations of jumpout, got 2',
  ])
})

t.test(
  'names of the operations, in a TensorFlow that runs nothing',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const program = `
    const { tensorflowOps } = require(${JSON.stringify(join(root, 'dist', 'tfjs', 'tensorflow.js'))})
    require(${JSON.stringify(buildAddon('stand-in-tensorflow.c', t.testdir({})))})
    const { forward, gradient } = tensorflowOps()
    console.log(forward.replace(/[0-9]+/, 'N'), gradient.replace(/[0-9]+/, 'N'), tensorflowOps().forward === forward)`
    const { stdout, stderr } = await runNode(['--eval', program])
    t.equal(stdout, 'JumpoutN JumpoutGradN true\n', stderr)
  },
)
