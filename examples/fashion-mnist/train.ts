import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import { foldIn, type GroupStats } from 'jumpout'
import { CLASSES, gather, PIXELS, TRAINING_IMAGES, type Batch, type Dataset } from './data'
import { momentRatios, type MomentRatio } from './moments'
import { logitsOf, makeNetwork, parametersOf, tfSeed, type Network } from './network'
import { stepsPerRun, type Method, type Options } from './options'
import { mean } from './statistics'
import type { TestSet } from './test-set'

const MAX_EVALUATIONS = 10
const MEASURED_IMAGES = 1000
const MOMENTUM = 0.9

/** What a seed is folded with for each of its uses. Every method gets the same images, weights and order. */
const STREAM = { images: 1, weights: 2, order: 3, masks: 4, measurement: 5 }

export interface Epoch {
  /** Mean training loss. */
  loss: number
  /** Fraction of all test images classified correctly after this epoch; null where it was not measured. */
  testAccuracy: number | null
  /** Of each hidden layer, mean over the epoch's steps: the fraction of the ReLU's inputs that were above 0. */
  activeFractions: number[]
  /** And its rates, before and after the division by that fraction. */
  baseRates: number[]
  appliedRates: number[]
}

export interface Run {
  method: Method
  seed: number
  epochs: Epoch[]
  /** Base rates of all layers and steps; empty without dropout. */
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
  const subset = shuffled(TRAINING_IMAGES, seedOf('images')).subarray(0, options.images)
  const network = makeNetwork(method, options, { weights: seedOf('weights'), masks: seedOf('masks') })
  const parameters = parametersOf(network)
  const optimizer = tf.train.momentum(options.learningRate, MOMENTUM)

  const epochs: Epoch[] = []
  const rates: number[] = []
  let step = 0
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const losses: number[] = []
    const statistics = network.activations.map((): GroupStats[] => [])
    const order = shuffled(subset.length, foldIn(seedOf('order'), epoch)).map((index) => subset[index])
    for (let start = 0; start < order.length; start += options.batch) {
      const images = order.subarray(start, start + options.batch)
      optimizer.setLearningRate(options.learningRate * halfCosine(step++ / stepsPerRun(options)))
      const loss = trainStep(
        network,
        parameters,
        optimizer,
        gather(dataset.training, images, options.standardize),
      )
      losses.push(loss)
      network.activations.forEach((activation, layer) => statistics[layer].push(...(activation.stats ?? [])))
      onStep(loss)
    }
    if (method !== 'none') rates.push(...statistics.flat().map(({ rate }) => rate))
    epochs.push({
      loss: mean(losses),
      testAccuracy: isEvaluated(epoch, options) ? testSet.accuracy(network) : null,
      activeFractions: means(statistics, ({ active, total }) => active / total),
      baseRates: means(statistics, ({ rate }) => rate),
      appliedRates: means(statistics, ({ effectiveRate }) => effectiveRate),
    })
  }
  const run: Run = { method, seed, epochs, rates, parameters: digest(parameters) }
  if (measureMoments) {
    const { images } = gather(dataset.training, subset.subarray(0, MEASURED_IMAGES), options.standardize)
    const x = tf.tensor2d(images, [images.length / PIXELS, PIXELS])
    run.momentRatios = momentRatios(network, x, seedOf('measurement'))
    x.dispose()
  }
  optimizer.dispose()
  network.model.dispose()
  return run
}

/** 0 to count - 1 in random order: sorted by random keys. */
function shuffled(count: number, seed: bigint): Uint32Array {
  const keys = tf.tidy(() => tf.randomUniform([count], 0, 1, 'float32', tfSeed(seed)).dataSync())
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a] - keys[b])
}

const means = (statistics: readonly GroupStats[][], quantity: (stats: GroupStats) => number): number[] =>
  statistics.map((steps) => mean(steps.map(quantity)))

/** From 1 to 0 as `done` goes from 0 to 1. */
const halfCosine = (done: number): number => (1 + Math.cos(Math.PI * done)) / 2

/** Evenly spaced epochs that end with the last: a pass over all test images costs as much as 40 training steps. */
function isEvaluated(epoch: number, { epochs }: Options): boolean {
  return (epochs - 1 - epoch) % Math.ceil(epochs / MAX_EVALUATIONS) === 0
}

/** One step of gradient descent; returns the loss before it. */
function trainStep(
  network: Network,
  parameters: tf.Variable[],
  optimizer: tf.Optimizer,
  { images, labels }: Batch,
): number {
  return tf.tidy(() => {
    const x = tf.tensor2d(images, [labels.length, PIXELS])
    const truth = tf.oneHot(labels, CLASSES)
    const { value, grads } = tf.variableGrads(
      () => tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(truth, logitsOf(network, x, true)),
      parameters,
    )
    optimizer.applyGradients(grads)
    return value.dataSync()[0]
  })
}

function digest(parameters: readonly tf.Variable[]): string {
  const hash = createHash('sha256')
  for (const parameter of parameters) hash.update(parameter.dataSync())
  return hash.digest('hex')
}
