/** Calls on CUDA devices: their arguments, memory for their results, and how they are enqueued. */
import { isFloat32Array } from 'node:util/types'
import { changedArray, invalidType, invalidValue, outOfRange, readInteger, wouldWait } from '../errors'
import { maskWords } from '../host/memory'
import { at, descriptor, native, ROW } from '../native'
import { assertOptions } from '../option-names'
import { type Kinds, type Memory, type Place, writeCall, writeLayout } from '../pass'
import { callOf, NO_DRAW } from '../seed'
import { arrayOf, type CudaMemory, DeviceArray, isDeviceArray, viewOf } from './array'
import {
  allocateOnDevice,
  ANY_STREAM,
  bytesOf,
  type DeviceMemory,
  type DeviceSpan,
  type DeviceView,
  type DType,
  isCudaMemory,
  KINDS,
  readPointer,
  wrapMemory,
} from './memory'
import { handleOrDefault, isCapturing, readStream, recordingOf, type Stream } from './stream'

/** The records that a call writes on the device: one per group. */
interface Records extends DeviceSpan {
  /** The dtype of the input. */
  readonly dtype: DType
  /** The stream that the call was enqueued on. */
  readonly stream: Stream | undefined
}

export interface Cuda extends Kinds {
  readonly tensor: DeviceArray
  readonly mask: DeviceArray<'uint32'>
  readonly rows: Records
  readonly stream: Stream | undefined
}

/** False for an object that only inherits from DeviceArray, whose getters throw. */
const isArgument = (value: unknown): value is DeviceArray | CudaMemory =>
  isDeviceArray(value) || (isCudaMemory(value) && !(value instanceof DeviceArray))

/** An array over memory of another library, whose object is kept alive until the work on it is done. */
function wrapped(value: CudaMemory, dtype: DType, argument: string): DeviceArray {
  const { ptr, byteLength, dtype: given } = value
  if (given !== undefined) throw invalidValue('memory without a dtype', argument, 'memory with one')
  const { bytes } = KINDS[dtype]
  const expected = `a byteLength that is a multiple of ${bytes}`
  if (readInteger(byteLength, expected, argument) % bytes !== 0)
    throw outOfRange(expected, argument, byteLength)
  const pointer = readPointer(ptr, argument)
  const memory = wrapMemory(pointer, byteLength, bytes, undefined, value, argument)
  return arrayOf(memory, 0, byteLength / bytes, dtype)
}

function assertMemory(array: DeviceArray, argument: string): void {
  if (viewOf(array).memory.handle === 0)
    throw invalidValue('an array with its memory', argument, 'a freed one')
}

/** Memory of other libraries is taken for float32. undefined: `value` is not on a device. */
export function tensorOnDevice(value: unknown, argument: string): DeviceArray | undefined {
  if (isFloat32Array(value) || !isArgument(value)) return undefined
  const array = isDeviceArray(value) ? value : wrapped(value, 'float32', argument)
  const { dtype } = viewOf(array)
  if (!KINDS[dtype].floating)
    throw invalidValue('a DeviceArray of float32, float16 or bfloat16', argument, `one of ${dtype}`)
  assertMemory(array, argument)
  return array
}

function readArray<D extends DType>(
  value: unknown,
  dtype: D,
  length: number,
  device: number,
  argument: string,
): DeviceArray<D> {
  if (!isArgument(value)) throw invalidType('a DeviceArray', argument, value)
  const array = isDeviceArray(value) ? value : wrapped(value, dtype, argument)
  assertMemory(array, argument)
  const got = viewOf(array)
  if (got.dtype !== dtype) throw invalidValue(`a DeviceArray of ${dtype}`, argument, `one of ${got.dtype}`)
  if (got.memory.device !== device)
    throw invalidValue(`a DeviceArray on device ${device}`, argument, `one on device ${got.memory.device}`)
  if (got.length !== length)
    throw outOfRange(`a DeviceArray of length ${length}`, argument, `one of length ${got.length}`)
  return array as DeviceArray<D>
}

/** sizeof(jumpout_record) */
const RECORD_BYTES = 48
const ALIGNMENT = 16
const SLAB_BYTES = 16 * 1024
/** In bytes. Larger requests get memory of their own. */
const LARGEST_CUT = SLAB_BYTES / 16

interface Slab {
  readonly memory: DeviceMemory
  used: number
}

/** One slab per stream, so that reading a record waits for that stream alone. */
const slabs = new WeakMap<Stream, Slab>()
const slabsOfDefaultStreams: (Slab | undefined)[] = []

