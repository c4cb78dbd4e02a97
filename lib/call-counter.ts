/**
 * The number of a layer's next draw. It is kept here until a forward is captured into a graph: from then on it is on the
 * device, where every launch of the graph advances it.
 */
import { DeviceArray, viewOf } from './device-array'
import { invalidState } from './errors'
import { native } from './native'
import { atCall, callOf, type Draw, drawOf, isAllowed, nextDraw } from './seed'
import { handleOrDefault, type Stream } from './stream'

export class CallCounter {
  #draw: Draw
  #onDevice: DeviceArray<'uint64'> | undefined

  constructor(seed: bigint, call: bigint) {
    this.#draw = drawOf(seed, call)
  }

  /** Of the next forward. */
  get draw(): Draw {
    if (this.#onDevice !== undefined) this.#draw = atCall(this.#draw, this.#read(this.#onDevice))
    if (!isAllowed(this.#draw)) {
      throw invalidState('a call number below 2^63 - 1', 'forward', 'a layer that has used them all')
    }
    return this.#draw
  }

  /** The same for checkpoints. */
  get call(): bigint {
    return this.#onDevice === undefined ? callOf(this.#draw) : this.#read(this.#onDevice)
  }

  /** The same, without waiting for a device; undefined where one has it. */
  get known(): bigint | undefined {
    return this.#onDevice === undefined ? callOf(this.#draw) : undefined
  }

  /** Of a call that is made again. */
  at(call: number | bigint): Draw {
    return atCall(this.#draw, BigInt(call))
  }

  /** After a forward that took `draw`. */
  advance(): void {
    this.#draw = nextDraw(this.#draw)
    if (this.#onDevice !== undefined) this.#write(this.#onDevice, undefined)
  }

  /** For a forward on a device. Where there is a counter, it holds the call, and the forward itself advances it. */
  take(device: number, stream: Stream | undefined): { draw: Draw; counter: DeviceArray | undefined } {
    const counter = this.#counterOn(device, stream)
    return { draw: counter === undefined ? this.draw : this.#draw, counter }
  }

  #counterOn(device: number, stream: Stream | undefined): DeviceArray | undefined {
    const current = this.#onDevice
    if (current?.device === device) return current
    if (current === undefined && stream?.capturing !== true) return undefined
    if (current !== undefined) this.#draw = atCall(this.#draw, this.#read(current))
    const counter = DeviceArray.alloc(1, { dtype: 'uint64', device })
    this.#write(counter, stream)
    this.#onDevice = counter
    return counter
  }

  #read(counter: DeviceArray<'uint64'>): bigint {
    native.settle(viewOf(counter).memory.handle)
    return counter.toHost()[0]
  }

  /** Now, and not whenever a graph that is being recorded will be launched. */
  #write(counter: DeviceArray<'uint64'>, stream: Stream | undefined): void {
    const { memory, offset } = viewOf(counter)
    const numbers = BigUint64Array.of(callOf(this.#draw))
    native.store(memory.handle, offset, handleOrDefault(stream), numbers, true)
    if (stream === undefined) native.settle(memory.handle)
  }
}
