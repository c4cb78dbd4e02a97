/**
 * Trains the net of examples/fashion-mnist on the ranks of an MPI run, or in one process:
 *
 *   npx tsx examples/mpi/train.ts
 *   mpirun -n 4 npx tsx examples/mpi/train.ts
 *
 * Both print the same hashes of all masks and of the parameters; README.md says why, and what the flags are for.
 */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { foldIn } from 'jumpout'
import { CLASSES, datasetOver, defaultCacheFile, gather, loadPixels, PIXELS } from '../fashion-mnist/data'
import { RankJumpout, ReLU } from './activation'
import { connect, type Communicator } from './communicator'
import { Network, uniform } from './network'

const SIZES = [PIXELS, 128, 128, CLASSES]
const BATCH = 32
/** Rows whose gradients are summed first, the same for every number of ranks. */
const MICRO_BATCH = 8
const MOMENTUM = 0.9
const TEST_IMAGES = 1000
/** What the seed is folded with for each of its uses. */
const STREAM = { weights: 1, images: 2, masks: 3 }

interface Options {
  readonly steps: number
  readonly seed: bigint
  readonly learningRate: number
  /** How the ranks add their gradients: see `wholeGradient`. */
  readonly gradients: 'gathered' | 'reduced'
  /** One mask over all ranks, or one for each: see `RankJumpout`. */
  readonly masks: 'shared' | 'independent'
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value)))
    throw new Error(`--${flag} takes a number above 0, not '${text}'`)
  return value
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      'learning-rate': { type: 'string', default: '0.005' },
      gradients: { type: 'string', default: 'gathered' },
      masks: { type: 'string', default: 'shared' },
    },
  })
  const { gradients, masks } = values
  if (gradients !== 'gathered' && gradients !== 'reduced')
    throw new Error(`--gradients takes gathered or reduced, not '${gradients}'`)
  if (masks !== 'shared' && masks !== 'independent')
    throw new Error(`--masks takes shared or independent, not '${masks}'`)
  return {
    steps: positive('steps', values.steps),
    seed: BigInt(values.seed),
    learningRate: positive('learning-rate', values['learning-rate']),
    gradients,
    masks,
  }
}

/** Makes the logits [rows, classes] their gradient, for a mean over a batch, and gives the losses, one per row. */
function crossEntropy(logits: Float32Array, labels: Int32Array): Float32Array {
  return Float32Array.from(labels, (label, row) => {
    const scores = logits.subarray(row * CLASSES, (row + 1) * CLASSES)
    const largest = Math.max(...scores)
    const sum = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)
    const loss = Math.log(sum) + largest - scores[label]
    for (let c = 0; c < CLASSES; c++) {
      scores[c] = (Math.exp(scores[c] - largest) / sum - (c === label ? 1 : 0)) / BATCH
    }
    return loss
  })
}

/**
 * The gradient of the whole batch, on every rank, from `own`, one gradient per micro-batch of this rank.
 *
 * 'gathered': the micro-batches of all ranks, summed here in their order. The bits do not depend on the number of ranks.
 * 'reduced': MPI adds the ranks' sums: a message of one gradient, not of one per micro-batch, but the order of the sum, and
 * with it the last bits, depends on the number of ranks.
 */
function wholeGradient(
  world: Communicator,
  own: readonly Float32Array[],
  how: Options['gradients'],
): Float32Array {
  const sum = new Float32Array(own[0].length)
  const parts = how === 'gathered' ? own.map((part) => world.gather(part)) : own
  const ranks = how === 'gathered' ? world.size : 1
  for (let rank = 0; rank < ranks; rank++) {
    for (const part of parts) {
      const gradient = part.subarray(rank * sum.length, (rank + 1) * sum.length)
      for (let i = 0; i < sum.length; i++) sum[i] += gradient[i]
    }
  }
  if (how === 'reduced') world.sum(sum)
  return sum
}

const sha256 = (arrays: readonly (Float32Array | Uint32Array)[]): string =>
  arrays.reduce((hash, array) => hash.update(array), createHash('sha256')).digest('hex')

/** Of the first test images of each class. */
function accuracy(network: Network, { images, labels }: ReturnType<typeof gather>): number {
  const logits = network.forward(
    images,
    SIZES.slice(1, -1).map(() => new ReLU()),
  )
  const right = labels.filter((label, row) => {
    const scores = logits.subarray(row * CLASSES, (row + 1) * CLASSES)
    return scores.indexOf(Math.max(...scores)) === label
  })
  return right.length / labels.length
}

async function train(world: Communicator, options: Options): Promise<void> {
  const { steps, seed, learningRate, gradients, masks } = options
  const rows = BATCH / world.size
  if (rows % MICRO_BATCH !== 0)
    throw new Error(`${BATCH / MICRO_BATCH} micro-batches cannot be dealt to ${world.size} ranks`)
  const { training, test } = datasetOver(await loadPixels(defaultCacheFile()))
  const imageSeed = foldIn(seed, STREAM.images)
  const trainingImages = training.pixels.length / PIXELS
  const activations = SIZES.slice(1, -1).map(
    (_, layer) => new RankJumpout(world, foldIn(foldIn(seed, STREAM.masks), layer), masks === 'shared'),
  )
  const network = new Network(SIZES, foldIn(seed, STREAM.weights))
  const { parameters } = network
  const velocity = new Float32Array(parameters.length)
  const print = (line: string) => {
    if (world.rank === 0) console.log(line)
  }

  const history = createHash('sha256')
  for (let step = 0; step < steps; step++) {
    const began = sha256([parameters])
    const first = step * BATCH + world.rank * rows // of this rank's rows, among those of all steps
    const chosen = Array.from({ length: rows }, (_, row) =>
      Math.floor(uniform(imageSeed, first + row) * trainingImages),
    )
    const { images, labels } = gather(training, chosen, true)
    const logits = network.forward(images, activations)
    const losses = crossEntropy(logits, labels)
    const gradient = wholeGradient(world, network.backward(logits, activations, MICRO_BATCH), gradients)
    for (let i = 0; i < parameters.length; i++) {
      velocity[i] = MOMENTUM * velocity[i] + gradient[i]
      parameters[i] -= learningRate * velocity[i]
    }

    // What follows is for the comparison of runs: training needs none of it.
    const drawn = sha256(activations.map(({ mask }) => world.gather(mask)))
    const loss = world.gather(losses).reduce((sum, loss) => sum + loss, 0) / BATCH
    const active = activations.map(({ active }) => active).join(' ')
    history.update(drawn)
    print(`step ${step} parameters ${began} active ${active} masks ${drawn} loss ${loss.toFixed(4)}`)
  }

  const digest = sha256([parameters])
  const digests = Buffer.from(world.gather(new Uint32Array(Buffer.from(digest, 'hex'))))
  if (!digests.equals(Buffer.from(digest.repeat(world.size), 'hex')))
    throw new Error('the parameters of the ranks differ')
  const tested = Array.from(
    { length: TEST_IMAGES },
    (_, i) => (i * test.pixels.length) / PIXELS / TEST_IMAGES,
  )
  print(`test accuracy ${accuracy(network, gather(test, tested, true)).toFixed(3)} on ${TEST_IMAGES} images`)
  print(`masks ${history.digest('hex')}`)
  print(`parameters ${digest}`)
}

async function main(): Promise<void> {
  const options = parseOptions()
  const world = await connect()
  await train(world, options)
  world.close()
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1) // mpirun then ends the other ranks, which may wait for this one
})
