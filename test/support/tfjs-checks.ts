/** What holds on every backend of TensorFlow.js: results equal those on arrays by bits, and nothing is left behind. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-core'
import { type CallOptions, type GroupStats, jumpoutBackward, jumpoutForward } from 'jumpout'
import type { JumpoutOpOptions } from 'jumpout/tfjs'
import type { Test } from 'tap'
import { equalBits } from './bits'
import { revoked } from './inputs'
import { FIT, floatsOf, inputOf, layersOf, netOf, type Room, taskFor } from './tfjs'

const CASES: { shape: number[]; options?: Partial<JumpoutOpOptions> }[] = [
  { shape: [1000] },
  { shape: [33, 31], options: { relu: true } },
  { shape: [7, 5, 3, 9], options: { granularity: 'sample', relu: true } },
  { shape: [4, 6, 6, 8], options: { unit: 'channel', dataFormat: 'channelsFirst' } },
  { shape: [4, 6, 6, 8], options: { unit: 'channel' } },
  { shape: [4, 6, 6, 8], options: { unit: 'channel', granularity: 'sample', dataFormat: 'channelsLast' } },
  { shape: [50, 20], options: { rate: 0.5, exponent: 1, normalize: false } },
  { shape: [50, 20], options: { sigma: 0.3, pMin: 0.1, pMax: 0.5, maxRate: 0.4, call: 2n ** 40n } },
  { shape: [] },
  { shape: [0] },
  { shape: [0, 3], options: { granularity: 'sample' } },
  { shape: [300, 400], options: { relu: true } },
]

function checkResults(t: Test, room: Room): void {
  const { tf, jumpoutOp } = room
  for (const { shape, options = {} } of CASES) {
    const what = JSON.stringify({ shape, ...options, call: undefined })
    const x = inputOf(room, shape)
    const all = { seed: 2n ** 63n + 7n, ...options }
    const expected = jumpoutForward(floatsOf(x), {
      dataFormat: 'channelsLast',
      ...(all as CallOptions),
      shape,
    })
    let stats: unknown
    const y = jumpoutOp(x, { ...all, onStats: (found) => (stats = found) })
    t.strictSame([y.shape, y.dtype], [shape, 'float32'], what)
    equalBits(t, floatsOf(y), expected.output, `${what}: output`)
    t.strictSame(stats, expected.saved.stats(), `${what}: statistics`)
    const dy = inputOf(room, shape, 9)
    const dx = tf.grad((x: Tensor) => jumpoutOp(x, all))(x, dy)
    equalBits(t, floatsOf(dx), jumpoutBackward(floatsOf(dy), expected.saved), `${what}: gradient`)
    tf.dispose([x, y, dy, dx])
  }
  t.end()
}

/** Leaves no tensors, whatever the outcome. */
function checkTensors(t: Test, room: Room): void {
  const { tf, jumpoutOp } = room
  const x = inputOf(room, [64, 32])
  const left = (run: () => void): number => {
    const before = tf.memory().numTensors
    const ids = tf.engine().backend.numDataIds()
    run()
    t.equal(tf.engine().backend.numDataIds() - ids, tf.memory().numTensors - before, 'data as tensors')
    return tf.memory().numTensors - before
  }
  jumpoutOp(x, { seed: 1 }).dispose()
  t.equal(
    left(() => jumpoutOp(x, { seed: 1 }).dispose()),
    0,
    'outside of tidy',
  )
  t.equal(
    left(() => void jumpoutOp(x, { seed: 1 })),
    1,
    'the output is the caller’s',
  )
  t.equal(
    left(() => tf.tidy(() => void jumpoutOp(x, { seed: 1 }))),
    0,
    'in tidy',
  )
  const loss = (x: Tensor) => tf.sum(tf.square(jumpoutOp(jumpoutOp(x, { seed: 1 }), { seed: 1, call: 1 })))
  t.equal(
    left(() => tf.grad(loss)(x).dispose()),
    0,
    'a gradient',
  )
  const failing = (run: () => void) => () => t.throws(run)
  t.equal(left(failing(() => jumpoutOp(x, { seed: -1 }))), 0, 'a refused call')
  const onStats = () => {
    throw new Error('of the user')
  }
  t.equal(left(failing(() => jumpoutOp(x, { seed: 1, onStats }))), 0, 'a function that throws')
  t.end()
}

