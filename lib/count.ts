/** Counting alone, for tensors that are split over devices or machines. */
import { isFloat32Array } from 'node:util/types'
import { checkFloats, type Tensor } from './arrays'
import type { CudaMemory } from './cuda-memory'
import { readOnDevice, tensorOnDevice } from './device-arguments'
import { arrayOf, DeviceArray, viewOf } from './device-array'
import { describeCount } from './device-call'
import { allocateOnDevice } from './device-memory'
import { placeOf } from './device-forward'
import { invalidType, wouldWait } from './errors'
import { type Layout, layoutOf, readGranularity, readShape } from './layout'
import { freshRows } from './memory'
import { native, ROW_LENGTH } from './native'
import { assertOptions, optionNames } from './option-names'
import { type JumpoutOptions, readSettings, refuseDeviceOptions } from './options'
import { fillDescriptor } from './pass'
import { NO_DRAW } from './seed'
import { checkEnd, readOffset } from './shard'
import { readStream, type Stream } from './stream'

export interface CountOptions extends Pick<JumpoutOptions, 'granularity' | 'shape'> {
  /** Flat index of the input's first element in a larger tensor, whose shape is then `shape`. Default: the input is all. */
  elementOffset?: number | bigint | undefined
  /** On a device: where it is enqueued. Default: the legacy default stream. */
  stream?: Stream | undefined
}

export interface DeviceCountOptions extends CountOptions {
  /** Where the active counts go, one uint64 a group: nothing waits, and forward takes them as `active`. */
  out: DeviceArray | CudaMemory
}

const COUNT = optionNames<DeviceCountOptions>('countActive', {
  granularity: true,
  shape: true,
  elementOffset: true,
  stream: true,
  out: true,
})

/** One entry for each group that the input touches; sums over shards are what `Shard` takes. */
export interface Counts {
  active: number[]
  total: number[]
}

const defaults = readSettings({})

function readLayout(options: CountOptions, length: number): Layout {
  const grouping = { granularity: readGranularity(options.granularity), unit: 'element' } as const
  const shape = readShape(options.shape)
  const { elementOffset } = options
  const offset = elementOffset === undefined ? undefined : readOffset(elementOffset, 'options.elementOffset')
  if (offset !== undefined) checkEnd(offset, length, 'options.elementOffset')
  return layoutOf(grouping, shape, length, offset)
}

/** Elements of each group within the range: what is active among them is counted, this is arithmetic. */
function totalsOf({ elementOffset, groupSize, groupCount }: Layout, length: number): number[] {
  if (groupSize === 0) return [length]
  const first = Math.floor(elementOffset / groupSize)
  return Array.from({ length: groupCount }, (_, g) => {
    const begin = Math.max((first + g) * groupSize, elementOffset)
    return Math.max(Math.min((first + g + 1) * groupSize, elementOffset + length) - begin, 0)
  })
}

function countOnDevice(input: DeviceArray, options: Partial<DeviceCountOptions>): Counts | DeviceArray {
  assertOptions(options, COUNT)
  const layout = readLayout(options, input.length)
  const { device } = input
  const { out, stream } = options
  const place = placeOf(input, readStream(stream, device))
  const count = layout.groupCount
  if (out !== undefined) {
    const active = readOnDevice(out, 'uint64', count, device, 'options.out')
    native.deviceCountActive(describeCount(place, defaults, layout, input, viewOf(active)))
    return active
  }
  if (stream?.capturing === true) throw wouldWait('countActive without options.out')
  const active = arrayOf(allocateOnDevice(device, 8 * count, place.stream), 0, count, 'uint64')
  try {
    native.deviceCountActive(describeCount(place, defaults, layout, input, viewOf(active)))
    return { active: Array.from(active.toHost({ stream }), Number), total: totalsOf(layout, input.length) }
  } finally {
    active.free()
  }
}

/**
 * The active (> 0) and all elements of each group: step 1 of docs/numerics.md alone. On a device this waits for the
 * counts, unless they are to stay there (`options.out`).
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`); CudaError
 */
export function countActive(
  input: DeviceArray | CudaMemory,
  options: DeviceCountOptions,
): DeviceArray<'uint64'>
export function countActive(input: Tensor | CudaMemory, options?: CountOptions): Counts
export function countActive(
  input: Tensor | CudaMemory,
  options: CountOptions | DeviceCountOptions = {},
): Counts | DeviceArray {
  if (!isFloat32Array(input)) {
    const array = tensorOnDevice(input, 'input')
    if (array !== undefined) return countOnDevice(array, options)
  }
  const length = checkFloats(input, 'input')
  refuseDeviceOptions(options)
  assertOptions(options, COUNT)
  const { out } = options as Partial<DeviceCountOptions>
  if (out !== undefined) {
    throw invalidType('nothing, as the counts of host arrays are numbers,', 'options.out', out)
  }
  const layout = readLayout(options, length)
  const rows = freshRows(layout.groupCount)
  native.countActive(input as Float32Array, fillDescriptor(defaults, layout, NO_DRAW, false), rows)
  const column = (at: number): number[] =>
    Array.from({ length: layout.groupCount }, (_, g) => rows[g * ROW_LENGTH + at])
  return { active: column(0), total: column(1) }
}