function slabFor(device: number, stream: Stream | undefined, bytes: number): Slab {
  const current = stream === undefined ? slabsOfDefaultStreams[device] : slabs.get(stream)
  if (current !== undefined && current.used + bytes <= SLAB_BYTES) return current
  // The old slab is collected once no call needs a part of it.
  const slab = { memory: allocateOnDevice(device, SLAB_BYTES, ANY_STREAM, true), used: 0 }
  if (stream === undefined) slabsOfDefaultStreams[device] = slab
  else slabs.set(stream, slab)
  return slab
}

/**
 * Zeros, until work of the stream writes them: a graph that is never launched does not. Cut from slabs, since an allocation
 * per call would cost as much as the call.
 */
function cutFromSlab(device: number, stream: Stream | undefined, bytes: number): DeviceSpan {
  if (bytes > LARGEST_CUT) {
    return { memory: allocateOnDevice(device, bytes, handleOrDefault(stream), true), offset: 0 }
  }
  const slab = slabFor(device, stream, bytes)
  const offset = slab.used
  slab.used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
  return { memory: slab.memory, offset }
}

/** An array over new memory, allocated in stream order. */
const newArray = <D extends DType>(
  device: number,
  length: number,
  dtype: D,
  stream: Stream | undefined,
): DeviceArray<D> =>
  arrayOf(allocateOnDevice(device, length * KINDS[dtype].bytes, handleOrDefault(stream)), 0, length, dtype)

/** Memory that is used again while it fits, on any stream, since graphs that use it may be launched on others. */
class Kept {
  #memory: DeviceMemory | undefined

  /** Never returns the memory `apart`: a call must not overwrite its own input. */
  take(device: number, bytes: number, apart?: DeviceMemory): DeviceMemory {
    const memory = this.#memory
    const fits = memory?.device === device && memory.bytes >= bytes && memory.handle !== 0 && memory !== apart
    return fits ? memory : (this.#memory = allocateOnDevice(device, bytes, ANY_STREAM))
  }
}

/** Memory for results: new for each call, or with `keep` a layer's own, which for outputs needs `reuse` too. */
class ResultMemory implements Memory<Cuda> {
  readonly #outputs: Kept | undefined
  readonly #masks: Kept | undefined
  readonly #records: Kept | undefined

  constructor(keep: boolean, reuse: boolean) {
    this.#outputs = reuse ? new Kept() : undefined
    this.#masks = keep ? new Kept() : undefined
    this.#records = keep ? new Kept() : undefined
  }

