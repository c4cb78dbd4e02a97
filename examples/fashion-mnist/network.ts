import * as tf from '@tensorflow/tfjs-core'
import { initializers, layers, sequential, type Sequential } from '@tensorflow/tfjs-layers'
import { foldIn } from 'jumpout'
import { jumpout, type JumpoutLayer } from 'jumpout/tfjs'
import { CLASSES, PIXELS } from './data'
import { DenseOverData } from './dense-over-data'
import type { Method, Options } from './options'

export type Matrix = tf.Tensor2D

export const HIDDEN_LAYERS = 2

/** Dense layers with ReLU between them, from images [rows, 784] to logits [rows, 10], and what follows each hidden layer. */
export interface Network {
  readonly model: Sequential
  /** ReLU and dropout in one pass; ReLU alone in evaluation. */
  readonly activations: readonly JumpoutLayer[]
}

export function makeNetwork(
  method: Method,
  options: Options,
  seeds: { weights: bigint; masks: bigint },
): Network {
  const activations = Array.from({ length: HIDDEN_LAYERS }, (_, layer) =>
    jumpout({ ...dropoutOptions(method, options), relu: true, seed: seeds.masks, layer }),
  )
  const { width } = options
  const weights = (layer: number) => initializers.heUniform({ seed: tfSeed(foldIn(seeds.weights, layer)) })
  const linear = [
    new DenseOverData(PIXELS, width, weights(0)),
    layers.dense({ units: width, kernelInitializer: weights(1) }),
  ]
  const model = sequential({
    layers: [
      ...linear.flatMap((layer, index) => [
        layer,
        ...(options.batchNorm ? [layers.batchNormalization({ epsilon: 1e-5 })] : []),
        activations[index],
      ]),
      layers.dense({ units: CLASSES, kernelInitializer: weights(HIDDEN_LAYERS) }),
    ],
  })
  return { model, activations }
}

/** A rate of 0 is ReLU alone; plain dropout is jumpout with a fixed rate, no normalisation and exponent 1. */
function dropoutOptions(method: Method, { rate, sigma, draw, normalize, exponent }: Options) {
  switch (method) {
    case 'none':
      return { rate: 0 }
    case 'dropout':
      return { rate, normalize: false, exponent: 1 }
    case 'jumpout':
      return { ...(draw ? { sigma } : { rate }), normalize, exponent }
  }
}

export const logitsOf = ({ model }: Network, x: Matrix, training: boolean): Matrix =>
  model.apply(x, { training }) as Matrix

/** What an optimizer moves, in a fixed order. */
export const parametersOf = ({ model }: Network): tf.Variable[] =>
  model.trainableWeights
    .map((weight) => weight.read())
    .filter((tensor): tensor is tf.Variable => tensor instanceof tf.Variable)

/** The seeds of tfjs are numbers. */
export const tfSeed = (seed: bigint): number => Number(BigInt.asUintN(32, seed))
