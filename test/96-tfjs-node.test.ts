/** jumpout/tfjs in tfjs-node, where TensorFlow runs it as an op. */
import t from 'tap'
import { roomOf } from './support/tfjs'
import { checkAll } from './support/tfjs-checks'
import { withTfjsNode } from './support/tfjs-node'

t.test('on tensorflow', withTfjsNode, async (t) => checkAll(t, await roomOf('tensorflow')))
