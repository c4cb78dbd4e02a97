/** jumpout/tfjs in tfjs-node, where TensorFlow runs it as an operation. */
import t from 'tap'
import { equalBits } from './support/bits'
import { floatsOf, layersOf, netOf, roomOf, taskFor } from './support/tfjs'
import { checkAll } from './support/tfjs-checks'
import { withTfjsNode } from './support/tfjs-node'

t.test('on tensorflow', withTfjsNode, async (t) => {
  const room = await roomOf('tensorflow')
  const { tf } = room
  checkAll(t, room)

  t.test('a model in files, with the state of its optimizer', async (t) => {
    const { xs, ys } = taskFor(room)
    const net = netOf(room)
    net.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' })
    await net.trainOnBatch(xs, ys)
    const url = `file://${t.testdir({})}/net`
    await net.save(url, { includeOptimizer: true })
    const loaded = await tf.loadLayersModel(`${url}/model.json`)
    t.strictSame(
      layersOf(loaded).map(({ calls }) => calls),
      [1n, 1n],
    )
    for (const model of [net, loaded]) await model.trainOnBatch(xs, ys)
    net
      .getWeights()
      .forEach((weight, i) =>
        equalBits(t, floatsOf(loaded.getWeights()[i]), floatsOf(weight), `weight ${i} after going on`),
      )
  })
})
