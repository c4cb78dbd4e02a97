/** jumpout as operations of TensorFlow, run by name in tfjs-node: the bits of the library, and no crash in any process. */
import t from 'tap'
import { endedWell, runProgram } from './support/program'
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