function checkGraphs(t: Test, room: Room): void {
  const { tf, jumpoutOp } = room
  const x = inputOf(room, [40, 25])
  const weight = 3
  const both = tf.grad((x: Tensor) => {
    const first = jumpoutOp(x, { seed: 5, relu: true })
    const second = jumpoutOp(x, { seed: 5, call: 1, granularity: 'sample' })
    return tf.sum(tf.add(first, tf.mul(second, weight)))
  })(x)
  const ones = new Float32Array(x.size).fill(1)
  const a = jumpoutBackward(ones, jumpoutForward(floatsOf(x), { seed: 5, relu: true }).saved)
  const b = jumpoutBackward(
    ones.map(() => weight),
    jumpoutForward(floatsOf(x), { seed: 5, call: 1, granularity: 'sample', shape: x.shape }).saved,
  )
  equalBits(
    t,
    floatsOf(both),
    a.map((value, i) => value + b[i]),
    'two applications in one graph',
  )

  const variable = tf.variable(tf.clipByValue(x, -2, 2))
  const lossOf = () => tf.mean<Scalar>(tf.square(jumpoutOp(variable as Tensor, { seed: 5 })))
  const { value, grads } = tf.variableGrads(lossOf)
  t.strictSame(
    Object.values(grads).map(({ shape }) => shape),
    [[40, 25]],
    'variableGrads',
  )
  const optimizer = tf.train.sgd(10)
  for (let step = 0; step < 20; ++step) optimizer.minimize(lossOf)
  t.ok(lossOf().dataSync()[0] < value.dataSync()[0], 'minimize')

  const first = tf.grad((x: Tensor) => tf.sum(tf.square(jumpoutOp(x, { seed: 5 }))))
  const second = tf.grad((x: Tensor) => tf.sum(first(x)))
  t.throws(() => second(x), { code: 'ERR_INVALID_STATE' }, 'a gradient of a gradient')
  t.end()
}

async function checkLayer(t: Test, room: Room): Promise<void> {
  const { tf, jumpout } = room
  const x = inputOf(room, [30, 10])
  const layer = jumpout({ relu: true, seed: 4, layer: 2 })
  t.equal(layer.stats, null)
  equalBits(t, floatsOf(layer.apply(x) as Tensor), floatsOf(tf.relu(x)), 'evaluation is ReLU alone')
  equalBits(t, floatsOf(jumpout().apply(x) as Tensor), floatsOf(x), 'or the identity')
  t.equal(layer.calls, 0n)
  const { Jumpout } = await import('jumpout')
  const plain = new Jumpout({ relu: true, seed: 4, layer: 2 })
  for (const call of [0, 1]) {
    const y = layer.apply(x, { training: true }) as Tensor
    equalBits(t, floatsOf(y), plain.forward(floatsOf(x)), `training, as the layer on arrays, call ${call}`)
    t.strictSame(layer.stats, plain.stats)
  }
  t.equal(layer.calls, 2n)
  layer.calls = 1
  const repeated = layer.apply(x, { training: true }) as Tensor
  equalBits(t, floatsOf(repeated), plain.call(floatsOf(x), { call: 1 }).output, 'a call that was set')

  const net = netOf(room)
  const { xs, ys } = taskFor(room)
  net.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' })
  await net.fit(xs, ys, { epochs: 1, ...FIT })
  const before = tf.memory().numTensors
  const { history } = await net.fit(xs, ys, { epochs: 4, ...FIT })
  t.equal(tf.memory().numTensors, before, 'training leaves no tensors')
  t.ok(history.loss[3] < history.loss[0], 'and learns')
  t.strictSame(
    layersOf(net).map(({ calls }) => calls),
    [15n, 15n],
    'one call per step',
  )
  const predictions = [0, 1].map(() => floatsOf(net.predict(xs) as Tensor))
  equalBits(t, predictions[0], predictions[1], 'predict draws nothing')
  net.evaluate(xs, ys, { batchSize: 32 })
  t.strictSame(
    layersOf(net).map(({ calls }) => calls),
    [15n, 15n],
    'nor does evaluate',
  )
  t.equal(net.getWeights().length, 6, 'counters are no weights')
}

