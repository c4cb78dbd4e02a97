/** The forward pass of one call on a device: check everything, find memory for results, then enqueue. */
import { maskWords } from './arrays'
import { isDeviceArgument, readLike, readOnDevice } from './device-arguments'
import { type DeviceArray, viewOf } from './device-array'
import { describeForward, type DevicePlace } from './device-call'
import type { DeviceSpan } from './device-memory'
import { cutFromSlab } from './device-records'
import { type Layout, layoutOf } from './layout'
import { native, ROW_LENGTH } from './native'
import { assertOptions } from './option-names'
import { CALL, type CallOptions, readSaveMask, readSettings, type Settings } from './options'
import type { DevicePass } from './pass'
import { FRESH } from './results'
import { assertCall, assertSeed, type Draw, drawOf } from './seed'
import { readShard } from './shard'
import { readStream, type Stream } from './stream'

export const placeOf = (array: DeviceArray, stream: number): DevicePlace => ({
  device: array.device,
  stream,
  dtype: array.dtype,
  length: array.length,
})

/** Counts that JavaScript knows, where the device finds them. */
function storeCounts(
  rows: Float64Array,
  device: number,
  stream: Stream | undefined,
  streamHandle: number,
): DeviceSpan {
  const counts = new BigUint64Array(rows.length / ROW_LENGTH)
  for (let g = 0; g < counts.length; ++g) counts[g] = BigInt(rows[g * ROW_LENGTH])
  const span = cutFromSlab(device, stream, counts.byteLength)
  native.store(span.memory.handle, span.offset, streamHandle, counts, false)
  return span
}

/** A number, or one in the memory of the device. */
function readCounter(call: unknown, device: number): DeviceArray | undefined {
  if (!isDeviceArgument(call)) return undefined
  return readOnDevice(call, 'uint64', 1, device, 'options.call')
}

interface Counted {
  readonly layout: Layout
  readonly active: DeviceArray | undefined
  /** Counts that JavaScript has. */
  readonly rows: Float64Array | undefined
  /** Elements of each whole group of a shard, 0 without one. */
  readonly total: number
}

function readCounted(options: CallOptions<DeviceArray>, settings: Settings, input: DeviceArray): Counted {
  const { active, shard } = options
  const { length, device } = input
  const placed =
    shard === undefined ? undefined : readShard(shard, settings, settings.shape, length, active !== undefined)
  const layout = placed?.layout ?? layoutOf(settings, settings.shape, length)
  return {
    layout,
    active:
      active === undefined
        ? undefined
        : readOnDevice(active, 'uint64', layout.groupCount, device, 'options.active'),
    rows: active === undefined ? placed?.rows : undefined,
    // Groups that are samples are all of one size.
    total: placed === undefined ? 0 : placed.rows[1],
  }
}

/** A call whose arguments are known to be good. */
interface DeviceCall {
  readonly input: DeviceArray
  readonly out: DeviceArray | undefined
  readonly givenMask: DeviceArray<'uint32'> | undefined
  readonly saveMask: boolean
  readonly settings: Settings
  readonly draw: Draw
  readonly counter: DeviceArray | undefined
  readonly counted: Counted
  readonly stream: Stream | undefined
  readonly place: DevicePlace
}

function prepare(input: DeviceArray, options: CallOptions<DeviceArray>): DeviceCall {
  assertOptions(options, CALL)
  const { device, length } = input
  const settings = readSettings(options)
  const { seed, call = 0, out, mask, stream } = options
  assertSeed(seed, 'options.seed')
  const counter = readCounter(call, device)
  if (counter === undefined) assertCall(call, 'options.call')
  const saveMask = readSaveMask(options.saveMask, mask)
  return {
    input,
    out: out === undefined ? undefined : readLike(out, input, 'options.out'),
    givenMask:
      mask === undefined
        ? undefined
        : readOnDevice(mask, 'uint32', maskWords(length), device, 'options.mask'),
    saveMask,
    settings,
    draw: drawOf(seed, counter === undefined ? (call as number | bigint) : 0),
    counter,
    counted: readCounted(options, settings, input),
    stream,
    place: placeOf(input, readStream(stream, device)),
  }
}

export function forwardOnDevice(
  input: DeviceArray,
  options: CallOptions<DeviceArray>,
): { output: DeviceArray; pass: DevicePass } {
  const call = prepare(input, options)
  const { settings, counted, stream, place } = call
  const { layout, total } = counted
  const { device, dtype, length } = place
  const records = FRESH.records(device, stream, layout.groupCount)
  const mask = call.saveMask ? (call.givenMask ?? FRESH.deviceMask(input, place.stream)) : undefined
  const output = call.out ?? FRESH.deviceOutput(input, place.stream)
  const active =
    counted.rows === undefined
      ? counted.active && viewOf(counted.active)
      : storeCounts(counted.rows, device, stream, place.stream)
  const { counter } = call
  const parts = { input, output, mask, records, active, counter, total, allActive: false }
  native.deviceForward(describeForward(place, settings, layout, call.draw, parts))
  const draw = counter === undefined ? call.draw : undefined
  const pass = { length, dtype, device, mask, settings, layout, draw, training: true, records, stream }
  return { output, pass }
}
