/** One run: trains a net and evaluates it. */
import { createHash } from 'node:crypto'
import { foldIn, type GroupStats } from 'jumpout'
import { jumpoutOp } from 'jumpout/tfjs'
import { mean, rounding } from '../fashion-mnist/statistics'
import {
  CHANNELS,
  CLASSES,
  drawTraining,
  gather,
  rangeOf,
  shuffled,
  SIDE,
  type Dataset,
  type Split,
} from './data'
import { stepsPerEpoch, type Design, type Job } from './design'
import { metricsOf, type Metrics } from './metrics'
import { momentRatios, type MomentRatios } from './moments'
import { Network, type Activate } from './network'
import { fused, tf, type Optimizer, type Tensor4D } from './tfjs'

/** Plenty to plot. */
const round = rounding(4)

/** What a seed is folded with for each of its uses, the same for every method. */
const STREAM = { images: 1, weights: 2, order: 3, augmentation: 4, masks: 5, measurement: 6 }

const EVALUATED_AT_ONCE = 500
const MEASURED_IMAGES = 512
/** Per unit of rate. */
export const RATE_BINS = 100

export interface Result extends Metrics {
  /** Which images it was evaluated on. */
  readonly on: Split
  /** Mean training loss of each epoch. */
  readonly loss: readonly number[]
  /** The fraction of units that are active in training, [epoch][layer]. */
  readonly active: readonly (readonly number[])[]
  /** How many layers and steps had a base rate, and an applied rate, of i / 100 to (i + 1) / 100. */
  readonly rates: { readonly base: readonly number[]; readonly applied: readonly number[] }
  /** The mean rate that each layer applied. */
  readonly meanRates: readonly number[]
  /** The fraction of layers and steps whose rate was cut off at `maxRate`. */
  readonly capped: number
  readonly moments: readonly { readonly epoch: number; readonly ratios: readonly MomentRatios[] }[]
  /** SHA-256 of all parameters and averages: equal bits, equal digest. */
  readonly parameters: string
  /** Median, beside whatever else ran. */
  readonly secondsPerStep: number
  readonly seconds: number
}

/** The same design and job give the same bits on one kind of processor, but for the seconds. */
export async function train(
  dataset: Dataset,
  design: Design,
  job: Job,
  onEpoch: (loss: number) => Promise<void>,
): Promise<Result> {
  const start = performance.now()
  const seedOf = (use: keyof typeof STREAM) => foldIn(job.seed, STREAM[use])
  const subset = drawTraining(dataset, design.trainingPerClass, seedOf('images'))
  const network = new Network(design, seedOf('weights'))
  const optimizer = tf.train.momentum(design.learningRate, design.momentum)
  const epochs = design.epochs[job.stage]
  const steps = stepsPerEpoch(design)

  const masks = seedOf('masks')
  let step = 0
  const applied: GroupStats[][] = Array.from({ length: network.layers }, () => [])
  const activate: Activate = (x, layer) =>
    jumpoutOp(x, {
      ...(job.placement === 'all' || layer === network.layers - 1 ? job.options : { rate: 0 }),
      relu: true,
      seed: foldIn(masks, layer),
      call: step,
      onStats: ([stats]) => applied[layer].push(stats),
    })

  const loss: number[] = []
  const active: number[][] = []
  const times: number[] = []
  const moments: Result['moments'][0][] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(subset.length, foldIn(seedOf('order'), epoch)).map((index) => subset[index])
    const augmentation = foldIn(seedOf('augmentation'), epoch)
    const losses: number[] = []
    for (let batch = 0; batch < steps; batch++, step++) {
      const began = performance.now()
      const images = order.subarray(batch * design.batch, (batch + 1) * design.batch)
      const labels = Int32Array.from(images, (image) => dataset.labels[image])
      optimizer.setLearningRate(
        (design.learningRate * (1 + Math.cos((Math.PI * step) / (epochs * steps)))) / 2,
      )
      losses.push(
        trainStep(network, optimizer, design, gather(dataset, images, augmentation), labels, activate),
      )
      times.push((performance.now() - began) / 1000)
    }
    loss.push(round(mean(losses)))
    active.push(
      applied.map((stats) => round(mean(stats.slice(-steps).map(({ active, total }) => active / total)))),
    )
    if ((epoch + 1) % design.momentsEvery === 0 || epoch + 1 === epochs) {
      const images = imagesOf(gather(dataset, subset.subarray(0, MEASURED_IMAGES)))
      const ratios = momentRatios(network, images, foldIn(seedOf('measurement'), epoch))
      images.dispose()
      moments.push({ epoch: epoch + 1, ratios: ratios.map(round) })
    }
    await onEpoch(loss[epoch])
  }

  const on = job.stage === 'search' ? 'validation' : 'test'
  const metrics = evaluate(network, dataset, on, design.evaluated)
  const withLayer = job.placement === 'all' ? applied : applied.slice(-1)
  const all = withLayer.flat()
  const maxRate = job.options.maxRate ?? Infinity
  return {
    on,
    ...metrics,
    loss,
    active,
    rates: {
      base: histogramOf(all.map(({ rate }) => rate)),
      applied: histogramOf(all.map(({ effectiveRate }) => effectiveRate)),
    },
    meanRates: withLayer.map((stats) => round(mean(stats.map(({ effectiveRate }) => effectiveRate)))),
    capped: round(all.filter(({ effectiveRate }) => effectiveRate >= maxRate).length / all.length),
    moments,
    parameters: digest(network),
    secondsPerStep: round(times.sort((a, b) => a - b)[times.length >> 1]),
    seconds: round((performance.now() - start) / 1000),
  }
}

