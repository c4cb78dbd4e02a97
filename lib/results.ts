/** Where calls find memory for their results: new for each, or a layer's own, which the next call takes over. */
import { maskWords } from './arrays'
import { arrayOf, type DeviceArray, viewOf } from './device-array'
import { allocateOnDevice, ANY_STREAM, type DeviceMemory, type DeviceSpan } from './device-memory'
import { cutFromSlab, RECORD_BYTES } from './device-records'
import { KINDS } from './dtype'
import { allocate, freshMask, freshOutput, freshRows, ownMask } from './memory'
import { ROW_LENGTH } from './native'
import { oneRow } from './pass'
import type { Stream } from './stream'

export interface Results {
  /** For the output of an input, the gradient of a gradient. */
  output(like: Float32Array): Float32Array
  mask(length: number): Uint32Array
  rows(groupCount: number): Float64Array
  deviceOutput(like: DeviceArray, stream: number): DeviceArray
  deviceMask(like: DeviceArray, stream: number): DeviceArray<'uint32'>
  records(device: number, stream: Stream | undefined, groupCount: number): DeviceSpan
}

const bytesOfMask = (length: number): number => maskWords(length) * KINDS.uint32.bytes

/** New memory, on a device in the order of the stream. */
export const FRESH: Results = {
  output: ({ length }) => freshOutput(length),
  mask: freshMask,
  rows: (groupCount) => (groupCount === 1 ? oneRow : freshRows(groupCount)),
  deviceOutput: (like, stream) =>
    arrayOf(allocateOnDevice(like.device, like.byteLength, stream), 0, like.length, like.dtype),
  deviceMask: ({ device, length }, stream) =>
    arrayOf(allocateOnDevice(device, bytesOfMask(length), stream), 0, maskWords(length), 'uint32'),
  records: (device, stream, groupCount) => cutFromSlab(device, stream, RECORD_BYTES * groupCount),
}

/** Memory on the host that is handed out for as long as it is large enough. */
class Kept<A extends Float32Array | Uint32Array | Float64Array> {
  readonly #allocate: (length: number) => A
  #memory: A
  #view: A

  constructor(allocate: (length: number) => A) {
    this.#allocate = allocate
    this.#memory = this.#view = allocate(0)
  }

  /** A detached one has length 0. */
  take(length: number): A {
    if (length === this.#view.length) return this.#view
    if (length > this.#memory.length) this.#memory = this.#allocate(length)
    return (this.#view = this.#memory.subarray(0, length) as A)
  }

  /** Whether an array lies in it. */
  holds(array: A): boolean {
    return array.buffer === this.#memory.buffer
  }

  /** Leaves the memory to whoever has it. */
  leave(): void {
    this.#memory = this.#view = this.#allocate(0)
  }
}

/** The same on one device. Usable on any stream, so that a graph may go on elsewhere. */
class KeptOnDevice {
  #memory: DeviceMemory | undefined

  /** Not the memory that `apart` lies in. */
  take(device: number, bytes: number, apart?: DeviceMemory): DeviceMemory {
    const memory = this.#memory
    const fits = memory?.device === device && memory.bytes >= bytes && memory.handle !== 0 && memory !== apart
    return fits ? memory : (this.#memory = allocateOnDevice(device, bytes, ANY_STREAM))
  }
}

/** What a layer owns of one mode. Outputs are its own with `reuse` alone. */
export class OwnResults implements Results {
  readonly #reuse: boolean
  readonly #outputs = new Kept<Float32Array>(allocate)
  readonly #masks = new Kept<Uint32Array>((words) => ownMask(32 * words))
  readonly #rows = new Kept<Float64Array>((numbers) => freshRows(numbers / ROW_LENGTH))
  readonly #outputsOnDevice = new KeptOnDevice()
  readonly #masksOnDevice = new KeptOnDevice()
  readonly #recordsOnDevice = new KeptOnDevice()

  constructor(reuse: boolean) {
    this.#reuse = reuse
  }

  /** What was handed out and comes back as an input is no longer the layer's. */
  output(like: Float32Array): Float32Array {
    if (!this.#reuse) return freshOutput(like.length)
    if (this.#outputs.holds(like)) this.#outputs.leave()
    return this.#outputs.take(like.length)
  }

  mask(length: number): Uint32Array {
    return this.#masks.take(maskWords(length))
  }

  rows(groupCount: number): Float64Array {
    return groupCount === 1 ? oneRow : this.#rows.take(ROW_LENGTH * groupCount)
  }

  deviceOutput(like: DeviceArray, stream: number): DeviceArray {
    if (!this.#reuse) return FRESH.deviceOutput(like, stream)
    const memory = this.#outputsOnDevice.take(like.device, like.byteLength, viewOf(like).memory)
    return arrayOf(memory, 0, like.length, like.dtype)
  }

  deviceMask({ device, length }: DeviceArray): DeviceArray<'uint32'> {
    const memory = this.#masksOnDevice.take(device, bytesOfMask(length))
    return arrayOf(memory, 0, maskWords(length), 'uint32')
  }

  records(device: number, _stream: Stream | undefined, groupCount: number): DeviceSpan {
    return { memory: this.#recordsOnDevice.take(device, RECORD_BYTES * groupCount), offset: 0 }
  }
}
