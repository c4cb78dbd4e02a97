/** The layers of the net, each with its backward pass by hand; `tf.variableGrads` only chains them. */
import * as tf from '@tensorflow/tfjs-core'

export type Matrix = tf.Tensor2D
export type Vector = tf.Tensor1D

/** `tf.customGrad` for a function of known inputs, whose first argument saves tensors for the backward pass. */
export function differentiable<Inputs extends tf.Tensor[], Output extends tf.Tensor = Matrix>(
  forward: (
    save: tf.GradSaveFunc,
    ...inputs: Inputs
  ) => { value: tf.Tensor; gradFunc: (dy: Output, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[] },
): (...inputs: Inputs) => Output {
  return tf.customGrad((...args) => {
    const inputs = args.slice(0, -1) as Inputs
    const { value, gradFunc } = forward(args[args.length - 1] as tf.GradSaveFunc, ...inputs)
    return { value: value as Output, gradFunc }
  })
}

/**
 * x w + b for x [rows, in], w [in, out], b [out]. The backward pass transposes first, because the wasm backend's
 * products with transposed operands are ten times slower.
 */
export const dense = differentiable((save, x: Matrix, w: Matrix, b: Vector) => {
  save([x, w])
  return {
    value: tf.fused.matMul({ a: x, b: w, bias: b }),
    gradFunc: (dy, [x, w]) => [tf.matMul(dy, tf.transpose(w)), ...parameterGradients(x as Matrix, dy)],
  }
})

/** The dense layer over data, which needs no gradient; the caller keeps `x` until the backward pass is done. */
export function denseOverData(x: Matrix, w: Matrix, b: Vector): Matrix {
  return differentiable((_save, w: Matrix, b: Vector) => ({
    value: tf.fused.matMul({ a: x, b: w, bias: b }),
    gradFunc: (dy) => parameterGradients(x, dy),
  }))(w, b)
}

function parameterGradients(x: Matrix, dy: Matrix): tf.Tensor[] {
  return [tf.matMul(tf.transpose(x), dy), tf.sum(dy, 0)]
}

/** max(x, 0). */
export const relu = differentiable((save, x: Matrix) => {
  const y = tf.relu(x)
  save([y])
  return { value: y, gradFunc: (dy, [y]) => tf.mul(dy, tf.step(y)) }
})

/** Batch normalisation (Ioffe and Szegedy, 2015) of each column of x by the given mean and standard deviation of x itself. */
export const normalizeBatch = differentiable((save, x: Matrix, gain: Vector, offset: Vector) => {
  const { mean, variance } = tf.moments(x, 0)
  const inverseDeviation = tf.rsqrt(tf.add(variance, VARIANCE_FLOOR))
  const normal = tf.mul(tf.sub(x, mean), inverseDeviation)
  save([normal, inverseDeviation, gain])
  return {
    value: tf.add(tf.mul(normal, gain), offset),
    gradFunc: (dy, [normal, inverseDeviation, gain]) => {
      const gainGradient = tf.sum(tf.mul(dy, normal), 0)
      const offsetGradient = tf.sum(dy, 0)
      const along = tf.add(offsetGradient, tf.mul(normal, gainGradient))
      const centred = tf.sub(dy, tf.div(along, dy.shape[0]))
      return [tf.mul(centred, tf.mul(gain, inverseDeviation)), gainGradient, offsetGradient]
    },
  }
})

/** The same with a mean and variance that were gathered in training. */
export function normalizeBy(x: Matrix, mean: Vector, variance: Vector, gain: Vector, offset: Vector): Matrix {
  const scale = tf.mul(gain, tf.rsqrt(tf.add(variance, VARIANCE_FLOOR)))
  return tf.add(tf.mul(tf.sub(x, mean), scale), offset)
}

const VARIANCE_FLOOR = 1e-5

/** Mean cross-entropy of softmax(logits) [rows, classes] against the true classes. */
export function crossEntropy(logits: Matrix, labels: Int32Array): tf.Scalar {
  return differentiable<[Matrix], tf.Scalar>((save, logits) => {
    const [rows, classes] = logits.shape
    const truth = tf.cast(tf.oneHot(labels, classes), 'float32')
    const logProbability = tf.logSoftmax(logits)
    save([logProbability, truth])
    return {
      value: tf.div(tf.sum(tf.mul(logProbability, truth)), -rows),
      gradFunc: (dy, [logProbability, truth]) =>
        tf.mul(tf.sub(tf.exp(logProbability), truth), tf.div(dy, rows)),
    }
  })(logits)
}
