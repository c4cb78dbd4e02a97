/**
 * tfjs-saved.ts BACKEND EPOCHS TO [FROM]: trains the net of FROM, or a new one, and saves it as TO. Prints its weights' bits
 * and the call numbers of its layers, then 'done'.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { FIT, floatsOf, layersOf, netOf, roomOf, taskFor, type Backend } from '../support/tfjs'

async function main([backend, epochs, to, from]: string[]): Promise<void> {
  const room = await roomOf(backend as Backend)
  const { tf } = room
  const artifactsOf = (file: string) => {
    const saved = JSON.parse(readFileSync(file, 'utf8')) as { weightData: string }
    return { ...saved, weightData: Uint8Array.from(Buffer.from(saved.weightData, 'base64')).buffer }
  }
  const net = from ? await tf.loadLayersModel(tf.io.fromMemory(artifactsOf(from))) : netOf(room)
  net.compile({ optimizer: tf.train.sgd(0.05), loss: 'categoricalCrossentropy' })
  const { xs, ys } = taskFor(room)
  await net.fit(xs, ys, { epochs: Number(epochs), ...FIT })
  await net.save(
    tf.io.withSaveHandler((saved) => {
      const weightData = Buffer.from(saved.weightData as never).toString('base64')
      writeFileSync(to, JSON.stringify({ ...saved, weightData }))
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } })
    }),
  )
  const hash = createHash('sha256')
  for (const weight of net.getWeights()) hash.update(floatsOf(weight))
  console.log(hash.digest('hex'), ...layersOf(net).map(({ calls }) => String(calls)))
  console.log('done')
}

void main(process.argv.slice(2))
