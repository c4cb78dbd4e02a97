/** examples/tensorflow: the library of jumpout's operations, in Python's TensorFlow. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { native, runtime } from 'jumpout'
import t from 'tap'
import { blocksIn, kept, usesTensorFlow } from './support/documents'
import { execute } from './support/emulated'
import { HANG, programPath, root } from './support/program'
import { tfjsNodeFolder } from './support/tfjs-node'

const modules = join(tfjsNodeFolder, 'python')
const skip =
  process.env.JUMPOUT_REQUIRE_TFJS_NODE !== '1' &&
  !existsSync(modules) &&
  `no TensorFlow of Python in ${tfjsNodeFolder}: examples/tensorflow/get-python makes it`

const env = {
  ...process.env,
  PYTHONPATH: [tfjsNodeFolder, modules, join(root, 'examples', 'tensorflow')].join(':'),
  TF_CPP_MIN_LOG_LEVEL: '2',
  JUMPOUT_TENSORFLOW: native.tensorflow,
}

t.test('the examples of documents', { skip }, async (t) => {
  for (const block of blocksIn('python').filter(usesTensorFlow)) {
    const outcome = await execute('python3', ['-c', block.code], { env })
    t.equal(outcome.code, 0, outcome.stderr)
    kept(t, block, { ...outcome, stderr: '' }) // where TensorFlow says what it is compiled for
  }
})

t.test('a Keras layer, eagerly and in tf.function, has the golden bits', { skip }, async (t) => {
  const { stdout } = await promisify(execFile)('python3', [programPath('keras-layer.py')], {
    env,
    timeout: HANG,
  })
  t.match(stdout, /^done$/m)
})

t.test('where there is no TensorFlow, the library does nothing', async (t) => {
  t.equal(dirname(native.tensorflow), dirname(native.library))
  const load = `process.dlopen({ exports: {} }, ${JSON.stringify(native.tensorflow)})`
  const { stderr } = await promisify(execFile)(process.execPath, [
    '--eval',
    `try { ${load} } catch ({ message }) { console.error(message) }`,
  ])
  t.match(stderr, /Module did not self-register/, runtime.version)
})
