/** What a layer does on devices: memory that each forward takes over from the one before, and calls that are enqueued. */
import { maskWords } from './arrays'
import type { CallCounter } from './call-counter'
import { readLike } from './device-arguments'
import { type DeviceArray, arrayOf } from './device-array'
import { describeForward, describeIdentity, type DevicePlace } from './device-call'
import { freshLike } from './device-forward'
import { allocateOnDevice, ANY_STREAM, type DeviceMemory, type DeviceSpan } from './device-memory'
import { RECORD_BYTES } from './device-records'
import { KINDS } from './dtype'
import { type Layout, layoutOf, type Shape } from './layout'
import { native } from './native'
import type { Settings } from './options'
import type { DevicePass } from './pass'
import { type Draw, NO_DRAW } from './seed'
import type { Stream } from './stream'

/** Masks and records of one mode on one device. Usable on any stream, so that a graph may go on elsewhere. */
class ModeMemory {
  #device = -1
  #masks: DeviceMemory | undefined
  #mask: DeviceArray<'uint32'> | undefined
  #records: DeviceMemory | undefined

  mask(device: number, length: number): DeviceArray<'uint32'> {
    this.#settleOn(device)
    const words = maskWords(length)
    if (this.#mask?.length === words) return this.#mask
    const bytes = words * KINDS.uint32.bytes
    if (this.#masks === undefined || this.#masks.bytes < bytes) {
      this.#masks = allocateOnDevice(device, bytes, ANY_STREAM)
    }
    this.#mask = arrayOf(this.#masks, 0, words, 'uint32')
    return this.#mask
  }

  records(device: number, groupCount: number): DeviceSpan {
    this.#settleOn(device)
    const bytes = RECORD_BYTES * groupCount
    if (this.#records === undefined || this.#records.bytes < bytes) {
      this.#records = allocateOnDevice(device, bytes, ANY_STREAM)
    }
    return { memory: this.#records, offset: 0 }
  }

  #settleOn(device: number): void {
    if (device === this.#device) return
    this.#device = device
    this.#masks = this.#mask = this.#records = undefined
  }
}

export interface DeviceLayerCall {
  readonly input: DeviceArray
  readonly out: DeviceArray | undefined
  readonly saveMask: boolean
  readonly shape: Shape | undefined
  readonly stream: Stream | undefined
  readonly place: DevicePlace
}

export interface DeviceLayerResult {
  readonly output: DeviceArray
  readonly pass: DevicePass
}

export const readOut = (out: unknown, input: DeviceArray): DeviceArray | undefined =>
  out === undefined ? undefined : readLike(out, input, 'options.out')

export class DeviceLayer {
  readonly #training = new ModeMemory()
  readonly #evaluation = new ModeMemory()

  train(call: DeviceLayerCall, settings: Settings, layout: Layout, counter: CallCounter): DeviceLayerResult {
    const taken = counter.take(call.input.device, call.stream)
    const result = this.#forward(call, settings, layout, taken.draw, taken.counter, this.#training)
    if (taken.counter === undefined) counter.advance()
    return result
  }

  evaluate(call: DeviceLayerCall, settings: Settings): DeviceLayerResult {
    const { input, out, shape, stream, place } = call
    const layout = layoutOf(settings, shape, input.length)
    if (settings.relu) return this.#forward(call, settings, layout, NO_DRAW, undefined, this.#evaluation)
    const output = out ?? freshLike(input, place.stream)
    native.deviceIdentity(describeIdentity(place, input, output))
    const records = this.#evaluation.records(input.device, 1)
    const { device, dtype, length } = place
    return { output, pass: { length, dtype, device, mask: undefined, settings, layout, records, stream } }
  }

  #forward(
    { input, out, saveMask, stream, place }: DeviceLayerCall,
    settings: Settings,
    layout: Layout,
    draw: Draw,
    counter: DeviceArray | undefined,
    memory: ModeMemory,
  ): DeviceLayerResult {
    const { device, dtype, length } = place
    const mask = saveMask ? memory.mask(device, length) : undefined
    const records = memory.records(device, layout.groupCount)
    const output = out ?? freshLike(input, place.stream)
    // Evaluation with ReLU: a rate of 0 needs no counts.
    const allActive = memory === this.#evaluation
    const parts = { input, output, mask, records, active: undefined, counter, total: 0, allActive }
    native.deviceForward(describeForward(place, settings, layout, draw, parts))
    return { output, pass: { length, dtype, device, mask, settings, layout, records, stream } }
  }
}
