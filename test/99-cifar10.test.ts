/** examples/cifar10: its measures, its design and its files; the runs themselves are in test/long. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import t, { type Test } from 'tap'
import { compare, verdictOf } from '../examples/cifar10/comparison'
import {
  CHANNELS,
  checkDataset,
  dataFile,
  dataIsThere,
  drawTraining,
  gather,
  PIXELS,
  rangeOf,
  readDataset,
  SIDE,
  writeDataset,
} from '../examples/cifar10/data'
import {
  choose,
  digestOf,
  finalJobs,
  FULL,
  optionsOf,
  PLACEMENTS,
  QUICK,
  SEARCHED,
  searchJobs,
  stepsPerEpoch,
} from '../examples/cifar10/design'
import { metricsOf } from '../examples/cifar10/metrics'
import {
  fileOf,
  lock,
  openResults,
  processorOfSeeds,
  readLines,
  type Line,
} from '../examples/cifar10/results'
import { confidenceInterval } from '../examples/fashion-mnist/statistics'
import { smallDataset } from './support/cifar10'
import { root } from './support/program'
import { withTfjsNode } from './support/tfjs-node'

const close = (t: Test, found: number, expected: number, what: string, tolerance = 1e-12) =>
  t.ok(Math.abs(found - expected) <= tolerance, `${what}: ${found}, expected ${expected}`)

t.test('measures', (t) => {
  // Largest probabilities 0.9, 0.9 and 0.62: a bin with two images, and one with one.
  const logit = (p: number) => Math.log(p / (1 - p))
  const logits = [logit(0.9), 0, logit(0.9), 0, 0, logit(0.62)]
  const { accuracy, nll, ece } = metricsOf(logits, [0, 1, 1], 2)
  close(t, accuracy, 2 / 3, 'accuracy')
  close(t, nll, -(Math.log(0.9) + Math.log(0.1) + Math.log(0.62)) / 3, 'NLL')
  close(t, ece, (Math.abs(1 - 1.8) + Math.abs(1 - 0.62)) / 3, 'ECE')
  t.strictSame(metricsOf([1000, 0], [1], 2), { accuracy: 0, nll: 1000, ece: 1 }, 'no overflow')
  const even = metricsOf([5, 5, 5, 5], [0], 4)
  t.equal(even.accuracy, 1, 'of equals, the first')
  close(t, even.nll, Math.log(4), 'NLL of equals')
  t.end()
})

/** P(T <= x) by Simpson's rule, for x > 0. */
function studentCdf(x: number, freedom: number): number {
  const density = (u: number) => (1 + (u * u) / freedom) ** (-(freedom + 1) / 2)
  const integral = (from: (i: number) => number, n = 20_000) => {
    let sum = 0
    for (let i = 0; i <= n; i++) sum += from(i / n) * (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2)
    return sum / 3 / n
  }
  const upTo = integral((s) => x * density(s * x))
  // The whole half-line, by u = tan(a).
  const half = integral((s) => {
    const a = (s * Math.PI) / 2
    return (Math.PI / 2) * (s === 1 ? (freedom === 1 ? 1 : 0) : density(Math.tan(a)) / Math.cos(a) ** 2)
  })
  return 0.5 + upTo / half / 2
}

t.test('intervals', (t) => {
  for (let count = 2; count <= 16; count++) {
    const [, high] = confidenceInterval({ mean: 0, standardError: 1 }, count) ?? [NaN, NaN]
    close(t, studentCdf(high, count - 1), 0.975, `${count} values`, 1e-5)
  }
  t.equal(confidenceInterval({ mean: 1, standardError: null }, 1), null)
  t.throws(() => confidenceInterval({ mean: 1, standardError: 1 }, 17), RangeError)
  t.end()
})

