/** Memory on a device: shared by the arrays that are views on it, freed by hand or by the garbage collector. */
import { native } from './native'

const collected = new FinalizationRegistry<number>((handle) => native.releaseMemory(handle))

export class DeviceMemory {
  readonly device: number
  readonly bytes: number
  #handle: number

  constructor(handle: number, device: number, bytes: number) {
    this.#handle = handle
    this.device = device
    this.bytes = bytes
    collected.register(this, handle, this)
  }

  /** As the binding knows it, 0 once it was freed. */
  get handle(): number {
    return this.#handle
  }

  /** In stream order: the work enqueued on it is still done. */
  free(): void {
    if (this.#handle === 0) return
    collected.unregister(this)
    native.releaseMemory(this.#handle)
    this.#handle = 0
  }
}

/** A part of it, in bytes. */
export interface DeviceSpan {
  readonly memory: DeviceMemory
  readonly offset: number
}

/** Usable on any stream at once, whatever is being captured. */
export const ANY_STREAM = -1

/** Uninitialised. `stream` as the binding knows it. */
export const allocateOnDevice = (device: number, bytes: number, stream: number): DeviceMemory =>
  new DeviceMemory(native.allocate(device, bytes, stream), device, bytes)
