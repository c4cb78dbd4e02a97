/** The forward pass of one call: check everything, find memory for results, then run. */
import { isFloat32Array } from 'node:util/types'
import { readSignal, unlessAborted } from './abort'
import { checkFloats, checkFloatsOf, checkMask, type Tensor } from './arrays'
import type { CudaMemory } from './cuda-memory'
import { tensorOnDevice } from './device-arguments'
import type { DeviceArray } from './device-array'
import { forwardOnDevice } from './device-forward'
import { checkFixed } from './fixed'
import { type Layout, layoutOf } from './layout'
import { freshRows } from './memory'
import { native } from './native'
import { assertOptions, type OptionNames } from './option-names'
import {
  ASYNC_CALL,
  type AsyncCallOptions,
  CALL,
  type CallOptions,
  readSaveMask,
  readSettings,
  refuseDeviceOptions,
  type Settings,
} from './options'
import { fillDescriptor, type HostPass, keepRows, rowsApart } from './pass'
import { FRESH } from './results'
import { type Saved, SavedPass } from './saved'
import { assertCall, assertSeed, type Draw, drawOf } from './seed'
import { readShard } from './shard'

export interface ForwardResult<T extends Tensor = Float32Array> {
  /** `out`, where it was given. */
  output: T
  /** Hand it to backward. */
  saved: Saved
}

/** A call whose arguments are known to be good. */
interface ForwardCall {
  readonly input: Float32Array
  readonly length: number
  readonly out: Float32Array | undefined
  readonly givenMask: Uint32Array | undefined
  readonly saveMask: boolean
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
  /** Counts of whole groups, of a shard. */
  readonly counted: Float64Array | undefined
}

function prepare(input: unknown, options: CallOptions<Tensor>, names: OptionNames): ForwardCall {
  const length = checkFloats(input, 'input')
  refuseDeviceOptions(options)
  assertOptions(options, names)
  const settings = readSettings(options)
  const { seed, call = 0, out, mask: givenMask, shard } = options
  assertSeed(seed, 'options.seed')
  assertCall(call, 'options.call')
  if (out !== undefined) checkFloatsOf(out, length, 'options.out')
  const saveMask = readSaveMask(options.saveMask, givenMask)
  if (givenMask !== undefined) checkMask(givenMask, length, 'options.mask')
  const placed = shard === undefined ? undefined : readShard(shard, settings, settings.shape, length)
  const layout = placed?.layout ?? layoutOf(settings, settings.shape, length)
  const draw = drawOf(seed, call)
  return {
    input: input as Float32Array,
    length,
    out: out as Float32Array | undefined,
    givenMask: givenMask as Uint32Array | undefined,
    saveMask,
    settings,
    layout,
    draw,
    counted: placed?.rows,
  }
}

const maskOf = ({ saveMask, givenMask, length }: ForwardCall): Uint32Array | undefined =>
  saveMask ? (givenMask ?? FRESH.mask(length)) : undefined

function passOf(call: ForwardCall, mask: Uint32Array | undefined, rows: Float64Array): HostPass {
  const { length, settings, layout, draw } = call
  return { length, mask, settings, layout, draw, training: true, rows: keepRows(rows) }
}

/**
 * Jumpout on one tensor, as in training (docs/numerics.md): counts what is active, draws a rate, drops, scales. Evaluation
 * is the identity; `Jumpout` knows the difference. On a device it is enqueued, and nothing waits.
 *
 * @param input n elements, row-major; read only, unless it is `options.out`
 * @returns the output, and what backward needs
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`,
 * `ERR_OUT_OF_MEMORY`), with nothing written; CudaError
 */
export function jumpoutForward<T extends Tensor>(input: T, options: CallOptions<T>): ForwardResult<T>
/** Memory of another library is taken for float32, and comes back as a DeviceArray on the same memory. */
export function jumpoutForward(
  input: DeviceArray<'float32'> | CudaMemory,
  options: CallOptions<DeviceArray<'float32'> | CudaMemory>,
): ForwardResult<DeviceArray<'float32'>>
export function jumpoutForward(
  input: Tensor | CudaMemory,
  options: CallOptions<Tensor | CudaMemory>,
): ForwardResult<Tensor> {
  if (!isFloat32Array(input)) {
    const array = tensorOnDevice(input, 'input')
    if (array !== undefined) {
      const { output, pass } = forwardOnDevice(array, options as CallOptions<DeviceArray>)
      return { output, saved: new SavedPass(pass) }
    }
  }
  const call = prepare(input, options as CallOptions<Tensor>, CALL)
  const { layout, counted } = call
  const rows = counted ?? FRESH.rows(layout.groupCount)
  const mask = maskOf(call)
  const output = call.out ?? FRESH.output(call.input)
  native.forward(
    call.input,
    output,
    mask,
    fillDescriptor(call.settings, layout, call.draw, counted !== undefined),
    rowsApart(rows),
  )
  return { output, saved: new SavedPass(passOf(call, mask, rows)) }
}

/**
 * The same off the main thread, for arrays on the host. Errors reject. Until the promise settles the arrays must not be
 * touched: to detach or transfer one in flight cannot be made safe. Arrays over resizable buffers are refused.
 */
export async function jumpoutForwardAsync<T extends Float32Array>(
  input: T,
  options: AsyncCallOptions<T>,
): Promise<ForwardResult<T>> {
  const call = prepare(input, options, ASYNC_CALL)
  const signal = readSignal(options.signal)
  const { layout, counted } = call
  checkFixed(input, 'input')
  checkFixed(call.out, 'options.out')
  checkFixed(call.givenMask, 'options.mask')
  const rows = counted ?? freshRows(layout.groupCount)
  const mask = maskOf(call)
  const output = call.out ?? FRESH.output(input)
  await unlessAborted(signal, (turn) => {
    const descriptor = fillDescriptor(call.settings, layout, call.draw, counted !== undefined)
    return native.forwardAsync(input, output, mask, descriptor, rows, turn)
  })
  return { output: output as T, saved: new SavedPass(passOf(call, mask, rows)) }
}