t.test('the verdict is that of the table in docs/reproduction.md', (t) => {
  t.equal(verdictOf('accuracy', 0.006, [0.001, 0.011]), 'supports')
  t.equal(verdictOf('accuracy', 0.006, [-0.001, 0.013]), 'undecided')
  t.equal(verdictOf('accuracy', 0.003, [0.001, 0.006]), 'undecided')
  t.equal(verdictOf('accuracy', 0.003, [0.001, 0.0049]), 'refutes', 'real, but too small')
  t.equal(verdictOf('accuracy', -0.01, [-0.02, 0.0049]), 'refutes')
  t.equal(verdictOf('nll', -0.03, [-0.05, -0.01]), 'supports', 'less is better')
  t.equal(verdictOf('nll', 0.03, [0.01, 0.05]), 'refutes')
  t.equal(verdictOf('accuracy', 0.1, null), 'undecided')
  t.end()
})

/** The lines of finished runs, as far as comparisons read them. */
const lineOf = (method: string, seed: number, accuracy: number, more: Partial<Line> = {}): Line =>
  ({
    stage: 'final',
    placement: 'all',
    method,
    strength: 0,
    seed,
    accuracy,
    nll: 1,
    ece: 0,
    options: {},
    ...more,
  }) as Line

t.test('differences are paired by seed', (t) => {
  const lines = [
    ...FULL.seeds.final.map((seed) => lineOf('dropout', seed, seed / 100)),
    ...[...FULL.seeds.final]
      .reverse()
      .map((seed) => lineOf('jumpout', seed, seed / 100 + 0.01 + (seed % 2) * 0.002)),
  ]
  const [primary, ...others] = compare(FULL, lines)
  t.strictSame(others, [])
  t.equal(primary.pairs, 8)
  const { mean, standardError, interval, verdict } = primary.measures.accuracy
  close(t, mean, 0.011, 'mean')
  const error = 0.001 * Math.sqrt(8 / 7 / 8)
  close(t, standardError ?? NaN, error, 'standard error')
  close(t, interval?.[0] ?? NaN, 0.011 - 2.3646 * error, 'interval')
  t.equal(verdict, 'supports')
  t.equal(compare(FULL, lines.slice(0, -1))[0].measures.accuracy.verdict, 'incomplete')
  t.end()
})

t.test('the design', (t) => {
  const text = readFileSync(join(root, 'docs', 'reproduction.md'), 'utf8')
  for (const placement of PLACEMENTS)
    for (const method of SEARCHED) {
      const row = new RegExp(`^\\| \`${placement}\` +\\| \`${method}\` +\\| ([\\d., ]+?) +\\|$`, 'm').exec(
        text,
      )
      t.strictSame(row?.[1].split(', ').map(Number), FULL.grids[placement][method], `${placement}, ${method}`)
    }
  const search = searchJobs(FULL)
  t.equal(search.length, 38)
  t.match(text, /in all 38 runs/)
  t.equal(stepsPerEpoch(FULL), 39)

  const runs = search.map((job) => ({
    ...job,
    accuracy: job.strength === 0.04 ? 0.7 : 0.6,
    active: [[0.4], [0.6]],
  }))
  const chosen = choose(FULL, runs)
  t.strictSame(
    chosen.map(({ placement, method, strength, atEdge }) => [placement, method, strength, atEdge]),
    [
      ['all', 'dropout', 0.01, true], // of equals the smaller
      ['all', 'jumpout', 0.04, false],
      ['dense', 'dropout', 0.1, true],
      ['dense', 'jumpout', 0.04, true],
    ],
  )
  const final = finalJobs(FULL, chosen)
  t.equal(final.length, 56)
  t.match(text, /56 runs/)
  t.strictSame(
    search.filter(({ seed }) => FULL.seeds.final.includes(seed)),
    [],
    'fresh seeds',
  )
  const optionsIn = (method: string) => final.find((job) => job.method === method)?.options
  t.strictSame(optionsIn('none'), { rate: 0 })
  t.strictSame(optionsIn('dropout-0.75'), { ...optionsIn('dropout'), exponent: 0.75 })
  const jumpout = { sigma: 0.04, pMin: 0.01, pMax: 0.6, maxRate: 0.6, exponent: 0.75, normalize: true }
  t.strictSame(optionsIn('jumpout'), jumpout)
  t.strictSame(optionsIn('jumpout-less-3'), { ...jumpout, exponent: 1 })
  t.strictSame(optionsIn('jumpout-less-2'), { ...jumpout, sigma: 0.08, pMin: 0.02, normalize: false })
  const { rate, ...others } = optionsOf('jumpout-less-1', 0.04)
  close(t, rate ?? NaN, 0.01 + 0.04 * 0.7978845608, 'the mean of the half-Gaussian', 1e-10)
  t.strictSame(others, { normalize: true, maxRate: 0.6, exponent: 0.75 })
  t.not(digestOf(FULL), digestOf(QUICK))
  t.equal(finalJobs(QUICK, chosen).length, 14)
  t.end()
})

