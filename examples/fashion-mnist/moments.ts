import * as tf from '@tensorflow/tfjs-core'
import { Jumpout } from 'jumpout'
import { PlainRelu, ReluJumpout, type Activation } from './activation'
import type { Matrix } from './layers'
import type { Network } from './network'

const EXPONENTS = [1, 0.75, 0.5]
const RATES = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
const MASKS = 4

/** How far dropout with one exponent changes the output moments of a hidden layer. */
export interface MomentRatio {
  /** 1 is the first hidden layer. */
  layer: number
  exponent: number
  /** The rate applied in every hidden layer. */
  rate: number
  /** Mean over units, images and masks with dropout, over the mean without. */
  meanRatio: number
  /** The ratio of the variances. */
  varianceRatio: number
}

/** Passes training images through a trained net, in evaluation mode, with and without dropout in its hidden layers. */
export function momentRatios(
  network: Network,
  { x, hiddenLayers, seed }: { x: Matrix; hiddenLayers: number; seed: bigint },
): MomentRatio[] {
  const layers = Array.from({ length: hiddenLayers }, (_, layer) => layer)
  const reference = hiddenMoments(network, x, layers.map(() => new PlainRelu()), 1) // prettier-ignore
  return EXPONENTS.flatMap((exponent) =>
    RATES.flatMap((rate) => {
      const dropout = { rate, exponent, normalize: false, relu: true, seed }
      const activations = layers.map((layer) => new ReluJumpout(new Jumpout({ ...dropout, layer })))
      const moments = hiddenMoments(network, x, activations, MASKS)
      return layers.map((layer) => ({
        layer: layer + 1,
        exponent,
        rate,
        meanRatio: moments[layer].mean / reference[layer].mean,
        varianceRatio: moments[layer].variance / reference[layer].variance,
      }))
    }),
  )
}

interface Moments {
  mean: number
  variance: number
}

/** Over all units and images of each activation's output, and over `passes` passes. */
function hiddenMoments(network: Network, x: Matrix, activations: Activation[], passes: number): Moments[] {
  const sums = activations.map(() => ({ count: 0, value: 0, square: 0 }))
  for (let pass = 0; pass < passes; pass++) {
    tf.tidy(() => {
      const outputs = network.outputs(x, activations)
      sums.forEach((sum, layer) => {
        for (const value of outputs[layer].dataSync()) {
          sum.count++
          sum.value += value
          sum.square += value * value
        }
      })
    })
  }
  return sums.map(({ count, value, square }) => {
    const mean = value / count
    return { mean, variance: square / count - mean * mean }
  })
}
