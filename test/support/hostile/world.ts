/** What one case works on: arrays, a layer and streams of its own, and what a caller's code may do to them meanwhile. */
import type * as Jumpout from 'jumpout'
import { isSharedArrayBuffer } from 'node:util/types'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { assertSame } from '../bits'
import { Guarded, makeInput } from '../inputs'
import type { TfjsThings } from './tfjs'

/** The package under test, with what all cases share. */
export interface Room {
  readonly jumpout: typeof Jumpout
  readonly hasDevice: boolean
  /** A class of another realm. */
  foreign(name: string): unknown
}

const ofViews = Object.getPrototypeOf(Float32Array.prototype) as object
const getterOf = (name: string) => Object.getOwnPropertyDescriptor(ofViews, name)?.get as () => unknown
const [getLength, getBuffer, getOffset] = ['length', 'buffer', 'byteOffset'].map(getterOf)

/** Of the array itself, whatever its properties say. */
export const lengthOf = (array: ArrayBufferView): number => getLength.call(array) as number
const bufferOf = (array: ArrayBufferView): ArrayBuffer => getBuffer.call(array) as ArrayBuffer

/** A plain copy of an array that may lie. */
export function copyOf(array: ArrayBufferView): Float32Array {
  const length = lengthOf(array)
  if (length === 0) return new Float32Array(0)
  return new Float32Array(new Float32Array(bufferOf(array), getOffset.call(array) as number, length))
}

const { port1, port2 } = new MessageChannel()
port1.unref()
port2.unref()

const detach = {
  byClone: (buffer: ArrayBuffer) => void structuredClone(0, { transfer: [buffer] }),
  byMessage: (buffer: ArrayBuffer) => {
    port1.postMessage(0, [buffer])
    receiveMessageOnPort(port2)
  },
}

interface Resizable extends ArrayBuffer {
  readonly maxByteLength: number
  resize(bytes: number): void
  grow(bytes: number): void
}

const SEED = 7n

/** A forward of the layer whose backward has not run. */
interface Pending {
  readonly call: bigint
  readonly input: Float32Array
}

export interface Setting {
  readonly length: number
  readonly reuse: boolean
  /** Forwards of the layer before the case. */
  readonly before: 'nothing' | 'forward' | 'both' | 'evaluation'
}

export class World {
  readonly room: Room
  readonly length: number
  /** Everything that code of the caller threw. */
  readonly thrown = new Set<unknown>()
  /** Promises of calls that code of the caller made. */
  readonly waits: Promise<unknown>[] = []
  /** What each bag of options has in the end, unless a trap lies. */
  readonly bags = new Map<unknown, Record<string, unknown>>()
  readonly out: Guarded<Float32Array>
  readonly mask: Guarded<Uint32Array>
  readonly gradient: Float32Array
  readonly layer: Jumpout.Jumpout
  readonly saved: Jumpout.Saved
  /** How often code of the caller has acted on the world. */
  acted = 0
  /** The first tensor that the case made. */
  input: Float32Array | undefined
  /** Its elements before the call. */
  elements: Float32Array | undefined
  /** The layer as it must be. */
  calls = 0n
  training = true
  pending: Pending | undefined
  /** Whether something is pending that is not known. */
  unknownPending = false
  /** Whether the mode has been another one meanwhile. */
  switched = false
  /** Whether the input has had another length meanwhile. */
  resized = false
  /** Whether an error came after all was done. */
  finished = false
  /** Calls the function of the case again. */
  again: () => unknown = () => undefined
  readonly device: DeviceThings | undefined
  /** What cases of `jumpout/tfjs` work on. */
  tfjs: TfjsThings | undefined

  constructor(room: Room, { length, reuse, before }: Setting) {
    const { Jumpout, jumpoutForward } = room.jumpout
    this.room = room
    this.length = length
    this.out = new Guarded(Float32Array, length)
    this.mask = new Guarded(Uint32Array, Math.ceil(length / 32))
    this.gradient = makeInput(length, 'signed', 3)
    this.layer = new Jumpout({ seed: SEED, reuse })
    this.saved = jumpoutForward(makeInput(length), { seed: 5 }).saved
    if (before === 'evaluation') {
      this.layer.eval().forward(makeInput(length))
      this.training = false
    } else if (before !== 'nothing') {
      this.forward()
      if (before === 'both') this.backward()
    }
    this.device = room.hasDevice ? new DeviceThings(room, length) : undefined
    this.acted = 0
  }