/** One step of gradient descent; returns the loss before it, without weight decay. */
function trainStep(
  network: Network,
  optimizer: Optimizer,
  { weightDecay }: Design,
  images: Float32Array,
  labels: Int32Array,
  activate: Activate,
): number {
  return tf.tidy(() => {
    const x = imagesOf(images)
    const truth = tf.tensor1d(labels, 'int32')
    const { value, grads } = tf.variableGrads(
      () => tf.mean(fused.softmaxCrossEntropy(network.logits(x, activate, true), truth)),
      [...network.parameters],
    )
    for (const weight of network.weights)
      grads[weight.name] = tf.add(grads[weight.name], tf.mul(weight, weightDecay))
    optimizer.applyGradients(grads)
    return value.dataSync()[0]
  })
}

function evaluate(network: Network, dataset: Dataset, split: Split, count: number): Metrics {
  const [first, end] = rangeOf(dataset, split)
  const indices = Uint32Array.from({ length: Math.min(count, end - first) }, (_, i) => first + i)
  const logits = new Float32Array(indices.length * CLASSES)
  for (let start = 0; start < indices.length; start += EVALUATED_AT_ONCE) {
    const images = gather(dataset, indices.subarray(start, start + EVALUATED_AT_ONCE))
    const values = tf.tidy(() =>
      network.logits(imagesOf(images), (x) => fused.relu(x), false).dataSync<'float32'>(),
    )
    logits.set(values, start * CLASSES)
  }
  return metricsOf(
    logits,
    Uint8Array.from(indices, (image) => dataset.labels[image]),
    CLASSES,
  )
}

const imagesOf = (values: Float32Array): Tensor4D =>
  tf.tensor4d(values, [values.length / (SIDE * SIDE * CHANNELS), SIDE, SIDE, CHANNELS])

/** Bins after the last that is not empty are left out. */
function histogramOf(rates: readonly number[]): number[] {
  const counts: number[] = []
  for (const rate of rates) {
    const bin = Math.floor(rate * RATE_BINS + 1e-9) // 0.29 * 100 is a little less than 29
    while (counts.length <= bin) counts.push(0)
    counts[bin]++
  }
  return counts
}

function digest(network: Network): string {
  const hash = createHash('sha256')
  for (const tensor of network.state) hash.update(tensor.dataSync())
  return hash.digest('hex')
}
