/**
 * Never run: the test of the types of jumpout/tfjs is that this compiles, with errors where they are expected, beside
 * TensorFlow.js; scripts/check-types.js compiles it against the packed declarations.
 */
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import {
  type ErrorCode,
  type GroupStats,
  jumpout,
  type JumpoutLayer,
  type JumpoutLayerOptions,
  jumpoutOp,
  type JumpoutOpOptions,
  type TensorOptions,
} from 'jumpout/tfjs'

export const code: ErrorCode = 'ERR_NO_TFJS'

export function layer(options: JumpoutLayerOptions): bigint {
  const made: JumpoutLayer = jumpout({
    relu: true,
    seed: 1n,
    layer: 2,
    inputShape: [3],
    name: 'first',
    ...options,
  })
  const isLayer: tfl.layers.Layer = jumpout()
  tfl.sequential({ layers: [isLayer, made, tfl.layers.dense({ units: 1 })] })
  tfl.input({ shape: [3] }).shape satisfies tfl.Shape
  made.apply(tfl.input({ shape: [3] })) satisfies unknown
  made.calls = 3
  const stats: readonly GroupStats[] | null = made.stats
  // @ts-expect-error it is read only
  made.stats = stats
  // @ts-expect-error the input has its shape
  jumpout({ shape: [3] })
  // @ts-expect-error it is no option
  jumpout({ dropout: 0.5 })
  // @ts-expect-error another value
  jumpout({ granularity: 'row' })
  return made.calls
}

const rates: number[] = []

export function op(x: tf.Tensor2D): tf.Tensor2D {
  const shared: TensorOptions = { unit: 'channel', dataFormat: 'channelsFirst' }
  const options: JumpoutOpOptions = {
    ...shared,
    seed: 1,
    call: 2n,
    onStats: ([{ effectiveRate }]) => rates.push(effectiveRate),
  }
  // @ts-expect-error a seed is missing
  jumpoutOp(x, {})
  // @ts-expect-error a number is no tensor
  jumpoutOp(3, options)
  return jumpoutOp(x, options)
}