async function checkSaving(t: Test, room: Room): Promise<void> {
  const { tf } = room
  const { xs, ys } = taskFor(room)
  const compiled = <T extends Pick<ReturnType<typeof netOf>, 'compile'>>(net: T): T => {
    net.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: 'categoricalCrossentropy' })
    return net
  }
  const fit = (net: Pick<ReturnType<typeof netOf>, 'fit'>, epochs: number) =>
    net.fit(xs, ys, { epochs, ...FIT })
  const options = { granularity: 'sample', sigma: 0.2, seed: 2n ** 64n - 3n, calls: 2n ** 60n + 1n } as const
  const whole = compiled(netOf(room, options))
  const parted = compiled(netOf(room, options))
  await fit(whole, 3)
  await fit(parted, 1)
  let artifacts: Parameters<typeof tf.io.fromMemory>[0] | undefined
  await parted.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = JSON.parse(JSON.stringify({ ...saved, weightData: undefined })) as typeof artifacts
      Object.assign(artifacts as object, { weightData: saved.weightData })
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
    { includeOptimizer: true },
  )
  const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts as never))
  t.strictSame(
    layersOf(loaded).map((layer) => layer.getConfig()),
    layersOf(parted).map((layer) => layer.getConfig()),
    'configurations',
  )
  t.strictSame(
    layersOf(loaded).map(({ calls }) => calls),
    [2n ** 60n + 4n, 2n ** 60n + 4n],
  )
  if (loaded.optimizer === undefined) compiled(loaded)
  await fit(loaded, 2)
  whole
    .getWeights()
    .forEach((weight, i) =>
      equalBits(t, floatsOf(loaded.getWeights()[i]), floatsOf(weight), `weight ${i} after going on`),
    )
  const clone = await tf.models.modelFromJSON(JSON.parse(JSON.stringify(whole.toJSON(null, false))) as never)
  t.strictSame(
    layersOf(clone).map((layer) => layer.getConfig()),
    layersOf(whole).map((layer) => layer.getConfig()),
  )
  clone.setWeights(whole.getWeights())
  const [ours, theirs] = [whole, clone].map((net) =>
    floatsOf(tf.tidy(() => net.apply(xs, { training: true }) as Tensor)),
  )
  equalBits(t, ours, theirs, 'a clone makes the next draws too')
}

/** Losses and statistics of every step of a training run. */
async function trainingRun(room: Room): Promise<{ losses: number[]; stats: GroupStats[] }> {
  const { tf } = room
  const net = netOf(room)
  const { xs, ys } = taskFor(room)
  net.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' })
  const losses: number[] = []
  const stats: GroupStats[] = []
  for (let step = 0; step < 8; ++step) {
    losses.push((await net.trainOnBatch(xs, ys)) as number)
    for (const layer of layersOf(net)) stats.push(...(layer.stats as GroupStats[]))
  }
  return { losses, stats }
}

/** Matrix products round differently, so that an input near 0 may be active on one backend alone: from there on all differs. */
async function checkLosses(t: Test, room: Room): Promise<void> {
  const { tf, backend } = room
  const here = await trainingRun(room)
  await tf.setBackend('cpu')
  const there = await trainingRun(room)
  await tf.setBackend(backend)
  const parting = here.stats.findIndex(({ active }, i) => active !== there.stats[i].active)
  const agreeing = parting < 0 ? here.stats.length : parting
  t.ok(agreeing >= 4, `counts agree in ${agreeing} of ${here.stats.length} applications`)
  t.strictSame(here.stats.slice(0, agreeing), there.stats.slice(0, agreeing), 'and rates while they do')
  here.losses.forEach((loss, step) => {
    const tolerance = 2 * step < agreeing ? 1e-4 : 5e-2
    t.ok(Math.abs(loss - there.losses[step]) < tolerance, `${loss}, on cpu ${there.losses[step]}`)
  })
  t.not(here.losses[0], here.losses[7])
}

