/**
 * Which elements share a count and a rate, and which are dropped together: shapes, groups and units (docs/numerics.md,
 * Terms), and shards, ranges of a larger tensor whose counts the caller gives (docs/numerics.md, Shards).
 */
import { invalidType, invalidValue, isRevoked, outOfRange, readInteger } from './errors'

/** Which elements share one active count and one rate: the whole tensor (paper), or each index of the first dimension. */
export type Granularity = 'batch' | 'sample'
/** Which elements are dropped together: each alone, or a channel of a sample, which {@link DataFormat} places. */
export type Unit = 'element' | 'channel'
/** Where the channels are: in the second dimension, [N, C, ...], or in the last one, [N, ..., C]. */
export type DataFormat = 'channelsFirst' | 'channelsLast'

/** A shape and its products. */
export interface Shape {
  readonly dimensions: readonly number[]
  readonly elements: number
  readonly sampleSize: number
}

/** Where a range of elements lies: jumpout_layout of the C API, and the number of groups that the range touches. */
export interface Layout {
  readonly elementOffset: number
  /** 0: the whole tensor is one group. */
  readonly groupSize: number
  readonly unitSize: number
  /** 0: a unit's elements lie together. */
  readonly channels: number
  readonly groupCount: number
}

function oneOf<T extends string>(value: unknown, first: T, second: T, argument: string): T {
  if (value === undefined || value === first) return first
  if (value === second) return second
  const expected = `'${first}' or '${second}'`
  if (typeof value === 'string') throw invalidValue(expected, argument, `'${value.slice(0, 40)}'`)
  throw invalidType(expected, argument, value)
}

export const readGranularity = (value: unknown): Granularity =>
  oneOf(value, 'batch', 'sample', 'options.granularity')
export const readUnit = (value: unknown): Unit => oneOf(value, 'element', 'channel', 'options.unit')
export const readDataFormat = (value: unknown, missing: DataFormat): DataFormat =>
  oneOf(value === undefined ? missing : value, 'channelsFirst', 'channelsLast', 'options.dataFormat')

const SHAPE = 'options.shape'
const product = (numbers: readonly number[], from: number): number => {
  let result = 1
  for (let i = from; i < numbers.length; ++i) result *= numbers[i]
  return result
}

/** Bounds the time that a shape takes. */
const MOST_DIMENSIONS = 1024

const isList = (value: unknown): value is readonly unknown[] => !isRevoked(value) && Array.isArray(value)

/** By index, since iterators are code of a caller, which might not end. */
function readEntries(list: readonly unknown[], length: number, expected: string, argument: string): number[] {
  const entries: number[] = []
  for (let i = 0; i < length; ++i) entries.push(readInteger(list[i], expected, argument))
  return entries
}

export function readShape(value: unknown): Shape | undefined {
  if (value === undefined) return undefined
  if (!isList(value)) throw invalidType('an array of dimensions', SHAPE, value)
  const rank = readInteger(value.length, `at most ${MOST_DIMENSIONS} dimensions`, SHAPE, MOST_DIMENSIONS)
  const sizes = readEntries(value, rank, 'dimensions that are integers >= 0', SHAPE)
  // A dimension of 0 must not hide an overflow of the others.
  const capacity = product(
    sizes.map((size) => Math.max(size, 1)),
    0,
  )
  if (capacity > Number.MAX_SAFE_INTEGER) throw outOfRange('a product of at most 2^53 - 1', SHAPE, capacity)
  return {
    dimensions: sizes,
    elements: product(sizes, 0),
    sampleSize: product(sizes, 1),
  }
}

function assertDimensions(shape: Shape | undefined, least: number, expected: string): asserts shape is Shape {
  if (shape === undefined) throw invalidType(expected, SHAPE, undefined)
  const { length } = shape.dimensions
  if (length < least)
    throw outOfRange(expected, SHAPE, `one of ${length} dimension${length === 1 ? '' : 's'}`)
}

/** The options that decide which elements belong together. */
export interface Grouping {
  readonly granularity: Granularity
  readonly unit: Unit
  readonly dataFormat: DataFormat
}

const ELEMENTS = { unitSize: 1, channels: 0 } as const
const WHOLE: Layout = { elementOffset: 0, groupSize: 0, ...ELEMENTS, groupCount: 1 }

/** Channels of one element are the same units as elements, and channels of none leave nothing to divide. */
function unitsOf(
  { unit, dataFormat }: Grouping,
  shape: Shape | undefined,
): Pick<Layout, 'unitSize' | 'channels'> {
  if (unit === 'element') return ELEMENTS
  const last = dataFormat === 'channelsLast'
  const form = last ? '[N, ..., C]' : '[N, C, ...]'
  assertDimensions(shape, 2, `${form}, which unit 'channel'${last ? " with 'channelsLast'" : ''} needs,`)
  const { dimensions, sampleSize } = shape
  const channels = dimensions[last ? dimensions.length - 1 : 1]
  const unitSize = sampleSize / channels
  return unitSize > 1 ? { unitSize, channels: last ? channels : 0 } : ELEMENTS
}

