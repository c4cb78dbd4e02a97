import * as tf from '@tensorflow/tfjs-core'
import type { Activation } from './activation'
import { dense, denseOverData, normalizeBatch, normalizeBy, type Matrix, type Vector } from './layers'
import type { Random } from './random'

/** Share of the running statistics that a training batch leaves as they are. */
const RUNNING_MOMENTUM = 0.9

interface BatchNorm {
  readonly gain: tf.Variable<tf.Rank.R1>
  readonly offset: tf.Variable<tf.Rank.R1>
  readonly runningMean: tf.Variable<tf.Rank.R1>
  readonly runningVariance: tf.Variable<tf.Rank.R1>
}

interface Layer {
  readonly weights: tf.Variable<tf.Rank.R2>
  readonly bias: tf.Variable<tf.Rank.R1>
  readonly batchNorm: BatchNorm | null
}

/** Dense layers with an activation after each but the last: x [rows, sizes[0]] -> logits [rows, sizes.at(-1)]. */
export class Network {
  private readonly layers: readonly Layer[]
  private training = true

  constructor(
    sizes: readonly number[],
    private readonly activations: readonly Activation[],
    options: { batchNorm: boolean; random: Random },
  ) {
    this.layers = sizes.slice(1).map((outputs, index) => {
      const inputs = sizes[index]
      const isHidden = index < activations.length
      return {
        weights: tf.variable(heUniform(inputs, outputs, options.random)),
        bias: tf.variable(tf.zeros<tf.Rank.R1>([outputs])),
        batchNorm: options.batchNorm && isHidden ? makeBatchNorm(outputs) : null,
      }
    })
  }

  /** What an optimizer moves, in a fixed order. */
  get parameters(): tf.Variable[] {
    return this.layers.flatMap(({ weights, bias, batchNorm }) => [
      weights,
      bias,
      ...(batchNorm ? [batchNorm.gain, batchNorm.offset] : []),
    ])
  }

  train(mode: boolean): void {
    this.training = mode
    for (const activation of this.activations) activation.train(mode)
  }

  logits(x: Matrix): Matrix {
    const outputs = this.outputs(x)
    return outputs[outputs.length - 1]
  }

  /** The output of every layer, activation included; other activations may stand in for its own. */
  outputs(x: Matrix, activations = this.activations): Matrix[] {
    const outputs: Matrix[] = []
    this.layers.forEach(({ weights, bias, batchNorm }, index) => {
      const linear = index === 0 ? denseOverData(x, weights, bias) : dense(outputs[index - 1], weights, bias)
      const normal = batchNorm ? this.normalize(linear, batchNorm) : linear
      outputs.push(activations[index]?.apply(normal) ?? normal)
    })
    return outputs
  }

  private normalize(x: Matrix, { gain, offset, runningMean, runningVariance }: BatchNorm): Matrix {
    if (!this.training) return normalizeBy(x, runningMean, runningVariance, gain, offset)
    tf.tidy(() => {
      const { mean, variance } = tf.moments(x, 0)
      approach(runningMean, mean as Vector)
      approach(runningVariance, variance as Vector)
    })
    return normalizeBatch(x, gain, offset)
  }

  dispose(): void {
    const running = this.layers.flatMap(({ batchNorm }) =>
      batchNorm ? [batchNorm.runningMean, batchNorm.runningVariance] : [],
    )
    tf.dispose([...this.parameters, ...running])
  }
}

/** He initialisation (2015), uniform: variance 2 / inputs. */
function heUniform(inputs: number, outputs: number, random: Random): Matrix {
  const bound = Math.sqrt(6 / inputs)
  const values = Float32Array.from({ length: inputs * outputs }, () => random.uniform(-bound, bound))
  return tf.tensor2d(values, [inputs, outputs])
}

function makeBatchNorm(units: number): BatchNorm {
  return {
    gain: tf.variable(tf.ones<tf.Rank.R1>([units])),
    offset: tf.variable(tf.zeros<tf.Rank.R1>([units])),
    runningMean: tf.variable(tf.zeros<tf.Rank.R1>([units]), false),
    runningVariance: tf.variable(tf.ones<tf.Rank.R1>([units]), false),
  }
}

function approach(running: tf.Variable<tf.Rank.R1>, value: Vector): void {
  running.assign(tf.add(tf.mul(running, RUNNING_MOMENTUM), tf.mul(value, 1 - RUNNING_MOMENTUM)))
}
