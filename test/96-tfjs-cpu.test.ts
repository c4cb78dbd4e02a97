/** jumpout/tfjs on the backend cpu of TensorFlow.js. */
import t from 'tap'
import { roomOf } from './support/tfjs'
import { checkAll } from './support/tfjs-checks'

t.test('on cpu', async (t) => checkAll(t, await roomOf('cpu')))