  mine(thrown: unknown = new Error('mine')): never {
    this.thrown.add(thrown)
    throw thrown
  }

  /** What the caller's code does; its own errors end there. */
  act(name: keyof typeof ACTIONS): void {
    ++this.acted
    try {
      const result: unknown = ACTIONS[name](this)
      if (result instanceof Promise) this.waits.push(result.catch(() => undefined))
    } catch {
      // Nothing to detach, or in use.
    }
  }

  forward(): void {
    const { calls } = this.layer
    const input = makeInput(this.length, 'activations', Number(calls) + 11)
    this.layer.forward(input)
    if (this.training) this.forwarded(calls, input)
  }

  forwarded(call: bigint, input: Float32Array): void {
    this.calls = call + 1n
    this.pending = { call, input }
    this.unknownPending = false
  }

  backward(): void {
    this.layer.backward(this.gradient.slice())
    if (this.training) this.spent()
  }

  spent(): void {
    this.pending = undefined
    this.unknownPending = false
  }

  setTraining(mode: boolean): void {
    this.layer.train(mode)
    if (mode !== this.training) this.switched = true
    this.training = mode
  }

  /** The seed of the layer's draws. */
  get seed(): bigint {
    return this.room.jumpout.foldIn(SEED, 0)
  }

  gradientOf({ call, input }: Pending, gradient: Float32Array): Float32Array {
    const { jumpoutBackward, jumpoutForward } = this.room.jumpout
    return jumpoutBackward(gradient, jumpoutForward(input, { seed: this.seed, call }).saved)
  }

  /** After a call that threw. */
  assertUnwritten(): void {
    if (this.finished) return
    const isThere = ({ view }: { view: ArrayBufferView }) => view.buffer.byteLength > 0 // not detached
    if (isThere(this.out) && !this.out.untouched) throw new Error('out was written')
    if (isThere(this.mask) && !this.mask.untouched) throw new Error('the mask was written')
    const { input, elements } = this
    if (input === undefined || elements === undefined || lengthOf(input) !== elements.length) return
    if (!this.resized) assertSame(copyOf(input), elements, 'the input')
  }

  /** The layer is as the model of it is, and goes on so. */
  assertState(): void {
    const { layer, calls, training, pending } = this
    if (layer.calls !== calls) throw new Error(`the layer has counted ${layer.calls} calls, not ${calls}`)
    if (layer.training !== training) throw new Error('the mode of the layer has changed')
    layer.train()
    if (pending !== undefined) {
      const gradient = makeInput(pending.input.length, 'signed', 4)
      assertSame(layer.backward(gradient), this.gradientOf(pending, gradient), 'a later gradient')
    }
    const input = makeInput(40)
    const { output } = this.room.jumpout.jumpoutForward(input, { seed: this.seed, call: calls })
    assertSame(layer.forward(input).slice(), output, 'a later forward')
  }

  /** Whether an object is of the class with that name, and does not only look so. */
  owns(value: unknown, name: string): boolean {
    const { layer, saved, device } = this
    const own = [layer, saved, ...(device === undefined ? [] : (Object.values(device) as object[]))]
    return own.some((object) => object === value && object.constructor.name.startsWith(name))
  }

  end(): void {
    this.device?.end()
  }
}

/** Arrays and streams on a device. */
class DeviceThings {
  readonly stream: Jumpout.Stream
  /** Another name of it. */
  readonly alias: Jumpout.Stream
  readonly branch: Jumpout.Stream
  readonly graph: Jumpout.Graph
  readonly input: Jumpout.DeviceArray<'float32'>
  readonly out: Jumpout.DeviceArray<'float32'>
  readonly half: Jumpout.DeviceArray<'float16'>
  readonly mask: Jumpout.DeviceArray<'uint32'>
  readonly count: Jumpout.DeviceArray<'uint64'>
  readonly saved: Jumpout.Saved

