import * as tf from '@tensorflow/tfjs-core'

const BETA1 = 0.9
const BETA2 = 0.999
const EPSILON = 1e-8

/** Adam (Kingma and Ba, 2015); its learning rate falls to 0 along half a cosine over `steps` steps. */
export class Adam {
  private readonly moments: { mean: tf.Variable; square: tf.Variable }[]
  private step = 0

  constructor(
    private readonly parameters: readonly tf.Variable[],
    private readonly schedule: { learningRate: number; steps: number },
  ) {
    this.moments = parameters.map((parameter) => ({
      mean: tf.variable(tf.zerosLike(parameter), false),
      square: tf.variable(tf.zerosLike(parameter), false),
    }))
  }

  /** Moves every parameter by its gradient, found by the parameter's name. */
  update(gradients: tf.NamedTensorMap): void {
    const { learningRate, steps } = this.schedule
    const decay = (1 + Math.cos((Math.PI * this.step) / steps)) / 2
    this.step++
    const correction = Math.sqrt(1 - BETA2 ** this.step)
    const rate = (learningRate * decay * correction) / (1 - BETA1 ** this.step)
    const epsilon = EPSILON * correction
    tf.tidy(() => {
      this.parameters.forEach((parameter, index) => {
        const gradient = gradients[parameter.name]
        const { mean, square } = this.moments[index]
        mean.assign(tf.add(tf.mul(mean, BETA1), tf.mul(gradient, 1 - BETA1)))
        square.assign(tf.add(tf.mul(square, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)))
        const direction = tf.div(mean, tf.add(tf.sqrt(square), epsilon))
        parameter.assign(tf.sub(parameter, tf.mul(direction, rate)))
      })
    })
  }

  dispose(): void {
    tf.dispose(this.moments)
  }
}
