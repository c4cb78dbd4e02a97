/** The parts of a layer: its options, its state as JSON, and the number of its next call. */
import { DeviceArray, viewOf } from './cuda/array'
import { handleOrDefault, isCapturing, type Stream } from './cuda/stream'
import { invalidState, invalidType, invalidValue, readInteger } from './errors'
import { native } from './native'
import { assertOptions, optionNames, optionsIn } from './option-names'
import { type JumpoutOptions, SETTINGS, type Settings } from './options'
import type { Pass } from './pass'
import {
  assertCalls,
  assertSeed,
  atCall,
  callOf,
  type Draw,
  drawOf,
  isAllowed,
  isLate,
  nextDraw,
} from './seed'

/** Options of {@link Jumpout}. */
export interface LayerOptions extends JumpoutOptions {
  /** Unsigned 64-bit. Default: fresh entropy. */
  seed?: number | bigint | undefined
  /** Tells layers apart that share a seed: a safe integer >= 0, which {@link foldIn} takes. Default 0. */
  layer?: number | undefined
  /** Number of forwards in training already made, which is the call number of the next: at most 2^63 - 1, all. Default 0. */
  calls?: number | bigint | undefined
  /**
   * The layer owns the results of `forward`, and of `backward` without `saved`, as it owns its masks: the next call of the
   * same kind in the same mode returns and overwrites the same memory. Copy a result that you keep for longer. `call` and
   * `backward` with `saved` still make new arrays. Default false.
   */
  reuse?: boolean | undefined
}

export const NEW = optionNames<LayerOptions>('new Jumpout', {
  ...SETTINGS,
  seed: true,
  layer: true,
  calls: true,
  reuse: true,
})

/** A checkpoint of a {@link Jumpout} layer: 64-bit numbers are decimal strings. */
export interface JumpoutState {
  /** The version of this format and of docs/numerics.md. */
  version: 1
  /** The option `seed` of the layer, or the entropy in its place. */
  seed: string
  /** The option `layer` of the layer. */
  layer: number
  /** The call number of the next forward in training. */
  call: string
  /** The other options of the layer. */
  options: StateOptions
}

/** Options in a {@link JumpoutState}: all of them, with their defaults. */
export interface StateOptions extends JumpoutOptions {
  /** Absent if it is false. */
  reuse?: boolean | undefined
}

const STATE = optionNames<JumpoutState>(
  'a state',
  { version: true, seed: true, layer: true, call: true, options: true },
  false,
)
const OPTIONS = optionNames<StateOptions>('a state', { ...SETTINGS, reuse: true }, false)

export interface CheckedState {
  readonly seed: bigint
  readonly layer: number
  readonly call: bigint
  /** An object, whose values are not checked yet. */
  readonly options: StateOptions
}

export const VERSION = 1

const EXPECTED_DECIMAL = 'a decimal string'

export function readLayer(layer: unknown, argument: string): number {
  return layer === undefined ? 0 : readInteger(layer, 'an integer >= 0', argument)
}

export function readDecimal(value: unknown, argument: string): bigint {
  if (typeof value !== 'string') throw invalidType(EXPECTED_DECIMAL, argument, value)
  if (!/^\d{1,20}$/.test(value)) throw invalidValue(EXPECTED_DECIMAL, argument, 'another string')
  return BigInt(value)
}

export function readState(state: unknown): CheckedState {
  assertOptions(state, STATE, 'state')
  const { version, seed, layer, call, options } = state as Partial<JumpoutState>
  if (version !== VERSION) throw invalidValue(String(VERSION), 'state.version', 'another')
  assertOptions(options, OPTIONS, 'state.options')
  const checked = {
    seed: readDecimal(seed, 'state.seed'),
    layer: readLayer(layer, 'state.layer'),
    call: readDecimal(call, 'state.call'),
    options: optionsIn(options, OPTIONS),
  }
  assertSeed(checked.seed, 'state.seed')
  assertCalls(checked.call, 'state.call')
  return checked
}

/** All options with their defaults, so that a state stays valid if a default changes. */
export function optionsOf({ shape, rate, ...others }: Settings, reuse: boolean): StateOptions {
  return {
    ...others,
    ...(Number.isNaN(rate) ? {} : { rate }),
    ...(shape === undefined ? {} : { shape: [...shape.dimensions] }),
    ...(reuse ? { reuse } : {}),
  }
}

