/** jumpout's operations, run by name in tfjs-node. The first argument chooses what; prints 'done' where all of it holds. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jumpoutBackward, jumpoutForward, type JumpoutOptions } from 'jumpout'
import { binary, descriptor, native } from '../../lib/native'
import { tensorflowOps } from '../../lib/tfjs/tensorflow'
import { assertSame } from '../support/bits'
import { root } from '../support/program'
import { loadTfjsNode, tfjsNodeFolder, type Tensor, type TfjsNode } from '../support/tfjs-node'
import { message, report, runProgramFile, startWorker } from '../support/workers'

type Ops = ReturnType<typeof tensorflowOps>
type Options = JumpoutOptions & { readonly seed: number; readonly call?: number }

const made = new Map<string, Float32Array>()

/** The same array for the same arguments. */
function numbers(length: number, seed = 1): Float32Array {
  const key = `${length} ${seed}`
  const known = made.get(key) ?? Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed))
  made.set(key, known)
  return known
}

const product = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1)

/** The last call of the library in this thread, as the operation takes it. */
const describedCall = (): Int32Array => new Int32Array(descriptor.slice(0, native.fields.length).buffer)

const bitsOf = (array: Int32Array): Uint32Array => new Uint32Array(array.slice().buffer)
const ints = (tensor: Tensor): Uint32Array => bitsOf(tensor.dataSync() as Int32Array)

/** Forward and gradient against the library; what is left are the tensors given to them. */
function compare(tf: TfjsNode, ops: Ops, shape: readonly number[], options: Options, x?: Float32Array): void {
  const backend = tf.backend()
  const values = x ?? numbers(product(shape), shape.length)
  const gradient = numbers(values.length, 7)
  const { output, saved } = jumpoutForward(values, options)
  const given: Tensor[] = []
  const tensor = (array: Float32Array | Int32Array, shape: readonly number[], dtype: string) => {
    given.push(tf.tensor(array, shape, dtype))
    return given[given.length - 1]
  }
  const call = describedCall()
  const described = tensor(call, [call.length], 'int32')
  const inputs = [tensor(values, shape, 'float32'), described]
  const [y, kept] = backend.executeMultipleOutputs(ops.forward, [], inputs, 2)
  const dy = tensor(gradient, shape, 'float32')
  const [dx] = backend.executeMultipleOutputs(ops.gradient, [], [dy, kept], 1)
  const what = JSON.stringify({ shape, options })
  assert.deepEqual(y.shape, shape, what)
  assert.deepEqual(dx.shape, shape, what)
  assertSame(y.dataSync() as Float32Array, output, `output of ${what}`)
  const stats = saved.stats().flatMap((group) => Object.values(group) as number[])
  const parts = [new Uint32Array(Float64Array.from(stats).buffer), saved.mask as Uint32Array, bitsOf(call)]
  const bits = parts.flatMap((part) => [...part])
  assertSame(ints(kept), Uint32Array.from(bits), `what is saved of ${what}`)
  assertSame(dx.dataSync() as Float32Array, jumpoutBackward(gradient, saved), `gradient of ${what}`)
  assert.deepEqual(kept.shape, [bits.length], what)
  for (const used of [...given, y, kept, dx]) used.dispose()
}

function compareAll(tf: TfjsNode, ops: Ops): void {
  const seed = 2 ** 52 + 1
  for (const shape of [[33, 7], [1], [], [0], [3, 0, 2], [2, 3, 1, 2, 2, 3], Array<number>(254).fill(1)])
    for (const options of [
      { seed },
      { seed, call: 2 ** 33 + 5, relu: true },
      { seed, rate: 0.4, normalize: false },
    ])
      compare(tf, ops, shape, options)
  for (const dataFormat of ['channelsFirst', 'channelsLast'] as const) {
    const shape = [4, 6, 5, 16]
    for (const granularity of ['batch', 'sample'] as const)
      compare(tf, ops, shape, { seed, shape, unit: 'channel', dataFormat, granularity, relu: true })
  }
  compare(tf, ops, [1 << 18], { seed, exponent: 0.5, maxRate: 0.3 })
  compare(tf, ops, [6], { seed }, new Float32Array([NaN, Infinity, -Infinity, -0, 1e-45, 3e38]))
}

/** A project with a copy of the package, and the operations that it registers. */
function copyOfPackage(folder: string): Ops {
  const copy = join(folder, 'node_modules', 'jumpout')
  mkdirSync(copy, { recursive: true })
  for (const name of ['package.json', 'dist']) cpSync(join(root, name), join(copy, name), { recursive: true })
  cpSync(join(binary, '..'), join(copy, 'build', 'Release'), { recursive: true, verbatimSymlinks: true })
  const { tensorflowOps } = require(join(copy, 'dist', 'tfjs', 'tensorflow.js')) as { tensorflowOps(): Ops }
  return tensorflowOps()
}

