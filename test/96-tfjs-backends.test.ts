/** jumpout/tfjs on backends that compute nothing: what it asks of them, and that it leaves nothing behind where they fail. */
import { KernelBackend, type TensorInfo } from '@tensorflow/tfjs-core'
import t from 'tap'
import { descriptor, native } from '../lib/native'
import { buildAddon } from './support/addon'
import { roomOf } from './support/tfjs'

type Numbers = Float32Array | Int32Array

/** Keeps what it is given, as long as it is referred to. */
class Keeper extends KernelBackend {
  readonly kept = new Map<object, { values: Numbers; references: number }>()
  fails = false

  private find(id: object) {
    const found = this.kept.get(id)
    if (found === undefined) throw new Error('nothing is kept there')
    return found
  }

  override write(values: Numbers): object {
    const id = {}
    this.kept.set(id, { values, references: 1 })
    return id
  }
  override move(id: object, values: Numbers): void {
    this.kept.set(id, { values: values.slice(), references: 1 })
  }
  override disposeData(id: object, force = false): boolean {
    if (--this.find(id).references > 0 && !force) return false
    return this.kept.delete(id)
  }
  override incRef(id: object): void {
    ++this.find(id).references
  }
  override refCount = (id: object): number => this.kept.get(id)?.references ?? 0
  override readSync = (id: object): Numbers => this.find(id).values
  override numDataIds = (): number => this.kept.size
  override memory = () => ({ unreliable: true })
  override floatPrecision = (): 32 => 32

  make(shape: number[], dtype: 'float32' | 'int32'): TensorInfo {
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    const values = dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)
    return { dataId: this.write(values), shape, dtype }
  }
}

/** As tfjs-node, whose TensorFlow runs operations by name. */
class TensorFlow extends Keeper {
  readonly executed: { name: string; inputs: Numbers[] }[] = []

  executeMultipleOutputs(name: string, _: [], inputs: TensorInfo[], count: number): TensorInfo[] {
    if (this.fails) throw new Error('planted')
    this.executed.push({ name, inputs: inputs.map(({ dataId }) => this.readSync(dataId)) })
    return [this.make(inputs[0].shape, 'float32'), this.make([9], 'int32')].slice(0, count)
  }
}

/** As the backend of WebAssembly, whose tensors lie anywhere but at its beginning. */
class Heap extends Keeper {
  /** What fails. */
  planted: 'making' | 'reading' | undefined

  override write(values: Numbers): object {
    const placed = values.constructor === Int32Array ? Int32Array : Float32Array
    const there = new placed(new ArrayBuffer(16 + values.byteLength), 16, values.length)
    there.set(values)
    return super.write(there)
  }

  makeOutput(shape: number[], dtype: 'float32' | 'int32'): TensorInfo {
    if (this.planted === 'making' && dtype === 'int32') throw new Error('planted')
    return this.make(shape, dtype)
  }

  typedArrayFromHeap({ dataId, dtype }: TensorInfo): Numbers {
    if (this.planted === 'reading' && dtype === 'int32') throw new Error('planted')
    return this.readSync(dataId)
  }
}

/** Keeps one tensor and no second one. */
class Full extends Keeper {
  override write(values: Numbers): object {
    if (this.fails && values.constructor === Int32Array) throw new Error('planted')
    return super.write(values)
  }
}

const values = Float32Array.of(1, -2, 3, 4, -5, 6)

t.test('by operations of TensorFlow', { skip: process.platform !== 'linux' }, async (t) => {
  require(buildAddon('stand-in-tensorflow.c', t.testdir()))
  const { tf, jumpoutOp } = await roomOf('cpu')
  const backend = new TensorFlow()
  tf.registerBackend('by operations', () => backend)
  tf.registerKernel({
    kernelName: 'Identity', // by which tfjs saves tensors for the gradient
    backendName: 'by operations',
    kernelFunc: ({ inputs }) => {
      const x = inputs.x as TensorInfo
      backend.incRef(x.dataId)
      return x
    },
  })
  tf.setBackend('by operations')
  const x = tf.tensor(values, [2, 3])
  const y = jumpoutOp(x, { seed: 7 })
  const described = new Int32Array(descriptor.slice(0, native.fields.length).buffer)
  t.strictSame(y.shape, [2, 3])
  t.match(backend.executed[0].name, /^Jumpout\d+$/)
  t.strictSame(backend.executed[0].inputs, [values, described], 'the input, and the call')
  const before = backend.numDataIds()

  backend.fails = true
  t.throws(() => jumpoutOp(x, { seed: 7 }), { message: 'planted' })
  t.equal(backend.numDataIds(), before, 'nothing is left')
  backend.fails = false

  const dy = tf.tensor(
    values.map((value) => 2 * value),
    [2, 3],
  )
  const dx = tf.grad((x) => jumpoutOp(x, { seed: 7 }))(x, dy)
  t.strictSame(dx.shape, [2, 3])
  t.strictSame(
    backend.executed.map(({ name }) => name.replace(/\d+/, '')),
    ['Jumpout', 'Jumpout', 'JumpoutGrad'],
  )
  t.strictSame(backend.executed[2].inputs, [backend.readSync(dy.dataId), new Int32Array(9)], 'what was saved')
})

t.test('on a heap', async (t) => {
  const { tf, jumpoutOp } = await roomOf('cpu')
  const x = tf.tensor(values)
  const expected = jumpoutOp(x, { seed: 7 }).dataSync()
  const backend = new Heap()
  tf.registerBackend('on a heap', () => backend)
  tf.setBackend('on a heap')
  const there = tf.tensor(values)
  t.strictSame(jumpoutOp(there, { seed: 7 }).dataSync(), expected)
  const before = backend.numDataIds()
  for (const planted of ['making', 'reading'] as const) {
    backend.planted = planted
    t.throws(() => jumpoutOp(there, { seed: 7 }), { message: 'planted' })
    t.equal(backend.numDataIds(), before, `nothing is left where ${planted} fails`)
  }
})

t.test('through data', async (t) => {
  const { tf, jumpoutOp } = await roomOf('cpu')
  const backend = new Full()
  tf.registerBackend('through data', () => backend)
  tf.setBackend('through data')
  const x = tf.tensor(values)
  jumpoutOp(x, { seed: 7 })
  const before = backend.numDataIds()
  backend.fails = true
  t.throws(() => jumpoutOp(x, { seed: 7 }), { message: 'planted' })
  t.equal(backend.numDataIds(), before, 'nothing is left')
})