/** Settings and state of a layer in one mode. */
export class Mode<Results> {
  readonly training: boolean
  readonly settings: Settings
  /** Memory for results of `forward`, and of `backward`. */
  readonly results: Results
  readonly gradients: Results
  /** The pass of the last `forward`. */
  pass: Pass | undefined
  /** Whether its one backward has run. */
  spent = false

  constructor(training: boolean, settings: Settings, results: Results, gradients: Results) {
    this.training = training
    this.settings = settings
    this.results = results
    this.gradients = gradients
  }

  /** After a forward or its backward. */
  set(pass: Pass, spent: boolean, stream: unknown): void {
    const recording = pass.place.recordingOf(stream)
    if (recording !== undefined) {
      const before = { pass: this.pass, spent: this.spent }
      recording.push(() => {
        if (this.pass === pass) Object.assign(this, before)
      })
    }
    this.pass = pass
    this.spent = spent
  }

  /** The error of a `backward` that has no forward to differentiate. */
  refusal(): Error {
    if (this.pass === undefined) {
      const name = this.training ? 'training' : 'evaluation'
      return invalidState(`a forward in ${name} before it`, 'backward', 'none')
    }
    const expected =
      'a new forward, or { saved }, which layer.call(input) returns and backward takes any number of times,'
    return invalidState(expected, 'backward', 'a second backward of one forward')
  }
}

/** A call number in the memory of a device. */
type Counter = DeviceArray<'uint64'>

/**
 * The call number of a layer's next draw. It is kept here until a forward is captured into a graph: from then on it is kept
 * on that device, where every launch of the graph advances it. Forwards elsewhere read and write it there.
 */
export class CallCounter {
  #draw: Draw
  #onDevice: Counter | undefined

  constructor(seed: bigint, call: bigint) {
    this.#draw = drawOf(seed, call)
  }

  /** The draw of the next forward; waits for a device that has the counter. */
  get draw(): Draw {
    if (this.#onDevice !== undefined) this.#draw = atCall(this.#draw, this.#read(this.#onDevice))
    if (!isAllowed(this.#draw)) {
      throw invalidState('a call number below 2^63 - 1', 'forward', 'a layer that has used them all')
    }
    return this.#draw
  }

  /** The call number of the next forward; waits for a device that has the counter. */
  get call(): bigint {
    return this.#onDevice === undefined ? callOf(this.#draw) : this.#read(this.#onDevice)
  }

  /** The same without waiting; undefined if a device has the counter. */
  get known(): bigint | undefined {
    return this.#onDevice === undefined ? callOf(this.#draw) : undefined
  }

  /** The draw of a repeated call. */
  at(call: number | bigint): Draw {
    return atCall(this.#draw, BigInt(call))
  }

  /** To be called after a forward that took `draw`, or `counter`. */
  advance(counter?: Counter): void {
    if (counter !== undefined) {
      this.#onDevice = counter
      return
    }
    this.#draw = nextDraw(this.#draw)
    if (this.#onDevice === undefined) return
    this.#write(this.#onDevice, undefined)
    native.settle(viewOf(this.#onDevice).memory.handle) // the next launch of the graph may be on any stream
  }

  /** The draw of a forward on a device, and the counter that has its call number, which the forward itself advances. */
  take(input: DeviceArray, stream: Stream | undefined): { draw: Draw; counter: Counter | undefined } {
    const counter = this.#counterOn(viewOf(input).memory.device, stream)
    if (isLate(this.#draw)) return { draw: this.draw, counter }
    return { draw: counter === undefined ? this.draw : this.#draw, counter }
  }

  #counterOn(device: number, stream: Stream | undefined): Counter | undefined {
    const current = this.#onDevice
    if (current?.device === device) return current
    if (!isCapturing(stream)) return undefined
    if (current !== undefined) {
      const got = `one whose calls a graph of device ${current.device} counts`
      throw invalidState('a layer whose calls no other device counts', 'forward', got)
    }
    const counter = DeviceArray.alloc(1, { dtype: 'uint64', device })
    this.#write(counter, stream)
    return counter
  }

  #read(counter: Counter): bigint {
    native.settle(viewOf(counter).memory.handle)
    return counter.toHost()[0]
  }

  /** Writes now, even while the stream is being captured, and not at the launches of that graph. */
  #write(counter: Counter, stream: Stream | undefined): void {
    const { memory, offset } = viewOf(counter)
    const numbers = BigUint64Array.of(callOf(this.#draw))
    native.store(memory.handle, offset, handleOrDefault(stream), numbers, true)
  }
}
