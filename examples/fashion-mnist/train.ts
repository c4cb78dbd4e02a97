import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import { foldIn, Jumpout, type JumpoutOptions } from 'jumpout'
import { PlainRelu, ReluJumpout, type Activation } from './activation'
import { CLASSES, gather, PIXELS, TRAINING_IMAGES, type Batch, type Dataset } from './data'
import { crossEntropy } from './layers'
import { momentRatios, type MomentRatio } from './moments'
import { Network } from './network'
import { Adam } from './optimizer'
import { stepsPerRun, type Method, type Options } from './options'
import { Random } from './random'
import { mean } from './statistics'
import type { TestSet } from './test-set'

const HIDDEN_LAYERS = 2
const MAX_EVALUATIONS = 10
const MEASURED_IMAGES = 1000

/** What a seed is folded with for each of its uses. Every method gets the same images, weights and order. */
const STREAM = { images: 1, weights: 2, order: 3, masks: 4, measurement: 5 }

export interface Epoch {
  /** Mean training loss. */
  loss: number
  /** Fraction of all test images classified correctly after this epoch; null where it was not measured. */
  testAccuracy: number | null
  /** Fraction of the inputs of each hidden layer's ReLU that were above 0, mean over the epoch's steps. */
  activeFractions: number[]
}

export interface Run {
  method: Method
  seed: number
  epochs: Epoch[]
  /** Base rates, in the order they were drawn; empty without dropout. */
  rates: number[]
  /** Measured on the trained net where this was asked for. */
  momentRatios?: MomentRatio[]
  /** SHA-256 over all parameters after the last step: equal numbers, equal digest. */
  parameters: string
}

export interface Job {
  method: Method
  seed: number
  /** Whether to measure what dropout does to the trained net's hidden layers. */
  measureMoments: boolean
}

/** Trains one net; the same method, seed and options give the same numbers, to the bit. */
export function train(
  dataset: Dataset,
  testSet: TestSet,
  { method, seed, measureMoments }: Job,
  options: Options,
  onStep: (loss: number) => void,
): Run {
  const seedOf = (use: keyof typeof STREAM) => foldIn(seed, STREAM[use])
  const subset = new Random(seedOf('images')).sample(options.images, TRAINING_IMAGES)
  const order = new Random(seedOf('order'))
  const activations = Array.from({ length: HIDDEN_LAYERS }, (_, layer) =>
    makeActivation(method, options, { seed: seedOf('masks'), layer }),
  )
  const sizes = [PIXELS, ...activations.map(() => options.width), CLASSES]
  const network = new Network(sizes, activations, {
    batchNorm: options.batchNorm,
    random: new Random(seedOf('weights')),
  })
  const optimizer = new Adam(network.parameters, {
    learningRate: options.learningRate,
    steps: stepsPerRun(options),
  })

  const epochs: Epoch[] = []
  const rates: number[] = []
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const losses: number[] = []
    const fractions = activations.map((): number[] => [])
    network.train(true)
    const shuffled = order.sample(subset.length, subset.length).map((index) => subset[index])
    for (let start = 0; start < shuffled.length; start += options.batch) {
      const batch = gather(
        dataset.training,
        shuffled.subarray(start, start + options.batch),
        options.standardize,
      )
      const loss = trainStep(network, optimizer, batch)
      losses.push(loss)
      activations.forEach(({ drawn }, layer) => {
        fractions[layer].push(drawn.activeFraction)
        if (drawn.rate !== null) rates.push(drawn.rate)
      })
      onStep(loss)
    }
    network.train(false)
    epochs.push({
      loss: mean(losses),
      testAccuracy: isEvaluated(epoch, options) ? testSet.accuracy(network) : null,
      activeFractions: fractions.map(mean),
    })
  }
  const run: Run = { method, seed, epochs, rates, parameters: digest(network.parameters) }
  if (measureMoments) {
    const { images } = gather(dataset.training, subset.subarray(0, MEASURED_IMAGES), options.standardize)
    const x = tf.tensor2d(images, [images.length / PIXELS, PIXELS])
    run.momentRatios = momentRatios(network, { x, hiddenLayers: HIDDEN_LAYERS, seed: seedOf('measurement') })
    x.dispose()
  }
  network.dispose()
  return run
}

/** Evenly spaced epochs that end with the last: a pass over all test images costs as much as 40 training steps. */
function isEvaluated(epoch: number, { epochs }: Options): boolean {
  return (epochs - 1 - epoch) % Math.ceil(epochs / MAX_EVALUATIONS) === 0
}

/** Plain dropout is jumpout with a fixed rate, no normalisation and exponent 1. */
function dropoutOptions(method: 'dropout' | 'jumpout', options: Options): JumpoutOptions {
  const { rate, sigma, draw, normalize, exponent } = options
  if (method === 'dropout') return { rate, normalize: false, exponent: 1 }
  return { ...(draw ? { sigma } : { rate }), normalize, exponent }
}

function makeActivation(
  method: Method,
  options: Options,
  seeding: { seed: bigint; layer: number },
): Activation {
  if (method === 'none') return new PlainRelu()
  return new ReluJumpout(new Jumpout({ ...dropoutOptions(method, options), ...seeding, relu: true }))
}

/** One step of gradient descent; returns the loss before it. */
function trainStep(network: Network, optimizer: Adam, { images, labels }: Batch): number {
  return tf.tidy(() => {
    const x = tf.tensor2d(images, [labels.length, PIXELS])
    const { value, grads } = tf.variableGrads(
      () => crossEntropy(network.logits(x), labels),
      network.parameters,
    )
    optimizer.update(grads)
    return value.dataSync()[0]
  })
}

function digest(parameters: readonly tf.Variable[]): string {
  const hash = createHash('sha256')
  for (const parameter of parameters) hash.update(parameter.dataSync())
  return hash.digest('hex')
}