/** What augmentation may do. */
const changes = [false, true].flatMap((mirrored) =>
  Array.from({ length: 81 }, (_, i) => ({ mirrored, down: Math.floor(i / 9) - 4, right: (i % 9) - 4 })),
)

t.test('images', async (t) => {
  const dataset = smallDataset()
  t.strictSame(rangeOf(dataset, 'validation'), [400, 500])
  t.strictSame(rangeOf(dataset, 'test'), [500, 600])
  const drawn = drawTraining(dataset, 7, 3n)
  t.equal(new Set(drawn).size, 70)
  t.ok(
    drawn.every((image) => image < 400),
    'of the training images',
  )
  for (let label = 0; label < 10; label++)
    t.equal(drawn.filter((image) => dataset.labels[image] === label).length, 7, `class ${label}`)
  t.strictSame(drawTraining(dataset, 7, 3n), drawn)
  t.notSame(drawTraining(dataset, 7, 4n), drawn)

  const image = gather(dataset, [5])
  close(t, image[4], (dataset.pixels[5 * PIXELS + 4] / 255 - 0.4822) / 0.2435, 'standardised', 1e-6)
  const at = (values: Float32Array, y: number, x: number, c: number) =>
    y < 0 || y >= SIDE || x < 0 || x >= SIDE ? 0 : values[(y * SIDE + x) * CHANNELS + c]
  const seen = new Set<string>()
  for (let seed = 0n; seed < 200n; seed++) {
    const changed = gather(dataset, [5], seed)
    const how = changes.filter(({ mirrored, down, right }) =>
      changed.every((value, i) => {
        const [c, x, y] = [i % 3, Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)]
        return value === at(image, y - down, (mirrored ? SIDE - 1 - x : x) - right, c)
      }),
    )
    if (how.length !== 1) t.fail(`seed ${seed}: ${how.length} shifts explain it`)
    seen.add(JSON.stringify(how))
  }
  t.ok(seen.size > 90, `${seen.size} of 162 changes in 200`)

  const file = join(t.testdir({}), 'folder', 'images')
  await writeDataset(dataset, file)
  const read = await readDataset(file)
  t.ok(dataset.pixels.every((value, i) => read.pixels[i] === value) && read.labels.length === 600)
  const bytes = readFileSync(file)
  bytes[1000] ^= 1
  writeFileSync(file, bytes)
  await t.rejects(readDataset(file), /is damaged/)
})

t.test('other images are refused', (t) => {
  const labels = Uint8Array.from({ length: 60_000 }, (_, i) => i % 10)
  const pixels = new Uint8Array(60_000 * PIXELS)
  t.throws(() => checkDataset({ labels: labels.subarray(1), pixels }), /59999 labels/)
  t.throws(() => checkDataset({ labels, pixels: pixels.subarray(1) }), /184319999 bytes/)
  t.throws(() => checkDataset({ labels, pixels }), /means 0\.0000, 0\.0000, 0\.0000/)
  labels[59_999] = 0
  t.throws(() => checkDataset({ labels, pixels }), /test images by class: 1001, 1000, .*, 999$/)
  labels[3] = 11
  t.throws(() => checkDataset({ labels, pixels }), /training images by class: 5000, 5000, 5000, 4999/)
  t.end()
})

