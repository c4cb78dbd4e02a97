/** The kernels that tfjs runs: forward and its gradient, in the way of the backend that they run on. */
import type { KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs-core'
import { isFloat32Array } from 'node:util/types'
import { noSecondGradient, outOfMemory } from '../errors'
import { freshOutput, maskWords, orOutOfMemory } from '../host/memory'
import type { Layout } from '../layout'
import { descriptor, native, ROW } from '../native'
import type { Settings } from '../options'
import { writeCall } from '../pass'
import type { Draw } from '../seed'
import type { Core } from './peers'
import { tensorflowOps } from './tensorflow'

/** One application to a tensor; the attributes of both kernels. */
export interface Application {
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
}

type DType = 'float32' | 'int32'
type Numbers = Float32Array | Int32Array

interface Output {
  readonly shape: number[]
  readonly dtype: DType
}

const sizeOf = ({ shape }: TensorInfo | Output): number =>
  shape.reduce((size, dimension) => size * dimension, 1)

const like = ({ shape }: TensorInfo): Output => ({ shape, dtype: 'float32' })

/** 32-bit halves of the rows of statistics. */
const rowWords = ({ groupCount }: Layout): number => 2 * ROW.length * groupCount

/** The descriptor as int32, which TensorFlow takes as a tensor. */
const call = new Int32Array(descriptor.buffer, descriptor.byteOffset, 2 * native.fields.length)

/**
 * What the gradient needs, in one tensor, as each costs time: the rows of statistics, the mask, the descriptor. The same on
 * each backend (csrc/tensorflow/ops.hpp), as the gradient may run on another one.
 */
const savedOf = ({ layout }: Application, x: TensorInfo): Output => ({
  shape: [rowWords(layout) + maskWords(sizeOf(x)) + call.length],
  dtype: 'int32',
})

/** The rows of what was saved, in a copy, which begins at a multiple of 8 bytes wherever a backend has its data. */
export const copyOfRows = (saved: Int32Array, layout: Layout): Float64Array =>
  new Float64Array(saved.slice(0, rowWords(layout)).buffer)

const maskOf = ({ buffer, byteOffset }: Numbers, layout: Layout, elements: number): Uint32Array =>
  new Uint32Array(buffer, byteOffset + 4 * rowWords(layout), maskWords(elements))

function forward({ settings, layout, draw }: Application, x: Numbers, [y, saved]: Numbers[]): void {
  const rows = new Float64Array(saved.buffer, saved.byteOffset, rowWords(layout) / 2)
  writeCall(settings, layout, draw, false)
  native.forward(x as Float32Array, y as Float32Array, maskOf(saved, layout, x.length), rows)
  saved.set(call, saved.length - call.length)
}

function backward({ settings, layout, draw }: Application, [dy, saved]: Numbers[], dx: Numbers): void {
  const rows = copyOfRows(saved as Int32Array, layout)
  writeCall(settings, layout, draw, true)
  native.backward(dy as Float32Array, dx as Float32Array, maskOf(saved, layout, dy.length), undefined, rows)
}

/** How a backend is reached. */
interface Way {
  forward(application: Application, x: TensorInfo): TensorInfo[]
  backward(application: Application, inputs: readonly TensorInfo[]): TensorInfo
}

type Fill = (inputs: Numbers[], outputs: Numbers[]) => void

/** Gives `fill` the inputs and memory for the outputs. */
type Run = (inputs: readonly TensorInfo[], outputs: readonly Output[], fill: Fill) => TensorInfo[]

const overArrays = (run: Run): Way => ({
  forward: (application, x) =>
    run([x], [like(x), savedOf(application, x)], ([input], outputs) => forward(application, input, outputs)),
  backward: (application, inputs) =>
    run(inputs, [like(inputs[0])], (arrays, [dx]) => backward(application, arrays, dx))[0],
})

/** All of the outputs, filled; where one cannot be made or filled, those that were made are given back. */
function makeAll(
  backend: KernelBackend,
  outputs: readonly Output[],
  make: (output: Output, index: number) => TensorInfo,
  fill?: (made: readonly TensorInfo[]) => void,
): TensorInfo[] {
  const made: TensorInfo[] = []
  try {
    for (const output of outputs) made.push(make(output, made.length))
    fill?.(made)
    return made
  } catch (error) {
    for (const { dataId } of made) backend.disposeData(dataId)
    throw error
  }
}

/** The part of the backend 'wasm' that is used. */
interface Heap extends KernelBackend {
  makeOutput(shape: number[], dtype: DType): TensorInfo
  typedArrayFromHeap(tensor: TensorInfo): Numbers
}

/** In place on the WebAssembly heap. */
function onHeap(backend: Heap): Way {
  const make = ({ shape, dtype }: Output) => backend.makeOutput(shape, dtype)
  /** Where the heap is full, malloc returns 0, which the backend takes for an address. */
  const viewOf = (tensor: TensorInfo): Numbers => {
    const view = backend.typedArrayFromHeap(tensor)
    if (view.byteOffset === 0 && view.length > 0) throw outOfMemory(view.byteLength)
    return view
  }
  /** Moves what another backend has to this one, if there is room: the backend would write it to address 0. */
  const bring = (tensor: TensorInfo): void => {
    if (backend.refCount(tensor.dataId) === 0) {
      const [room] = makeAll(backend, [tensor as Output], make, ([room]) => viewOf(room))
      backend.disposeData(room.dataId)
    }
    viewOf(tensor)
  }
  return overArrays((inputs, outputs, fill) => {
    inputs.forEach(bring)
    return makeAll(backend, outputs, make, (made) => {
      // Views that were taken before memory grew have lost their data.
      fill(inputs.map(viewOf), made.map(viewOf))
    })
  })
}

const floatsOf = (values: unknown): Float32Array =>
  isFloat32Array(values) ? values : Float32Array.from(values as ArrayLike<number>)

const freshArray = (output: Output): Numbers => {
  const size = sizeOf(output)
  return output.dtype === 'float32' ? freshOutput(size) : orOutOfMemory(4 * size, () => new Int32Array(size))
}

/** Through the data of tensors: the backend 'cpu' hands out and keeps the arrays themselves, others copy. */
const throughData = (backend: KernelBackend): Way =>
  overArrays((inputs, outputs, fill) => {
    const arrays = outputs.map(freshArray)
    const values = inputs.map(({ dataId, dtype }) => {
      const data = backend.readSync(dataId)
      return dtype === 'float32' ? floatsOf(data) : (data as Int32Array)
    })
    fill(values, arrays)
    return makeAll(backend, outputs, ({ shape, dtype }, i) => ({
      dataId: backend.write(arrays[i], shape, dtype),
      shape,
      dtype,
    }))
  })

/** The part of the backend 'tensorflow', of tfjs-node, that is used. */
interface TensorFlow extends KernelBackend {
  executeMultipleOutputs(
    name: string,
    attributes: [],
    inputs: readonly Pick<TensorInfo, 'dataId'>[],
    count: number,
  ): TensorInfo[]
}

/** By TensorFlow itself, which has jumpout as ops. */
function byOp(backend: TensorFlow): Way {
  const ops = tensorflowOps()
  const described = { dataId: {} } // of a tensor that is made anew by each call, and copies `call`
  return {
    forward({ settings, layout, draw }, x) {
      writeCall(settings, layout, draw, false)
      backend.move(described.dataId, call, [call.length], 'int32', 1)
      try {
        return backend.executeMultipleOutputs(ops.forward, [], [x, described], 2)
      } finally {
        backend.disposeData(described.dataId)
      }
    },
    backward: (_, inputs) => backend.executeMultipleOutputs(ops.gradient, [], inputs, 1)[0],
  }
}

/** By what it can do, as one name may stand for several backends in turn. */
function newWay(backend: object): Way {
  if ('executeMultipleOutputs' in backend) return byOp(backend as TensorFlow)
  if ('typedArrayFromHeap' in backend) return onHeap(backend as Heap)
  return throughData(backend as KernelBackend)
}

const ways = new WeakMap<object, Way>()

function wayOf(backend: object): Way {
  let way = ways.get(backend)
  if (way === undefined) ways.set(backend, (way = newWay(backend)))
  return way
}

/** The names of the kernels, which are registered for a backend when they are first used there. */
export interface Kernels {
  readonly forward: string
  readonly gradient: string
}

/** A name that no other copy of this package has taken: tfjs has one kernel per name and backend. */
function freeName({ getGradient }: typeof Core, name: string): string {
  let free = name
  for (let copy = 2; getGradient(free) !== undefined; ++copy) free = `${name}${copy}`
  return free
}

/** With their gradients, for all backends: a gradient runs on the one that is in use by then. */
function nameKernels(tf: typeof Core): Kernels {
  const names = { forward: freeName(tf, 'Jumpout'), gradient: freeName(tf, 'JumpoutGrad') }
  tf.registerGradient({
    kernelName: names.forward,
    outputsToSave: [false, true],
    gradFunc: (dys, [saved], attrs) => ({
      x: () => {
        const { gradient } = kernelsFor(tf)
        return tf.engine().runKernel<Tensor>(gradient, { dy: (dys as Tensor[])[0], saved }, attrs)
      },
    }),
  })
  tf.registerGradient({
    kernelName: names.gradient,
    gradFunc: () => {
      throw noSecondGradient()
    },
  })
  return names
}

let names: Kernels | undefined
const backends = new Set<string>()

/** The names of the kernels, registered for the backend in use. */
export function kernelsFor(tf: typeof Core): Kernels {
  const known = (names ??= nameKernels(tf))
  tf.backend() // chooses one where none is yet
  const backendName = tf.getBackend()
  if (!backends.has(backendName)) {
    tf.registerKernel({
      kernelName: known.forward,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        wayOf(backend).forward(attrs as unknown as Application, inputs.x as TensorInfo),
    })
    tf.registerKernel({
      kernelName: known.gradient,
      backendName,
      kernelFunc: ({ inputs: { dy, saved }, attrs, backend }) =>
        wayOf(backend).backward(attrs as unknown as Application, [dy, saved] as TensorInfo[]),
    })
    backends.add(backendName)
  }
  return known
}
