import { foldIn } from 'jumpout'
import type { Averages } from '../tfjs/fused'
import { CHANNELS, CLASSES, SIDE } from './data'
import type { Design } from './design'
import { fused, tf, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, type Variable } from './tfjs'

/** What follows batch norm in each layer, by its index: the ReLU and what comes with it. */
export type Activate = (x: Tensor, layer: number) => Tensor

interface Norm {
  readonly scale: Variable
  readonly offset: Variable
  readonly averages: Averages
}

const STEP_IN_AVERAGES = 0.1

/** Blocks of two convolutions and a maximum over 2 x 2, a dense layer, and a dense layer to the logits. */
export class Network {
  /** Matrices and kernels, on which weight decay acts. */
  readonly weights: readonly Variable[]
  /** All that training moves by gradients. */
  readonly parameters: readonly Variable[]
  readonly layers: number
  private readonly norms: readonly Norm[]
  private readonly bias = tf.variable(tf.zeros([CLASSES]))

  constructor({ widths, units }: Design, seed: bigint) {
    const channels = widths.flatMap((width) => [width, width])
    const side = SIDE / 2 ** widths.length
    const outputs = [...channels, units]
    const shapes = [
      ...channels.map((width, layer) => [3, 3, layer === 0 ? CHANNELS : channels[layer - 1], width]),
      [side * side * channels[channels.length - 1], units],
      [units, CLASSES],
    ]
    this.layers = outputs.length
    this.weights = shapes.map((shape, layer) => {
      const inputs = shape.slice(0, -1).reduce((product, size) => product * size)
      const variance = (layer < this.layers ? 2 : 1) / inputs
      const values = tf.randomNormal(shape, 0, Math.sqrt(variance), 'float32', tfSeed(foldIn(seed, layer)))
      return tf.variable(values)
    })
    this.norms = outputs.map((size) => ({
      scale: tf.variable(tf.ones([size])),
      offset: tf.variable(tf.zeros([size])),
      averages: {
        mean: tf.variable(tf.zeros([size]), false),
        variance: tf.variable(tf.ones([size]), false),
        weight: STEP_IN_AVERAGES,
      },
    }))
    this.parameters = [
      ...this.weights,
      ...this.norms.flatMap(({ scale, offset }) => [scale, offset]),
      this.bias,
    ]
  }

  /** What evaluation depends on: the parameters, and the averages of batch norm. */
  get state(): Variable[] {
    return [...this.parameters, ...this.norms.flatMap(({ averages }) => [averages.mean, averages.variance])]
  }

  /** From images [rows, 32, 32, 3] to logits [rows, 10]; in training batch norm uses the batch, and moves its averages. */
  logits(images: Tensor4D, activate: Activate, training: boolean): Tensor2D {
    const follow = <X extends Tensor2D | Tensor4D>(x: X, layer: number): X => {
      const { scale, offset, averages } = this.norms[layer]
      const norm = training ? fused.batchNorm : fused.batchNormEvaluated
      return activate(
        norm(x, scale as unknown as Tensor1D, offset as unknown as Tensor1D, averages),
        layer,
      ) as X
    }
    const dense = this.layers - 1
    let features = images
    for (let layer = 0; layer < dense; layer++) {
      features = follow(tf.conv2d(features, this.weights[layer] as unknown as Tensor4D, 1, 'same'), layer)
      if (layer % 2 === 1) features = tf.maxPool(features, 2, 2, 'valid')
    }
    const flat: Tensor2D = tf.reshape(features, [images.shape[0], -1])
    const hidden = follow(tf.matMul<Tensor2D>(flat, this.weights[dense]), dense)
    return tf.add<Tensor2D>(tf.matMul(hidden, this.weights[dense + 1]), this.bias)
  }
}

/** The seeds of tfjs are numbers. */
const tfSeed = (seed: bigint): number => Number(BigInt.asUintN(32, seed))