t.test(
  'those of the package',
  { skip: !dataIsThere() && `no ${dataFile}: npm run train:cifar10 makes it` },
  async (t) => {
    const dataset = await readDataset()
    checkDataset(dataset)
    t.strictSame(rangeOf(dataset, 'test'), [50_000, 60_000])
  },
)

t.test('results on disk', (t) => {
  const folder = t.testdir({})
  const line = (seed: number, more: Partial<Line> = {}) =>
    lineOf('none', seed, 0.5, { stage: 'search', design: 'a', processor: 'p', ...more })
  t.strictSame(readLines(folder, 'search', 'a'), [])
  const first = openResults(folder, 'search')
  first(line(1))
  first(line(2))
  appendFileSync(fileOf(folder, 'search'), '{"stage":"sea') // as if killed while it was written
  t.strictSame(
    readLines(folder, 'search', 'a').map(({ seed }) => seed),
    [1, 2],
  )
  openResults(folder, 'search')(line(3))
  t.strictSame(
    readLines(folder, 'search', 'a').map(({ seed }) => seed),
    [1, 2, 3],
  )
  t.throws(() => readLines(folder, 'search', 'b'), /of another design/)
  openResults(folder, 'search')(line(3))
  t.throws(() => readLines(folder, 'search', 'a'), /a run twice/)
  const other = t.testdir({ other: {} })
  const add = openResults(other, 'final')
  add(line(1))
  add(line(2, { processor: 'q' }))
  t.strictSame(
    [...processorOfSeeds(readLines(other, 'final', 'a'), 'final.jsonl')],
    [
      [1, 'p'],
      [2, 'q'],
    ],
  )
  add(line(1, { placement: 'dense', processor: 'q' }))
  t.throws(() => readLines(other, 'final', 'a'), /mixes processors in seed 1: p; q/)
  t.end()
})

t.test('one program at a time', (t) => {
  const folder = t.testdir({})
  const unlock = lock(folder)
  t.throws(() => lock(folder), new RegExp(`process ${process.pid} makes the runs`))
  unlock()
  t.notOk(existsSync(join(folder, '.lock')))
  writeFileSync(join(folder, '.lock'), '4194305') // more than any process number of Linux
  lock(folder)()
  t.end()
})

t.test('batch norm with averages, as TensorFlow.js computes it', withTfjsNode, (t) => {
  const { tf, fused } = require('../examples/cifar10/tfjs') as typeof import('../examples/cifar10/tfjs')
  const x: Tensor2D = tf.randomNormal([40, 3], 2, 3, 'float32', 1)
  const [scale, offset] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([-1, 0, 1])]
  const averages = { mean: tf.variable(tf.zeros([3])), variance: tf.variable(tf.ones([3])), weight: 0.1 }
  const near = (found: Tensor, expected: Tensor, what: string) => {
    const values = expected.dataSync()
    found.dataSync().forEach((value, i) => close(t, value, values[i], `${what} ${i}`, 1e-4))
  }
  const { mean, variance } = tf.moments(x, 0)
  const y = fused.batchNorm(x, scale, offset, averages)
  near(y, tf.batchNorm(x, mean as Tensor1D, variance as Tensor1D, offset, scale, 1e-3), 'training')
  near(y, fused.batchNorm(x, scale, offset), 'training without averages')
  near(averages.mean, tf.mul(mean, 0.1), 'mean')
  near(averages.variance, tf.add(0.9, tf.mul(variance, (0.1 * 40) / 39)), 'variance, without bias')
  const expected = tf.batchNorm(
    x,
    averages.mean as unknown as Tensor1D,
    averages.variance as unknown as Tensor1D,
    offset,
    scale,
    1e-3,
  )
  near(fused.batchNormEvaluated(x, scale, offset, averages), expected, 'evaluation')
  const gradient = (norm: (x: Tensor) => Tensor) => tf.grad((x) => tf.sum(tf.square(norm(x))))(x)
  near(
    gradient((x) => fused.batchNorm(x as Tensor2D, scale, offset, averages)),
    gradient((x) => fused.batchNorm(x as Tensor2D, scale, offset)),
    'gradient',
  )
  t.end()
})
