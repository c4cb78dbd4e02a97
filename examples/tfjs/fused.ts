/**
 * Operations of TensorFlow that tfjs-node does not use by itself: batch norm, ReLU and the loss, each fused, and with a gradient
 * that is one operation. Meant to be copied. For the backend 'tensorflow', float32, and channels in the last dimension.
 */
import type * as core from '@tensorflow/tfjs-core'
import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'

interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/** The part of the backend that is used: it runs every operation of TensorFlow by its name. */
interface TensorFlow {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_STRING', number>
  > &
    Readonly<Record<'TF_FLOAT' | 'TF_INT32', number>>
  executeSingleOutput(name: string, attributes: Attribute[], inputs: Tensor[]): Tensor
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[]
}

/** A function of some tensors, and its gradients from what it saved. */
type Differentiable = (
  inputs: Tensor[],
  save: (tensors: Tensor[]) => void,
) => { value: Tensor; gradFunc: (dy: Tensor, saved: Tensor[]) => Tensor | Tensor[] }

/** What batch norm uses in evaluation: averages over the steps of training, by channel. */
export interface Averages {
  readonly mean: Variable
  readonly variance: Variable
  /** The weight of a step in them, less than 1: 0.1 for a momentum of 0.9. */
  readonly weight: number
}

/** @param tf tfjs-node, with its backend; one empty tensor of it is kept */
export function fusedOperations(tf: typeof core) {
  const backend = tf.backend() as unknown as TensorFlow
  const { TF_ATTR_TYPE, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_STRING, TF_FLOAT, TF_INT32 } = backend.binding
  const T = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }
  const norm = (isTraining: boolean) => [
    T,
    { name: 'U', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'epsilon', type: TF_ATTR_FLOAT, value: 1e-3 },
    { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: TF_ATTR_BOOL, value: isTraining },
  ]
  const [training, evaluation] = [norm(true), norm(false)]
  const loss = [T, { name: 'Tlabels', type: TF_ATTR_TYPE, value: TF_INT32 }]
  const none = tf.keep(tf.tensor1d([], 'float32'))

  function apply(run: Differentiable, ...inputs: Tensor[]): Tensor {
    const differentiable = (...args: unknown[]) =>
      run(args.slice(0, -1) as Tensor[], args.at(-1) as (tensors: Tensor[]) => void)
    return tf.customGrad(differentiable)(...inputs)
  }

  const relu: Differentiable = ([x], save) => {
    const value = backend.executeSingleOutput('Relu', [T], [x])
    save([value])
    return { value, gradFunc: (dy, [y]) => backend.executeSingleOutput('ReluGrad', [T], [dy, y]) }
  }

  const runBatchNorm = (attributes: Attribute[], inputs: Tensor[]): Tensor[] =>
    backend.executeMultipleOutputs('FusedBatchNormV3', attributes, inputs, 6)

  const batchNorm =
    (averages?: Averages): Differentiable =>
    ([x, scale, offset], save) => {
      const [attributes, before] = averages
        ? [
            [...training, { name: 'exponential_avg_factor', type: TF_ATTR_FLOAT, value: averages.weight }],
            [averages.mean, averages.variance],
          ]
        : [training, [none, none]]
      const [value, mean, variance, ...reserved] = runBatchNorm(attributes, [x, scale, offset, ...before])
      averages?.mean.assign(mean)
      averages?.variance.assign(variance)
      save([x, scale, ...reserved])
      return {
        value,
        gradFunc: (dy, saved) =>
          backend.executeMultipleOutputs('FusedBatchNormGradV3', training, [dy, ...saved], 5).slice(0, 3),
      }
    }

  /** TensorFlow has it for images alone. */
  function asImage<X extends Tensor2D | Tensor4D>(x: X, run: (image: Tensor) => Tensor): X {
    if (x.rank === 4) return run(x) as X
    const [rows, channels] = x.shape
    return tf.reshape(run(tf.reshape(x, [rows, 1, 1, channels])), x.shape) as X
  }

  const crossEntropy =
    (labels: Tensor): Differentiable =>
    ([logits], save) => {
      const name = 'SparseSoftmaxCrossEntropyWithLogits'
      const [value, gradient] = backend.executeMultipleOutputs(name, loss, [logits, labels], 2)
      save([gradient])
      return { value, gradFunc: (dy, [gradient]) => tf.mul(gradient, tf.reshape(dy, [-1, 1])) }
    }

  return {
    /** As tf.relu, whose gradient is three operations. */
    relu: <X extends Tensor>(x: X): X => apply(relu, x) as X,

    /** With the mean and the variance of this batch, as in training, over all but the last dimension. Moves the averages. */
    batchNorm: <X extends Tensor2D | Tensor4D>(
      x: X,
      scale: Tensor1D,
      offset: Tensor1D,
      averages?: Averages,
    ): X => asImage(x, (image) => apply(batchNorm(averages), image, scale, offset)),

    /** With the averages, as in evaluation; without a gradient. */
    batchNormEvaluated: <X extends Tensor2D | Tensor4D>(
      x: X,
      scale: Tensor1D,
      offset: Tensor1D,
      { mean, variance }: Averages,
    ): X => asImage(x, (image) => runBatchNorm(evaluation, [image, scale, offset, mean, variance])[0]),

    /** The loss of each row of `logits`; `labels` are int32. */
    softmaxCrossEntropy: (logits: Tensor2D, labels: Tensor1D): Tensor1D =>
      apply(crossEntropy(labels), logits) as Tensor1D,
  }
}
