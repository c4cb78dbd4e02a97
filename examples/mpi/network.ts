/**
 * Dense layers with ReLU and jumpout between them, in loops whose order is fixed: each row of a batch gives the same bits
 * whatever rows lie beside it, and a gradient is a sum over the rows that it was asked for, in their order.
 */
import { foldIn } from 'jumpout'

interface Dense {
  readonly inputs: number
  readonly outputs: number
  readonly weights: Float32Array // [inputs, outputs]
  readonly bias: Float32Array // [outputs]
}

/** What lies between two layers: z [rows, units] -> the next layer's input, and dy -> dz of the last forward. */
export interface Activation {
  forward(z: Float32Array): Float32Array
  backward(dy: Float32Array): Float32Array
}

export class Network {
  /** Weights and biases of all layers, one after the other. */
  readonly parameters: Float32Array
  readonly #layers: readonly Dense[]
  #inputs: Float32Array[] = []

  /** @param sizes units from the input to the logits */
  constructor(sizes: readonly number[], seed: bigint) {
    const length = sizes.slice(1).reduce((sum, outputs, l) => sum + (sizes[l] + 1) * outputs, 0)
    this.parameters = new Float32Array(length)
    this.#layers = layersOver(this.parameters, sizes)
    this.#layers.forEach(({ inputs, weights }, l) => {
      const layerSeed = foldIn(seed, l)
      const bound = Math.sqrt(6 / inputs) // He initialisation (2015), uniform
      weights.forEach((_, i) => (weights[i] = bound * (2 * uniform(layerSeed, i) - 1)))
    })
  }

  /** x [rows, inputs] -> logits [rows, classes] */
  forward(x: Float32Array, activations: readonly Activation[]): Float32Array {
    this.#inputs = []
    return this.#layers.reduce((input, layer, l) => {
      this.#inputs.push(input)
      const z = multiply(input, layer)
      return activations[l]?.forward(z) ?? z
    }, x)
  }

  /**
   * The gradients of the last forward's rows, summed over `rows` rows at a time.
   *
   * @param dLogits [rows, classes]
   * @returns [all rows / rows, parameters]
   */
  backward(dLogits: Float32Array, activations: readonly Activation[], rows: number): Float32Array[] {
    const allRows = this.#inputs[0].length / this.#layers[0].inputs
    const sums = Array.from({ length: allRows / rows }, () => new Float32Array(this.parameters.length))
    const sizes = [...this.#layers.map(({ inputs }) => inputs), dLogits.length / allRows]
    const gradients = sums.map((sum) => layersOver(sum, sizes))
    let dz = dLogits
    for (let l = this.#layers.length - 1; l >= 0; l--) {
      gradients.forEach((gradient, m) => addGradient(this.#inputs[l], dz, m * rows, rows, gradient[l]))
      if (l > 0) dz = activations[l - 1].backward(multiplyTransposed(dz, this.#layers[l]))
    }
    return sums
  }
}

/** Uniform in [0, 1): number `n` of a seed. */
export const uniform = (seed: bigint, n: number): number => Number(foldIn(seed, n) >> 11n) * 2 ** -53

function layersOver(parameters: Float32Array, sizes: readonly number[]): Dense[] {
  let end = 0
  const take = (length: number) => parameters.subarray(end, (end += length))
  return sizes.slice(1).map((outputs, l) => {
    const inputs = sizes[l]
    return { inputs, outputs, weights: take(inputs * outputs), bias: take(outputs) }
  })
}

/** x w + b */
function multiply(x: Float32Array, { inputs, outputs, weights, bias }: Dense): Float32Array {
  const rows = x.length / inputs
  const y = new Float32Array(rows * outputs)
  for (let r = 0; r < rows; r++) {
    const row = r * outputs
    y.set(bias, row)
    for (let i = 0; i < inputs; i++) {
      const value = x[r * inputs + i]
      for (let o = 0; o < outputs; o++) y[row + o] += value * weights[i * outputs + o]
    }
  }
  return y
}

/** dy w^T */
function multiplyTransposed(dy: Float32Array, { inputs, outputs, weights }: Dense): Float32Array {
  const rows = dy.length / outputs
  const dx = new Float32Array(rows * inputs)
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0
      for (let o = 0; o < outputs; o++) sum += dy[r * outputs + o] * weights[i * outputs + o]
      dx[r * inputs + i] = sum
    }
  }
  return dx
}

/** Adds x^T dy of `rows` rows from row `first` to the gradient of the weights, and dy to that of the bias. */
function addGradient(x: Float32Array, dy: Float32Array, first: number, rows: number, gradient: Dense): void {
  const { inputs, outputs, weights, bias } = gradient
  for (let r = first; r < first + rows; r++) {
    for (let i = 0; i < inputs; i++) {
      const value = x[r * inputs + i]
      for (let o = 0; o < outputs; o++) weights[i * outputs + o] += value * dy[r * outputs + o]
    }
    for (let o = 0; o < outputs; o++) bias[o] += dy[r * outputs + o]
  }
}