  output(like: DeviceArray, stream: Stream | undefined): DeviceArray {
    const view = viewOf(like)
    const { memory, length, dtype } = view
    if (this.#outputs === undefined) return newArray(memory.device, length, dtype, stream)
    return arrayOf(this.#outputs.take(memory.device, bytesOf(view), memory), 0, length, dtype)
  }

  mask(like: DeviceArray, stream: Stream | undefined): DeviceArray<'uint32'> {
    const device = deviceOf(like)
    const words = maskWords(viewOf(like).length)
    if (this.#masks === undefined) return newArray(device, words, 'uint32', stream)
    return arrayOf(this.#masks.take(device, words * KINDS.uint32.bytes), 0, words, 'uint32')
  }

  rows(like: DeviceArray, groupCount: number, stream: Stream | undefined): Records {
    const { dtype } = viewOf(like)
    const device = deviceOf(like)
    const bytes = RECORD_BYTES * groupCount
    // What was used before would have the statistics of another call until the graph is launched.
    const { memory, offset } =
      this.#records === undefined || recordingOf(stream) !== undefined
        ? cutFromSlab(device, stream, bytes)
        : { memory: this.#records.take(device, bytes), offset: 0 }
    return { memory, offset, dtype, stream }
  }
}

function write(memoryAt: number, offsetAt: number, span: DeviceSpan | undefined): void {
  // 0 would stand for none.
  if (span?.memory.handle === 0) throw changedArray('one of the arrays')
  descriptor[memoryAt] = span === undefined ? 0 : span.memory.handle
  descriptor[offsetAt] = span === undefined ? 0 : span.offset
}

/** Of the memory itself: a property of the array may say something else. */
const deviceOf = (array: DeviceArray): number => viewOf(array).memory.device

const optionalView = (array: DeviceArray | undefined): DeviceView | undefined => array && viewOf(array)

/** The language's own, which sees memory that no caller may see. */
const { fill } = Float64Array.prototype

/** Writes the fields that all calls have, and 0, for none, to all others. */
function describe(input: DeviceArray, groupCount: number, stream: Stream | undefined): void {
  const view = viewOf(input)
  fill.call(descriptor, 0)
  descriptor[at.device] = view.memory.device
  descriptor[at.stream] = handleOrDefault(stream)
  descriptor[at.dtype] = KINDS[view.dtype].code
  descriptor[at.length] = view.length
  descriptor[at.groupCount] = groupCount
  write(at.input, at.inputOffset, view)
}

/** Copies counts from JavaScript to the device. */
function storeCounts(active: readonly number[], device: number, stream: Stream | undefined): DeviceSpan {
  const counts = BigUint64Array.from(active, BigInt)
  const span = cutFromSlab(device, stream, counts.byteLength)
  native.store(span.memory.handle, span.offset, handleOrDefault(stream), counts, false)
  return span
}

export const cuda: Place<Cuda> = {
  isHost: false,

  fresh: new ResultMemory(false, false),

  kept: (reuse) => new ResultMemory(true, reuse),

  lengthOf: (array) => viewOf(array).length,

  assertUnchanged: (array, _, argument) => assertMemory(array, argument),

  assertOptions,

  like(value, array, argument) {
    const { dtype, length } = viewOf(array)
    return readArray(value, dtype, length, deviceOf(array), argument)
  },

  maskFor: (input, value) =>
    readArray(value, 'uint32', maskWords(viewOf(input).length), deviceOf(input), 'options.mask'),

  /** Refuses arrays on the host with a message of its own. */
  gradientFor({ length, mask, rows }, value) {
    if (!isArgument(value)) {
      throw invalidType("a DeviceArray, as the forward's input was,", 'gradOutput', value)
    }
    const gradOutput = readArray(value, rows.dtype, length, rows.memory.device, 'gradOutput')
    if (mask !== undefined) assertMemory(mask, 'saved.mask')
    return gradOutput
  },

  counterFor: (input, value) =>
    isArgument(value) ? readArray(value, 'uint64', 1, deviceOf(input), 'options.call') : undefined,

  countsFor: (input, groupCount, value, argument) =>
    readArray(value, 'uint64', groupCount, deviceOf(input), argument),

  streamFor(input, value) {
    readStream(value, deviceOf(input))
    return value as Stream | undefined
  },

  recordingOf,

  forward(call, output, mask, records) {
    const { input, layout, counts, stream } = call
    const active =
      counts?.active === undefined
        ? optionalView(call.active)
        : storeCounts(counts.active, deviceOf(input), stream)
    describe(input, layout.groupCount, stream)
    writeCall(call.settings, layout, call.draw, false)
    // Groups that are samples are all of one size.
    descriptor[at.total] = counts === undefined ? 0 : counts.total[0]
    // In evaluation, a rate of 0 needs no counts.
    descriptor[at.allActive] = call.training ? 0 : 1
    write(at.output, at.outputOffset, viewOf(output))
    write(at.mask, at.maskOffset, optionalView(mask))
    write(at.records, at.recordsOffset, records)
    write(at.active, at.activeOffset, active)
    write(at.counter, at.counterOffset, optionalView(call.counter))
    native.deviceForward()
    return records
  },

  backward({ settings, layout, mask, rows }, { gradOutput, output, stream }, gradInput) {
    describe(gradOutput, layout.groupCount, stream)
    writeCall(settings, layout, NO_DRAW, false)
    write(at.output, at.outputOffset, viewOf(gradInput))
    write(at.mask, at.maskOffset, optionalView(mask))
    write(at.records, at.recordsOffset, rows)
    write(at.forwardOutput, at.forwardOutputOffset, optionalView(output))
    native.deviceBackward()
  },

  identity(input, output, stream) {
    describe(input, 1, stream)
    write(at.output, at.outputOffset, viewOf(output))
    native.deviceIdentity()
  },

  count(input, layout, out, stream) {
    const enqueue = (active: DeviceArray): void => {
      describe(input, layout.groupCount, stream)
      writeLayout(layout)
      write(at.active, at.activeOffset, viewOf(active))
      native.deviceCountActive()
    }
    if (out !== undefined) {
      enqueue(out)
      return out
    }
    if (isCapturing(stream)) throw wouldWait('countActive without options.out')
    const active = newArray(deviceOf(input), layout.groupCount, 'uint64', stream)
    try {
      enqueue(active)
      return Array.from(active.toHost({ stream }), Number)
    } finally {
      active.free()
    }
  },

  readRows({ rows: { memory, offset, stream }, layout }) {
    const rows = new Float64Array(ROW.length * layout.groupCount)
    native.readRecords(memory.handle, offset, handleOrDefault(stream), rows)
    return rows
  },

  readCall({ draw, rows: { memory, offset, stream } }) {
    return draw === undefined ? native.readCall(memory.handle, offset, handleOrDefault(stream)) : callOf(draw)
  },

  apart: (mask) => mask,
}
