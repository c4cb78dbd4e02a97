/** Training steps of two nets in TensorFlow.js, with the activation to be measured between their layers. */
import type * as core from '@tensorflow/tfjs-core'
import type { Rank, Scalar, ShapeMap, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import type { fusedOperations } from '../examples/tfjs/fused'

export type Activation = <X extends Tensor>(x: X) => X

/** One step of momentum on one batch; `activation` may differ from step to step. */
export type Step = (activation: Activation) => void

type Tfjs = typeof core
type Fused = ReturnType<typeof fusedOperations>

function classesOf(tf: Tfjs, batch: number): { labels: Tensor1D; targets: Tensor2D } {
  const labels = tf.keep(
    tf.tensor1d(
      Int32Array.from({ length: batch }, (_, i) => i % 10),
      'int32',
    ),
  )
  return { labels, targets: tf.keep(tf.cast(tf.oneHot(labels, 10) as Tensor2D, 'float32')) }
}

function weights<R extends Rank>(tf: Tfjs, shape: ShapeMap[R], inputs: number): Tensor<R> {
  return tf.variable(tf.randomNormal<R>(shape, 0, Math.sqrt(2 / inputs), 'float32', shape[0]))
}

function stepper(tf: Tfjs, loss: (activation: Activation) => Scalar): Step {
  const optimizer = tf.train.momentum(1e-3, 0.9)
  return (activation) => {
    const value = optimizer.minimize(() => loss(activation), true) as Scalar
    value.dataSync() // waits for all of the step
    value.dispose()
  }
}

/** 784-512-512-10 on 128 images. */
export function denseStep(tf: Tfjs): Step {
  const batch = 128
  const sizes = [784, 512, 512, 10]
  const matrices = sizes.slice(1).map((size, i) => weights<Rank.R2>(tf, [sizes[i], size], sizes[i]))
  const biases = sizes.slice(1).map((size) => tf.variable(tf.zeros([size])))
  const images = tf.keep(tf.randomNormal<Rank.R2>([batch, sizes[0]], 0, 1, 'float32', 1))
  const { targets } = classesOf(tf, batch)
  return stepper(tf, (activation) => {
    const last = matrices.length - 1
    const logits = matrices.reduce<Tensor2D>((x, matrix, i) => {
      const y = tf.add<Tensor2D>(tf.matMul(x, matrix), biases[i])
      return i === last ? y : activation(y)
    }, images)
    return tf.losses.softmaxCrossEntropy<Tensor2D, Scalar>(targets, logits)
  })
}

/** Six convolutions in three blocks of 32, 64 and 128 channels, and a dense layer, with batch norm, on 128 images of 32 x 32. */
export function convolutionStep(tf: Tfjs, fused: Fused): Step {
  const batch = 128
  const widths = [32, 32, 64, 64, 128, 128]
  const norm = (size: number) =>
    [tf.variable(tf.ones([size])), tf.variable(tf.zeros([size]))] as unknown as [Tensor1D, Tensor1D]
  const convolutions = widths.map((width, i) => {
    const channels = i === 0 ? 3 : widths[i - 1]
    return { kernel: weights<Rank.R4>(tf, [3, 3, channels, width], 9 * channels), norm: norm(width) }
  })
  const flat = 4 * 4 * 128
  const dense = { matrix: weights<Rank.R2>(tf, [flat, 256], flat), norm: norm(256) }
  const last = weights<Rank.R2>(tf, [256, 10], 256)
  const images = tf.keep(tf.randomNormal<Rank.R4>([batch, 32, 32, 3], 0, 1, 'float32', 1))
  const { labels } = classesOf(tf, batch)
  return stepper(tf, (activation) => {
    const features = convolutions.reduce<Tensor4D>((x, { kernel, norm }, i) => {
      const y = activation(fused.batchNorm(tf.conv2d(x, kernel, 1, 'same'), ...norm))
      return i % 2 === 1 ? tf.maxPool(y, 2, 2, 'valid') : y
    }, images)
    const hidden = activation(
      fused.batchNorm<Tensor2D>(
        tf.matMul<Tensor2D>(tf.reshape<Rank.R2>(features, [batch, flat]), dense.matrix),
        ...dense.norm,
      ),
    )
    return tf.mean<Scalar>(fused.softmaxCrossEntropy(tf.matMul(hidden, last), labels))
  })
}