function inScratch(use: (folder: string) => void): void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'jumpout test ')))
  try {
    use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The tasks of a worker. */
const tasks = {
  compare(started: SharedArrayBuffer) {
    const tf = loadTfjsNode()
    const all = new Int32Array(started)
    Atomics.add(all, 0, 1)
    while (Atomics.load(all, 0) < WORKERS); // so that they register at once
    const ops = tensorflowOps()
    compareAll(tf, ops)
    report(ops)
  },
}

const WORKERS = 3

const ways = {
  compare() {
    const tf = loadTfjsNode()
    const ops = tensorflowOps()
    compareAll(tf, ops)
    assert.equal(tensorflowOps(), ops)
  },

  later() {
    for (let i = 0; i < 2; ++i)
      assert.throws(tensorflowOps, {
        name: 'Error',
        code: 'ERR_NO_TENSORFLOW',
        message: /^Expected a TensorFlow in this process .*, got none: load @tensorflow\/tfjs-node first$/,
      })
    const tf = loadTfjsNode()
    compare(tf, tensorflowOps(), [100], { seed: 1 })
  },

  copies() {
    inScratch((folder) => {
      const tf = loadTfjsNode()
      const all = [
        tensorflowOps(),
        copyOfPackage(join(folder, 'first')),
        copyOfPackage(join(folder, 'second')),
      ]
      assert.equal(new Set(all.map(({ forward }) => forward)).size, all.length)
      for (const ops of all) compare(tf, ops, [1000], { seed: 1 })
    })
  },

  /** tfjs-node from a second folder, before and after jumpout: on Linux both share one TensorFlow. */
  twice() {
    inScratch((folder) => {
      const modules = join(folder, 'node_modules')
      cpSync(join(tfjsNodeFolder, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true })
      symlinkSync(join(tfjsNodeFolder, 'tensorflow'), join(folder, 'tensorflow'))
      const first = loadTfjsNode()
      compare(first, tensorflowOps(), [1000], { seed: 1 })
      const second = loadTfjsNode(folder)
      assert.notEqual(first, second)
      for (const tf of [second, first]) compare(tf, tensorflowOps(), [1000], { seed: 2 })
      const again = copyOfPackage(join(folder, 'copy'))
      for (const tf of [second, first]) compare(tf, again, [1000], { seed: 3 })
    })
  },

  async workers() {
    const started = new SharedArrayBuffer(4)
    const workers = Array.from({ length: WORKERS }, () => startWorker(__filename, 'compare', started))
    const found = await Promise.all(workers.map((worker) => message(worker)))
    await Promise.all(workers.map((worker) => worker.terminate()))
    const tf = loadTfjsNode() // after the workers that loaded it have ended
    const ops = tensorflowOps()
    compareAll(tf, ops)
    for (const names of found) assert.deepEqual(names, ops)
  },

  refusals() {
    const tf = loadTfjsNode()
    const ops = tensorflowOps()
    for (const [what, name, inputs, said] of refused(tf, ops)) {
      const outputs = name === ops.forward ? 2 : 1
      assert.throws(() => tf.backend().executeMultipleOutputs(name, [], inputs, outputs), said, what)
      compare(tf, ops, [100], { seed: 1 })
    }
  },

  memory() {
    const tf = loadTfjsNode()
    const ops = tensorflowOps()
    const bad = refused(tf, ops)
    const counts = () => [tf.memory().numTensors, tf.backend().binding.getNumOfTensors()]
    const round = (): void => {
      compare(tf, ops, [1 << 18], { seed: 1 })
      for (const [, name, inputs] of bad)
        assert.throws(() => tf.backend().executeMultipleOutputs(name, [], inputs, 2))
    }
    for (let i = 0; i < 20; ++i) round()
    const before = counts()
    const resident = process.memoryUsage().rss
    for (let i = 0; i < 200; ++i) round()
    const grown = process.memoryUsage().rss - resident
    assert.deepEqual(counts(), before)
    // One tensor that is kept per round would be 200 MiB.
    assert.ok(grown < 100 * 2 ** 20, `grew by ${grown} bytes`)
  },
}

/** Calls that are refused, and in which words. */
function refused(tf: TfjsNode, ops: Ops): [what: string, name: string, inputs: Tensor[], said: RegExp][] {
  jumpoutForward(numbers(100), { seed: 1 })
  const call = describedCall()
  const float = (length: number) => tf.tensor(numbers(length), [length], 'float32')
  const int = (array: Int32Array, shape: number[] = [array.length]) => tf.tensor(array, shape, 'int32')
  const described = int(call)
  const x = float(100)
  const [, kept] = tf.backend().executeMultipleOutputs(ops.forward, [], [x, described], 2)
  const saved = kept.dataSync() as Int32Array // 10 of one group, 4 of the mask, 34 of the call
  const withField = (field: string, value: number) => {
    const doubles = new Float64Array(call.slice().buffer)
    doubles[native.fields.indexOf(field)] = value
    return new Int32Array(doubles.buffer)
  }
  const changed = (field: string, value: number) => int(withField(field, value))
  const savedWith = (field: string, value: number) =>
    int(Int32Array.from([...saved.subarray(0, 14), ...withField(field, value)]))
  const forward = (what: string, described: Tensor, said: RegExp) =>
    [what, ops.forward, [x, described], said] as [string, string, Tensor[], RegExp]
  const gradient = (what: string, dy: Tensor, saved: Tensor, said: RegExp) =>
    [what, ops.gradient, [dy, saved], said] as [string, string, Tensor[], RegExp]
  const status = (text: string) => new RegExp(`^(Error: )?Invalid TF_Status: 3\\s+Message: .*${text}`)

  const wrong = [NaN, -1, 2 ** 53, Infinity, -Infinity, 1e300]
  const integers = native.fields.slice(native.fields.indexOf('seedLow'), native.fields.indexOf('counted'))
  const rates = ['pMin', 'pMax', 'maxRate']
  const outside = status('Expected numbers in their ranges for descriptor')
  const option = (field: string) => status(`a number is outside its range: options\\.${field}`)
  return [
    ...integers.flatMap((field) =>
      wrong.map((value) => forward(`${field} ${value}`, changed(field, value), outside)),
    ),
    ...rates.flatMap((field) =>
      wrong.map((value) =>
        forward(`${field} ${value}`, changed(field, value), option('(p_min|p_max|max_rate)')),
      ),
    ),
    ...[NaN, -1, Infinity].flatMap((value) =>
      ['sigma', 'exponent'].map((field) =>
        forward(`${field} ${value}`, changed(field, value), option(field)),
      ),
    ),
    forward('seed of 33 bits', changed('seedLow', 2 ** 32), outside),
    forward('unit of nothing', changed('unitSize', 0), status('do not fit each other: layout.unit_size')),
    forward('groups that do not fit', changed('groupSize', 33), status('do not fit each other')),
    forward('an offset', changed('elementOffset', 1), status('do not fit each other: layout.element_offset')),
    forward('counts made elsewhere', changed('counted', 1), status('Expected 0 for descriptor.counted')),
    forward(
      'a short descriptor',
      int(call.slice(1)),
      status('Expected an int32 tensor of shape \\[34\\] for descriptor'),
    ),
    forward('a scalar descriptor', int(call.slice(0, 1), []), status('of rank 1 for descriptor')),
    forward('a square descriptor', int(call, [2, call.length / 2]), status('of rank 1 for descriptor')),
    forward('an empty descriptor', int(new Int32Array(0)), status('for descriptor')),
    forward('a float descriptor', float(call.length), status('expected to be a int32 tensor')),
    ['an int32 x', ops.forward, [described, described], status('expected to be a float tensor')],
    ['too few inputs', ops.forward, [x], /Invalid TF_Status: 3/],
    gradient('a longer dy', float(200), kept, status('shape \\[51\\] for saved')),
    gradient('a shorter dy', float(96), kept, status('shape \\[47\\] for saved')),
    gradient('an int32 dy', described, kept, status('expected to be a float tensor')),
    gradient('a mask too short', x, int(saved.slice(1)), status('shape \\[48\\] for saved')),
    gradient('a mask too long', x, int(Int32Array.of(0, ...saved)), status('shape \\[48\\] for saved')),
    gradient('a matrix', x, int(saved.slice(), [2, 24]), status('of rank 1 for saved')),
    gradient('a scalar', x, int(saved.slice(0, 1), []), status('of rank 1 for saved')),
    gradient('nothing', x, int(new Int32Array(0)), status('what a forward saved for saved')),
    gradient('less than a call', x, int(saved.slice(-33)), status('what a forward saved for saved')),
    gradient('a call alone', x, int(saved.slice(-34)), status('shape \\[48\\] for saved')),
    gradient('groups of nonsense', x, int(saved.map((n, i) => (i < 10 ? -1 : n))), status('range: groups')),
    gradient('a call of nonsense', x, int(saved.map((n, i) => (i < 14 ? n : -1))), outside),
    ...integers.flatMap((field) =>
      wrong.map((value) => gradient(`saved ${field} ${value}`, x, savedWith(field, value), outside)),
    ),
    gradient('groups that do not fit', x, savedWith('groupSize', 50), status('shape \\[58\\] for saved')),
    gradient('a unit of nothing', x, savedWith('unitSize', 0), status('do not fit each other')),
    gradient('a float saved', x, float(48), status('expected to be a int32 tensor')),
  ]
}

void runProgramFile(ways, tasks)