/** What the layer is called with: one float32 tensor, or a list of one. */
function checkInputs(t: Test, room: Room): void {
  const { tf, jumpout, jumpoutOp } = room
  const x = tf.ones([4, 3])
  const layer = jumpout({ inputShape: [3], seed: 1 })
  const disposed = tf.ones([2, 3])
  disposed.dispose()
  const before = tf.memory().numTensors
  const type = { code: 'ERR_INVALID_ARG_TYPE' }
  for (const training of [false, true]) {
    for (const bad of [5, 'x', null, undefined, {}, [], [x, x], [5], [[x]], revoked([]), [revoked({})]])
      t.throws(() => layer.call(bad as Tensor, { training }), type)
    t.throws(() => layer.call(disposed, { training }), { code: 'ERR_INVALID_ARG_VALUE' })
    for (const bad of [5, null, [], revoked([]), revoked({}), [revoked({})]])
      t.throws(() => layer.apply(bad as Tensor, { training }), type)
  }
  for (const bad of [null, 5, revoked({})]) t.throws(() => layer.call(x, bad as never), type)
  t.throws(() => layer.apply(x, revoked({})), type)
  const { fromConfig } = layer.constructor as unknown as { fromConfig: (...args: unknown[]) => typeof layer }
  for (const bad of [null, undefined, 5, revoked({})])
    t.throws(() => fromConfig(layer.constructor, bad), type, 'fromConfig')
  const { rate } = fromConfig(layer.constructor, Object.create({ rate: 0.5 })).getConfig()
  t.equal(rate, 0.5, 'an inherited option')
  t.equal(layer.calls, 0n, 'none of them is counted')
  t.equal(tf.memory().numTensors, before)
  t.equal(layer.call([x], {}), x)

  let reads = 0
  const changing = {
    seed: 1,
    unit: 'channel',
    get dataFormat() {
      return ++reads === 1 ? 'channelsFirst' : undefined
    },
  } as const
  const image = inputOf(room, [4, 3, 5, 2])
  const expected = jumpoutForward(floatsOf(image), {
    ...changing,
    dataFormat: 'channelsFirst',
    shape: [4, 3, 5, 2],
  })
  reads = 0
  equalBits(t, floatsOf(jumpoutOp(image, changing)), expected.output, 'the options as they were read')
  t.equal(reads, 1, 'dataFormat is read once')
  t.end()
}

