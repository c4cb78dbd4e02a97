import { dirname } from 'node:path'
import { loadTfjsNode } from '../../test/support/tfjs-node'
import { loadPeer, resolvePeer } from './peers'

interface Tensor {
  dispose(): void
  dataSync(): Float32Array
}

/** The part of TensorFlow.js that is used here. */
interface Tfjs {
  enableProdMode(): void
  setBackend(name: string): Promise<boolean>
  tensor1d(values: Float32Array): Tensor
  dropout(x: Tensor, rate: number): Tensor
}

/** Only the wasm backend needs a path: that of its binaries. */
interface WasmBackend {
  setWasmPaths?: (folder: string) => void
}

/** The backend `tensorflow` is tfjs-node's. All copies of tfjs share the backends that one of them has added. */
function load(backend: Backend): Tfjs {
  if (backend === 'tensorflow') return loadTfjsNode() as unknown as Tfjs
  const tf = loadPeer('@tensorflow/tfjs-core') as Tfjs
  const backendModule = loadPeer(`@tensorflow/tfjs-backend-${backend}`) as WasmBackend
  backendModule.setWasmPaths?.(`${dirname(resolvePeer('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`)
  return tf
}

export type Backend = 'wasm' | 'cpu' | 'tensorflow'

/**
 * tf.dropout on one backend. The input is uploaded once and the output is not downloaded while it is timed, so only
 * the operation counts.
 */
export async function tfjsDropout(backend: Backend, rate: number, input: Float32Array) {
  const tf = load(backend)
  tf.enableProdMode() // its fastest, without checks of its own
  const select = async () => {
    if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} backend here`)
  }
  await select()
  const x = tf.tensor1d(input)
  return {
    select,
    run: () => {
      tf.dropout(x, rate).dispose()
    },
    output: () => {
      const y = tf.dropout(x, rate)
      const values = y.dataSync().slice()
      y.dispose()
      return values
    },
    dispose: () => {
      x.dispose()
    },
  }
}
