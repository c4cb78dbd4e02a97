/** TensorFlow.js on one of its backends, and jumpout/tfjs as it is found beside it. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Tensor } from '@tensorflow/tfjs-core'
import type * as Jumpout from 'jumpout/tfjs'
import { tfjsNodeFolder } from './tfjs-node'

type Core = typeof import('@tensorflow/tfjs-core')
type Layers = typeof import('@tensorflow/tfjs-layers')
export type Tfjs = Core & Layers
export type Backend = 'cpu' | 'wasm' | 'tensorflow'

/** One of tfjs-node comes with layers, and has to be loaded before jumpout, which finds the copy in use. */
async function load(backend: Backend): Promise<Tfjs> {
  if (backend === 'tensorflow') {
    const requireThere = createRequire(join(tfjsNodeFolder, 'package.json'))
    requireThere('./shim.cjs')
    return requireThere('@tensorflow/tfjs-node') as Tfjs
  }
  const core = require('@tensorflow/tfjs-core') as Core
  require('@tensorflow/tfjs-backend-cpu')
  require('@tensorflow/tfjs-backend-wasm')
  await core.setBackend(backend)
  return { ...core, ...(require('@tensorflow/tfjs-layers') as Layers) }
}

export interface Room {
  readonly backend: Backend
  readonly tf: Tfjs
  readonly jumpout: typeof Jumpout.jumpout
  readonly jumpoutOp: typeof Jumpout.jumpoutOp
}

export async function roomOf(backend: Backend): Promise<Room> {
  const tf = await load(backend)
  const { jumpout, jumpoutOp } = await import('jumpout/tfjs')
  return { backend, tf, jumpout, jumpoutOp }
}

export const floatsOf = (tensor: Tensor): Float32Array => Float32Array.from(tensor.dataSync())

/** Normal numbers, some of them negative zeros and infinities, the same on each backend. */
export function inputOf({ tf }: Room, shape: number[], seed = 1): Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1)
  let state = seed
  const next = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648
  const values = Float32Array.from({ length: size }, () => 4 * (next() + next() + next()) - 6)
  if (size > 4) values.set([-0, Infinity, 1e-40], 1)
  return tf.tensor(values, shape)
}

/** A net of two dense layers with jumpout between them, with the same weights for the same seed. */
export function netOf({ tf, jumpout }: Room, options: Jumpout.JumpoutLayerOptions = {}) {
  const { dense } = tf.layers
  const kernelInitializer = (seed: number) => tf.initializers.glorotNormal({ seed })
  return tf.sequential({
    layers: [
      dense({ units: 48, inputShape: [20], kernelInitializer: kernelInitializer(1) }),
      jumpout({ relu: true, seed: 3, ...options }),
      dense({ units: 32, kernelInitializer: kernelInitializer(2) }),
      jumpout({ relu: true, seed: 3, layer: 1, ...options }),
      dense({ units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(4) }),
    ],
  })
}

/** How `netOf` is trained, so that a run has the same bits again. */
export const FIT = { batchSize: 32, shuffle: false, verbose: 0 } as const

/** Samples and classes for `netOf`. */
export function taskFor(room: Room): { xs: Tensor; ys: Tensor } {
  const { tf } = room
  const xs = tf.clipByValue(inputOf(room, [96, 20], 5), -3, 3)
  const sums = tf.sum(xs, 1).dataSync()
  const classes = Int32Array.from(sums, (sum) => (sum < -2 ? 0 : sum < 2 ? 1 : 2))
  return { xs, ys: tf.cast(tf.oneHot(tf.tensor1d(classes, 'int32'), 3), 'float32') }
}

export type Net = ReturnType<typeof netOf>
export const layersOf = (net: { layers: unknown[] }): Jumpout.JumpoutLayer[] =>
  net.layers.filter((layer): layer is Jumpout.JumpoutLayer => 'calls' in (layer as object))
