import { foldIn } from 'jumpout'
import { jumpoutOp } from 'jumpout/tfjs'
import { mean } from '../fashion-mnist/statistics'
import type { Activate, Network } from './network'
import { fused, tf, type Tensor4D } from './tfjs'

const EXPONENTS = [1, 0.75, 0.5]
const RATE = 0.2
const MASKS = 2

/** How dropout with one exponent changes the moments of each layer's output. */
export interface MomentRatios {
  readonly exponent: number
  /** By layer, over units, images and masks: the mean with dropout over the mean without. */
  readonly mean: readonly number[]
  /** The ratio of the variances. */
  readonly variance: readonly number[]
}

/** Passes images through the net in evaluation, with and without dropout of one rate in every layer. */
export function momentRatios(network: Network, images: Tensor4D, seed: bigint): MomentRatios[] {
  const without = momentsOf(network, images, [(x) => fused.relu(x)])
  return EXPONENTS.map((exponent) => {
    const passes = Array.from({ length: MASKS }, (_, call): Activate => {
      const options = { rate: RATE, normalize: false, exponent, relu: true, call }
      return (x, layer) => jumpoutOp(x, { ...options, seed: foldIn(seed, layer) })
    })
    const moments = momentsOf(network, images, passes)
    return {
      exponent,
      mean: moments.map(({ mean }, layer) => mean / without[layer].mean),
      variance: moments.map(({ variance }, layer) => variance / without[layer].variance),
    }
  })
}

function momentsOf(network: Network, images: Tensor4D, passes: readonly Activate[]) {
  const sums = passes.map((activate) => {
    const layers: { value: number; square: number }[] = []
    tf.tidy(() =>
      network.logits(
        images,
        (x, layer) => {
          const y = activate(x, layer)
          layers.push({ value: tf.mean(y).dataSync()[0], square: tf.mean(tf.square(y)).dataSync()[0] })
          return y
        },
        false,
      ),
    )
    return layers
  })
  return sums[0].map((_, layer) => {
    const value = mean(sums.map((pass) => pass[layer].value))
    return { mean: value, variance: mean(sums.map((pass) => pass[layer].square)) - value * value }
  })
}