/** `elementOffset` undefined: the range is the whole tensor, so `shape` must have exactly its number of elements. */
export function layoutOf(
  grouping: Grouping,
  shape: Shape | undefined,
  length: number,
  elementOffset?: number,
): Layout {
  const { granularity, unit } = grouping
  if (shape === undefined && elementOffset === undefined && granularity === 'batch' && unit === 'element')
    return WHOLE
  let groupSize = 0
  if (granularity === 'sample') {
    assertDimensions(shape, 1, "[N, ...], which granularity 'sample' needs,")
    groupSize = shape.sampleSize
  }
  const units = unitsOf(grouping, shape)
  const offset = elementOffset ?? 0
  if (shape !== undefined) {
    const { elements } = shape
    if (elementOffset === undefined && elements !== length) {
      throw outOfRange(`a product of ${length}, the length of the array,`, SHAPE, elements)
    }
    if (offset + length > elements) {
      throw outOfRange(`a product of at least ${offset + length}, where the shard ends,`, SHAPE, elements)
    }
  }
  return { elementOffset: offset, groupSize, ...units, groupCount: countGroups(length, offset, groupSize) }
}

function countGroups(length: number, offset: number, groupSize: number): number {
  if (length === 0 || groupSize === 0) return 1
  return Math.floor((offset + length - 1) / groupSize) - Math.floor(offset / groupSize) + 1
}

const EXPECTED_OFFSET = 'an integer from 0 to 2^53 - 1'

export function readOffset(value: unknown, argument: string): number {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw invalidType(EXPECTED_OFFSET, argument, value)
  const offset = Number(value)
  if (!Number.isSafeInteger(offset) || offset < 0) throw outOfRange(EXPECTED_OFFSET, argument, value)
  return offset
}

/** The end of the range must be a safe integer too. */
export function checkEnd(offset: number, length: number, argument: string): void {
  if (offset + length > Number.MAX_SAFE_INTEGER) {
    throw outOfRange(`an offset that ends at 2^53 - 1 with ${length} elements`, argument, offset)
  }
}

/** The position of a tensor in a larger one, whose dimensions `shape` then gives, and the counts of that one's groups. */
export interface Shard {
  /** Flat index of this tensor's first element in the larger one: an integer from 0 to 2^53 - 1. */
  elementOffset: number | bigint
  /** Elements > 0 of each whole group that the shard touches, summed over all shards: one entry per group. */
  active: readonly number[]
  /** All elements of the same groups: one entry per group. */
  total: readonly number[]
}

/** A shard on a device, whose active counts `options.active` has. */
export type DeviceShard = Omit<Shard, 'active'> & {
  /** Left out. */
  active?: undefined
}

/** Counts of whole groups, one entry per group. */
export interface GroupCounts {
  /** Elements > 0; undefined if `options.active` has them. */
  readonly active: readonly number[] | undefined
  readonly total: readonly number[]
}

function readCounts(value: unknown, groupCount: number, argument: string): readonly number[] {
  if (!isList(value)) throw invalidType('an array of counts', argument, value)
  const { length } = value
  if (length !== groupCount) {
    throw outOfRange(`${groupCount} count${groupCount === 1 ? '' : 's'}, one per group,`, argument, length)
  }
  return readEntries(value, groupCount, 'counts that are integers >= 0', argument)
}

/** The total of a group must be its size in `shape`, or without a shape at least where the shard ends. */
function checkTotal(
  total: number,
  group: number,
  layout: Layout,
  length: number,
  shape: Shape | undefined,
): void {
  if (shape !== undefined) {
    const exact = layout.groupSize === 0 ? shape.elements : shape.sampleSize
    if (total !== exact)
      throw outOfRange(`${exact}, the size of group ${group},`, 'options.shard.total', total)
  } else if (total < layout.elementOffset + length) {
    const least = layout.elementOffset + length
    throw outOfRange(`at least ${least}, where the shard ends,`, 'options.shard.total', total)
  }
}

/** @param shard an object */
export function readShard(
  shard: Partial<Shard>,
  grouping: Grouping,
  shape: Shape | undefined,
  length: number,
  countedElsewhere: boolean,
): { layout: Layout; counts: GroupCounts } {
  const offset = readOffset(shard.elementOffset, 'options.shard.elementOffset')
  checkEnd(offset, length, 'options.shard.elementOffset')
  const layout = layoutOf(grouping, shape, length, offset)
  const { active: given } = shard
  if (countedElsewhere && given !== undefined) {
    throw invalidType('nothing, as options.active has the counts,', 'options.shard.active', given)
  }
  const active = countedElsewhere ? undefined : readCounts(given, layout.groupCount, 'options.shard.active')
  const total = readCounts(shard.total, layout.groupCount, 'options.shard.total')
  for (let g = 0; g < layout.groupCount; ++g) {
    checkTotal(total[g], g, layout, length, shape)
    if (active !== undefined && active[g] > total[g]) {
      throw outOfRange(`at most ${total[g]}, the group's total,`, 'options.shard.active', active[g])
    }
  }
  return { layout, counts: { active, total } }
}
