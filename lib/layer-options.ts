/** The options of a layer and of its calls, read once and checked. */
import { isFloat32Array } from 'node:util/types'
import { checkFloats, checkFloatsOf, type Tensor } from './arrays'
import type { BackwardOptions } from './backward'
import type { CudaMemory } from './cuda-memory'
import { tensorOnDevice } from './device-arguments'
import type { DeviceArray } from './device-array'
import { placeOf } from './device-forward'
import { type DeviceLayerCall, readOut } from './device-layer'
import { readShape, type Shape } from './layout'
import { assertOptions, type NamesOf, type OptionNames, optionNames } from './option-names'
import { type JumpoutOptions, readBoolean, refuseDeviceOptions, SETTINGS } from './options'
import type { Saved } from './saved'
import { assertCall } from './seed'
import { readStream, type Stream } from './stream'

export interface LayerOptions extends JumpoutOptions {
  /** Unsigned 64-bit. Default: fresh entropy. */
  seed?: number | bigint | undefined
  /** Layers that share a seed need different numbers, safe integers >= 0. Default 0. */
  layer?: number | undefined
  /** Forwards in training that count as made: the call number of the next one, below 2^63 - 1. Default 0. */
  calls?: number | bigint | undefined
  /**
   * The layer owns the results of `forward`, and of `backward` without `saved`, as it owns its masks: each is handed out
   * again, and overwritten, at the next call of the same kind in the same mode. Whoever needs one for longer copies it.
   * `call` and `backward` with `saved` make new arrays all the same. Default false.
   */
  reuse?: boolean | undefined
}

export interface LayerForwardOptions<T extends Tensor | CudaMemory = Float32Array> {
  /** Where the result goes; `out: input` works in place. Default: a new array. */
  out?: T | undefined
  /** This input's dimensions, instead of those given to the constructor: the last batch may be smaller. */
  shape?: readonly number[] | undefined
  /** false: backward draws the mask again. Default true. */
  saveMask?: boolean | undefined
  /** On a device: where it is enqueued. Default: the legacy default stream. */
  stream?: Stream | undefined
}

export interface LayerCallOptions<
  T extends Tensor | CudaMemory = Float32Array,
> extends LayerForwardOptions<T> {
  /**
   * A call that is made again, by its number (`saved.call`), below 2^63 - 1: the same draw, and none is counted. In
   * evaluation, which draws nothing, it changes nothing. Default: the next call, which is counted in training.
   */
  call?: number | bigint | undefined
}

export interface LayerBackwardOptions<
  T extends Tensor | CudaMemory = Float32Array,
> extends BackwardOptions<T> {
  /** What `call` returned: the gradient is that of the forward which made it. Default: the last `forward` of this mode. */
  saved?: Saved | undefined
}

export const NEW = optionNames<LayerOptions>('new Jumpout', {
  ...SETTINGS,
  seed: true,
  layer: true,
  calls: true,
  reuse: true,
})
const NAMES: NamesOf<LayerForwardOptions> = { out: true, shape: true, saveMask: true, stream: true }
export const FORWARD = optionNames<LayerForwardOptions>('layer.forward', NAMES)
export const CALL = optionNames<LayerCallOptions>('layer.call', { ...NAMES, call: true })
export const BACKWARD = optionNames<LayerBackwardOptions>('layer.backward', {
  out: true,
  output: true,
  stream: true,
  saved: true,
})

export type AnyCallOptions = LayerCallOptions<Tensor | CudaMemory>

export interface HostLayerCall {
  readonly input: Float32Array
  readonly length: number
  readonly out: Float32Array | undefined
  readonly saveMask: boolean
  readonly stream?: undefined
  readonly place?: undefined
}

export type LayerCall = (HostLayerCall | DeviceLayerCall) & {
  readonly shape: Shape | undefined
}

/** Of a call that is made again. */
export function readCallNumber({ call }: AnyCallOptions): number | bigint | undefined {
  if (call !== undefined) assertCall(call, 'options.call')
  return call
}

function readOnHost(input: unknown, options: AnyCallOptions, names: OptionNames): LayerCall {
  const length = checkFloats(input, 'input')
  refuseDeviceOptions(options)
  assertOptions(options, names)
  const { out } = options
  if (out !== undefined) checkFloatsOf(out, length, 'options.out')
  return {
    input: input as Float32Array,
    length,
    out: out as Float32Array | undefined,
    saveMask: readBoolean(options.saveMask, true, 'options.saveMask'),
    shape: readShape(options.shape),
  }
}

function readOnDevice(input: DeviceArray, options: AnyCallOptions, names: OptionNames): LayerCall {
  assertOptions(options, names)
  const { out, stream } = options
  return {
    input,
    length: input.length,
    saveMask: readBoolean(options.saveMask, true, 'options.saveMask'),
    place: placeOf(input, readStream(stream, input.device)),
    out: readOut(out, input),
    stream,
    shape: readShape(options.shape),
  }
}

export function readLayerCall(input: unknown, options: AnyCallOptions, names: OptionNames): LayerCall {
  if (!isFloat32Array(input)) {
    const array = tensorOnDevice(input, 'input')
    if (array !== undefined) return readOnDevice(array, options, names)
  }
  return readOnHost(input, options, names)
}
