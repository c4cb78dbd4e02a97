/** Counts active elements only, for tensors that are split over devices or machines. */
import type { CudaMemory, DeviceArray, StreamedOptions, Tensor } from './cuda/array'
import { cuda, tensorOnDevice } from './cuda/place'
import { host, tensorOnHost } from './host/place'
import { checkEnd, type Layout, layoutOf, readGranularity, readOffset, readShape } from './layout'
import { optionNames } from './option-names'
import type { JumpoutOptions } from './options'
import type { Kinds, Place } from './pass'

/** Options of {@link countActive}. */
export interface CountOptions extends Pick<JumpoutOptions, 'granularity' | 'shape'>, StreamedOptions {
  /** Flat index of the input's first element in a larger tensor, whose shape is then `shape`. Default: the input is all. */
  elementOffset?: number | bigint | undefined
}

/** Options of {@link countActive} where the counts stay on the device. */
export interface DeviceCountOptions extends CountOptions {
  /** Where the active counts go, one uint64 per group. Nothing waits; {@link jumpoutForward} takes them as `options.active`. */
  out: DeviceArray | CudaMemory
}

const COUNT = optionNames<DeviceCountOptions>('countActive', {
  granularity: true,
  shape: true,
  elementOffset: true,
  stream: true,
  out: true,
})

/** One entry per group that the input touches. {@link Shard} takes the sums over all shards. */
export interface Counts {
  /** Elements > 0 of each group. */
  active: number[]
  /** All elements of each group. */
  total: number[]
}

/** Counts know of no units. */
const NO_UNITS = { unit: 'element', dataFormat: 'channelsFirst' } as const

function readLayout(options: CountOptions, length: number): Layout {
  const granularity = readGranularity(options.granularity)
  const shape = readShape(options.shape)
  const { elementOffset } = options
  const offset = elementOffset === undefined ? undefined : readOffset(elementOffset, 'options.elementOffset')
  if (offset !== undefined) checkEnd(offset, length, 'options.elementOffset')
  return layoutOf({ granularity, ...NO_UNITS }, shape, length, offset)
}

/** Elements of each group within the range, which follow from the layout alone. */
function totalsOf({ elementOffset, groupSize, groupCount }: Layout, length: number): number[] {
  if (groupSize === 0) return [length]
  const first = Math.floor(elementOffset / groupSize)
  return Array.from({ length: groupCount }, (_, g) => {
    const begin = Math.max((first + g) * groupSize, elementOffset)
    return Math.max(Math.min((first + g + 1) * groupSize, elementOffset + length) - begin, 0)
  })
}

function count<K extends Kinds>(
  place: Place<K>,
  input: K['tensor'],
  options: Partial<DeviceCountOptions>,
): Counts | K['tensor'] {
  const length = place.lengthOf(input)
  place.assertOptions(options, COUNT)
  const { out: givenOut, stream } = options
  const layout = readLayout(options, length)
  const out =
    givenOut === undefined ? undefined : place.countsFor(input, layout.groupCount, givenOut, 'options.out')
  const streamOfCall = place.streamFor(input, stream)
  place.assertUnchanged(input, length, 'input')
  const active = place.count(input, layout, out, streamOfCall)
  return Array.isArray(active) ? { active, total: totalsOf(layout, length) } : active
}

/**
 * Numbers of active (> 0) and of all elements per group: step 1 of docs/numerics.md alone. On a device this waits for the
 * counts, unless `options.out` takes them there.
 *
 * @param input n elements, row-major; read only
 * @param options how elements form groups, which part of a tensor this is, and on a device where the counts go
 * @returns the counts, or `options.out`
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
  const array = tensorOnDevice(input, 'input')
  return array === undefined
    ? (count(host, tensorOnHost(input, 'input'), options) as Counts)
    : count(cuda, array, options)
}
