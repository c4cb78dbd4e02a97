import * as tf from '@tensorflow/tfjs-core'
import { initializers, layers } from '@tensorflow/tfjs-layers'

type Weight = ReturnType<layers.Layer['addWeight']>
type Initializer = ReturnType<typeof initializers.heUniform>

/** A dense layer over data, whose gradient for its input nobody needs: `layers.dense` computes that gradient all the same. */
export class DenseOverData extends layers.Layer {
  static readonly className = 'DenseOverData'
  private readonly kernel: Weight
  private readonly bias: Weight

  constructor(inputs: number, units: number, kernelInitializer: Initializer) {
    super({ inputShape: [inputs] })
    this.kernel = this.addWeight('kernel', [inputs, units], 'float32', kernelInitializer)
    this.bias = this.addWeight('bias', [units], 'float32', initializers.zeros())
  }

  override computeOutputShape([rows]: number[]): (number | null)[] {
    return [rows, this.bias.shape[0]]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = [inputs].flat()
    return tf.tidy(() => tf.add(tf.matMul(x, this.kernel.read()), this.bias.read()))
  }
}