function checkArguments(t: Test, { tf, jumpout, jumpoutOp }: Room): void {
  const x = tf.ones([4, 3])
  const disposed = tf.ones([2])
  disposed.dispose()
  const nothing = () => undefined
  const lookalike = {
    data: nothing,
    dataSync: nothing,
    throwIfDisposed: nothing,
    dataId: {},
    dtype: 'float32',
  }
  const refused: [x: unknown, options: unknown, code: string, message: RegExp][] = [
    [[1, 2], { seed: 1 }, 'ERR_INVALID_ARG_TYPE', /a tensor for x, got an array of 2/],
    [null, { seed: 1 }, 'ERR_INVALID_ARG_TYPE', /a tensor for x, got null/],
    [revoked({}), { seed: 1 }, 'ERR_INVALID_ARG_TYPE', /a tensor for x, got an object/],
    [x, revoked({}), 'ERR_INVALID_ARG_TYPE', /an object for options/],
    [tf.ones([2], 'int32'), { seed: 1 }, 'ERR_INVALID_ARG_VALUE', /a float32 tensor for x, got one of int32/],
    [tf.tensor(['a']), { seed: 1 }, 'ERR_INVALID_ARG_VALUE', /string/],
    [disposed, { seed: 1 }, 'ERR_INVALID_ARG_VALUE', /a disposed one/],
    [lookalike, { seed: 1 }, 'ERR_INVALID_ARG_VALUE', /a tensor of this TensorFlow.js for x/],
    [x, undefined, 'ERR_INVALID_ARG_TYPE', /an object for options/],
    [x, {}, 'ERR_INVALID_ARG_TYPE', /options.seed, got undefined/],
    [x, { seed: 1.5 }, 'ERR_OUT_OF_RANGE', /options.seed/],
    [x, { seed: 1, call: 2n ** 63n }, 'ERR_OUT_OF_RANGE', /options.call/],
    [x, { seed: 1, rate: 1 }, 'ERR_OUT_OF_RANGE', /options.rate/],
    [x, { seed: 1, sgima: 1 }, 'ERR_INVALID_ARG_VALUE', /options of jumpoutOp .*did you mean 'sigma'\?/],
    [x, { seed: 1, shape: [4, 3] }, 'ERR_INVALID_ARG_VALUE', /'shape', an option of jumpoutForward/],
    [x, { seed: 1, training: true }, 'ERR_INVALID_ARG_VALUE', /functions always drop/],
    [x, { seed: 1, dataFormat: 'NHWC' }, 'ERR_INVALID_ARG_VALUE', /'channelsFirst' or 'channelsLast'/],
    [x, { seed: 1, onStats: 1 }, 'ERR_INVALID_ARG_TYPE', /a function for options.onStats/],
    [
      tf.ones([3]),
      { seed: 1, unit: 'channel' },
      'ERR_OUT_OF_RANGE',
      /rank 2 or more for x, got one of rank 1/,
    ],
    [tf.scalar(1), { seed: 1, granularity: 'sample' }, 'ERR_OUT_OF_RANGE', /rank 1 or more for x/],
  ]
  for (const [x, options, code, message] of refused)
    t.throws(() => jumpoutOp(x as Tensor, options as JumpoutOpOptions), { code, message }, String(message))

  const layers: [options: unknown, code: string, message: RegExp][] = [
    [null, 'ERR_INVALID_ARG_TYPE', /an object for options/],
    [{ seed: 'x' }, 'ERR_INVALID_ARG_VALUE', /a decimal string for options.seed/],
    [{ calls: -1 }, 'ERR_OUT_OF_RANGE', /options.calls/],
    [{ layer: 0.5 }, 'ERR_OUT_OF_RANGE', /options.layer/],
    ...['seed', 'calls', 'layer', 'rate', 'unit', 'relu', 'dataFormat'].map(
      (name): (typeof layers)[number] => [
        { [name]: null },
        'ERR_INVALID_ARG_TYPE',
        new RegExp(`options.${name}, got null`),
      ],
    ),
    [{ granularity: 'row' }, 'ERR_INVALID_ARG_VALUE', /options.granularity/],
    [{ dropout: 0.2 }, 'ERR_INVALID_ARG_VALUE', /options of the layer jumpout .*did you mean 'rate'\?/],
    [{ inputshape: [2] }, 'ERR_INVALID_ARG_VALUE', /did you mean 'inputShape'\?/],
  ]
  const Class = jumpout().constructor as unknown as { fromConfig: (...args: unknown[]) => unknown }
  for (const [options, code, message] of layers) {
    t.throws(() => jumpout(options as object), { code, message }, String(message))
    if (options !== null) t.throws(() => Class.fromConfig(Class, options), { code, message }, 'fromConfig')
  }
  const layer = jumpout({ calls: 2n ** 63n - 2n })
  layer.apply(x, { training: true })
  t.throws(() => layer.apply(x, { training: true }), { code: 'ERR_INVALID_STATE' }, 'all calls are used up')
  t.equal(jumpout(layer.getConfig() as object).calls, layer.calls, 'also where it was saved')
  t.throws(() => (layer.calls = -1), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => (layer.calls = 2n ** 63n), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => jumpout().apply(tf.ones([2], 'int32'), { training: true }), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
  t.end()
}

/** Runs all checks in this room. */
export function checkAll(t: Test, room: Room): void {
  t.equal(room.tf.getBackend(), room.backend)
  t.test('results equal those on arrays', (t) => checkResults(t, room))
  t.test('nothing is left behind', (t) => checkTensors(t, room))
  t.test('graphs, variables and optimizers', (t) => checkGraphs(t, room))
  t.test('the layer in training and evaluation', (t) => checkLayer(t, room))
  t.test('arguments', (t) => checkArguments(t, room))
  t.test('inputs of the layer', (t) => checkInputs(t, room))
  t.test('a saved model goes on with the very draws', (t) => checkSaving(t, room))
  t.test('the same losses as on cpu', (t) => checkLosses(t, room))
  t.end()
}
