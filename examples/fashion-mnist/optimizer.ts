import type * as tf from '@tensorflow/tfjs-core'
import { mapMemory, memoryOf } from './wasm-memory'

const BETA1 = 0.9
const BETA2 = 0.999
const EPSILON = 1e-8

/**
 * Adam (Kingma and Ba, 2015); its learning rate falls to 0 along half a cosine over `steps` steps. One loop over the
 * parameters' memory, where tensor operations would pass over it eleven times.
 */
export class Adam {
  private readonly moments: { mean: Float32Array; square: Float32Array }[]
  private step = 0

  constructor(
    private readonly parameters: readonly tf.Variable[],
    private readonly schedule: { learningRate: number; steps: number },
  ) {
    this.moments = parameters.map(({ size }) => ({
      mean: new Float32Array(size),
      square: new Float32Array(size),
    }))
  }

  /** Moves every parameter by its gradient, which is found by the parameter's name. */
  update(gradients: tf.NamedTensorMap): void {
    const { learningRate, steps } = this.schedule
    const decay = (1 + Math.cos((Math.PI * this.step) / steps)) / 2
    this.step++
    const correction = Math.sqrt(1 - BETA2 ** this.step)
    const rate = (learningRate * decay * correction) / (1 - BETA1 ** this.step)
    const epsilon = EPSILON * correction
    this.parameters.forEach((parameter, index) => {
      const { mean, square } = this.moments[index]
      const moved = mapMemory(parameter, (values, out) => {
        move(values, memoryOf(gradients[parameter.name]), mean, square, { rate, epsilon, out })
      })
      parameter.assign(moved) // never in place: the wasm backend caches a packed copy of each tensor that it multiplies with
      moved.dispose()
    })
  }
}

/** out = values moved against the gradient; the moments are brought up to date in place. */
function move(
  values: Float32Array,
  gradient: Float32Array,
  mean: Float32Array,
  square: Float32Array,
  { rate, epsilon, out }: { rate: number; epsilon: number; out: Float32Array },
): void {
  for (let i = 0; i < out.length; i++) {
    const g = gradient[i]
    const m = BETA1 * mean[i] + (1 - BETA1) * g
    const v = BETA2 * square[i] + (1 - BETA2) * g * g
    mean[i] = m
    square[i] = v
    out[i] = values[i] - (rate * m) / (Math.sqrt(v) + epsilon)
  }
}
