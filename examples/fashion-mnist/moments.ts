import * as tf from '@tensorflow/tfjs-core'
import { foldIn } from 'jumpout'
import { jumpoutOp } from 'jumpout/tfjs'
import { HIDDEN_LAYERS, type Matrix, type Network } from './network'
import { mean } from './statistics'

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

/** What follows each hidden layer, by its index. */
type Activate = (x: Matrix, layer: number) => Matrix

/** Passes training images through a trained net, in evaluation mode, with and without dropout in its hidden layers. */
export function momentRatios(network: Network, x: Matrix, seed: bigint): MomentRatio[] {
  const layers = Array.from({ length: HIDDEN_LAYERS }, (_, layer) => layer)
  const reference = hiddenMoments(network, x, [tf.relu])
  return EXPONENTS.flatMap((exponent) =>
    RATES.flatMap((rate) => {
      const dropout = { rate, exponent, normalize: false, relu: true }
      const passes = Array.from({ length: MASKS }, (_, call): Activate => {
        return (x, layer) => jumpoutOp(x, { ...dropout, seed: foldIn(seed, layer), call })
      })
      const moments = hiddenMoments(network, x, passes)
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

/** Of each hidden layer's output, over all units, images and passes. */
function hiddenMoments(network: Network, x: Matrix, passes: readonly Activate[]): Moments[] {
  const sums = passes.map((activate) =>
    tf.tidy(() =>
      hiddenOutputs(network, x, activate).map((y) => ({
        value: tf.mean(y).dataSync()[0],
        square: tf.mean(tf.square(y)).dataSync()[0],
      })),
    ),
  )
  return sums[0].map((_, layer) => {
    const value = mean(sums.map((pass) => pass[layer].value))
    return { mean: value, variance: mean(sums.map((pass) => pass[layer].square)) - value * value }
  })
}

/** The net in evaluation, with another function in place of its own activations. */
function hiddenOutputs({ model, activations }: Network, x: Matrix, activate: Activate): Matrix[] {
  const outputs: Matrix[] = []
  for (const layer of model.layers.slice(0, -1)) {
    const isActivation = (activations as readonly unknown[]).includes(layer)
    x = isActivation ? activate(x, outputs.length) : (layer.apply(x, { training: false }) as Matrix)
    if (isActivation) outputs.push(x)
  }
  return outputs
}