  constructor({ jumpout: { DeviceArray, jumpoutForward, Stream } }: Room, length: number) {
    this.stream = new Stream()
    this.alias = Stream.wrap(this.stream.handle)
    this.branch = new Stream()
    this.input = DeviceArray.from(makeInput(length))
    this.out = DeviceArray.alloc(length).clear()
    this.half = DeviceArray.alloc(length, { dtype: 'float16' }).clear()
    this.mask = DeviceArray.alloc(Math.ceil(length / 32), { dtype: 'uint32' }).clear()
    this.count = DeviceArray.alloc(1, { dtype: 'uint64' }).clear()
    this.saved = jumpoutForward(this.input, { seed: 5 }).saved
    this.graph = this.stream.capture(() => this.out.clear({ stream: this.stream }))
  }

  /** Work on the branch, in a capture too. */
  fork(): void {
    this.branch.wait(this.alias)
    this.out.clear({ stream: this.branch })
  }

  assertNoCapture(): void {
    for (const stream of [this.alias, this.branch])
      if (stream.capturing) throw new Error('a stream was left capturing')
  }

  end(): void {
    for (const array of [this.input, this.out, this.half, this.mask, this.count]) array.free()
    this.graph.free()
    for (const stream of [this.stream, this.alias, this.branch]) stream.destroy()
  }
}

const resize = (world: World, bytesOf: (buffer: Resizable) => number): void => {
  const buffer = bufferOf(world.input as Float32Array) as Resizable
  world.resized = true
  if (isSharedArrayBuffer(buffer)) (buffer as Resizable).grow(bytesOf(buffer))
  else buffer.resize(bytesOf(buffer))
}

/** What a getter, a trap or a callback may do before it answers. */
export const ACTIONS = {
  detachInput: (world) => detach.byClone(bufferOf(world.input as Float32Array)),
  postInput: (world) => detach.byMessage(bufferOf(world.input as Float32Array)),
  detachOut: ({ out }) => detach.byClone(out.view.buffer as ArrayBuffer),
  detachMask: ({ mask }) => detach.byMessage(mask.view.buffer as ArrayBuffer),
  detachSaved: ({ saved }) => detach.byClone((saved.mask as Uint32Array).buffer as ArrayBuffer),
  shrinkInput: (world) => resize(world, ({ byteLength }) => byteLength >> 1),
  emptyInput: (world) => resize(world, () => 0),
  growInput: (world) => resize(world, ({ maxByteLength }) => maxByteLength),
  releaseInput: ({ room, input }) => room.jumpout.release(input as Float32Array),
  forward: (world) => world.forward(),
  call: (world) => {
    world.layer.call(makeInput(world.length))
    world.calls = world.layer.calls // as `call` may come from a polluted prototype
  },
  backward: (world) => world.backward(),
  train: (world) => world.setTraining(true),
  evaluate: (world) => world.setTraining(false),
  look: ({ layer }) => [layer.stats, layer.toJSON(), layer.calls],
  forwardElsewhere: ({ room }) => {
    room.jumpout.jumpoutForward(makeInput(99), { seed: 3, rate: 0.25, granularity: 'sample', shape: [9, 11] })
    room.jumpout.jumpoutForward(makeInput(50), { seed: 3, normalize: false, relu: true })
  },
  countElsewhere: ({ room }) =>
    room.jumpout.countActive(makeInput(60), { granularity: 'sample', shape: [6, 10] }),
  forwardLater: ({ room }) => room.jumpout.jumpoutForwardAsync(makeInput(70), { seed: 4 }),
  again: ({ again }) => again(),
  freeOnDevice: ({ device }) => {
    device?.input.free()
    device?.mask.free()
  },
  freeOutOnDevice: ({ device }) => device?.out.free(),
  destroyStream: ({ device }) => device?.stream.destroy(),
  freeGraph: ({ device }) => device?.graph.free(),
  capture: ({ device }) => device?.stream.capture(() => undefined),
  fork: ({ device }) => device?.fork(),
  forkAndDestroy: ({ device }) => {
    device?.fork()
    device?.stream.destroy()
  },
  forkAndJoin: ({ device }) => {
    device?.fork()
    if (device !== undefined) device.alias.wait(device.branch)
  },
  disposeTensor: ({ tfjs }) => tfjs?.disposeTensors(),
  useTfLayer: ({ tfjs }) => tfjs?.useLayer(),
  setTfCalls: ({ tfjs }) => tfjs?.setCalls(),
  switchBackend: ({ tfjs }) => tfjs?.switchBackend(),
} satisfies Record<string, (world: World) => unknown>

export type Action = keyof typeof ACTIONS
export const actions = Object.keys(ACTIONS) as Action[]
