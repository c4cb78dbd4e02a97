/**
 * Which elements share a count and a rate, and which fall together: shapes, groups and units (docs/numerics.md, Terms), and
 * ranges of a larger tensor, whose counts come from outside (docs/numerics.md, Splitting).
 */
import { invalidType, invalidValue, outOfRange, readInteger } from './errors'

/** What shares one active count and one rate: the whole tensor (the paper's), or each index of the first dimension. */
export type Granularity = 'batch' | 'sample'
/** What is dropped as a whole: one element, or one index pair of the first two dimensions (spatial dropout). */
export type Unit = 'element' | 'channel'

/** A shape and its products. */
export interface Shape {
  readonly dimensions: readonly number[]
  readonly elements: number
  readonly sampleSize: number
  readonly planeSize: number
}

/** Where a range of elements lies: jumpout_layout of the C API, and the number of groups that the range touches. */
export interface Layout {
  readonly elementOffset: number
  /** 0: the whole tensor is one group. */
  readonly groupSize: number
  readonly unitSize: number
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

const SHAPE = 'options.shape'
const product = (numbers: readonly number[], from: number): number => {
  let result = 1
  for (let i = from; i < numbers.length; ++i) result *= numbers[i]
  return result
}

export function readShape(value: unknown): Shape | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw invalidType('an array of dimensions', SHAPE, value)
  const sizes = Array.from(value as readonly unknown[], (dimension) =>
    readInteger(dimension, 'dimensions that are integers >= 0', SHAPE),
  )
  // A dimension of 0 must not hide that the others overflow.
  const capacity = product(
    sizes.map((size) => Math.max(size, 1)),
    0,
  )
  if (capacity > Number.MAX_SAFE_INTEGER) throw outOfRange('a product of at most 2^53 - 1', SHAPE, capacity)
  return {
    dimensions: sizes,
    elements: product(sizes, 0),
    sampleSize: product(sizes, 1),
    planeSize: product(sizes, 2),
  }
}

function assertDimensions(shape: Shape | undefined, least: number, expected: string): asserts shape is Shape {
  if (shape === undefined) throw invalidType(expected, SHAPE, undefined)
  const { length } = shape.dimensions
  if (length < least)
    throw outOfRange(expected, SHAPE, `one of ${length} dimension${length === 1 ? '' : 's'}`)
}

/** Says which elements belong together, once the options are known. */
export interface Grouping {
  readonly granularity: Granularity
  readonly unit: Unit
}

const WHOLE: Layout = { elementOffset: 0, groupSize: 0, unitSize: 1, groupCount: 1 }

/** `elementOffset` undefined: the range is the whole tensor, so that the shape must account for every element. */
export function layoutOf(
  { granularity, unit }: Grouping,
  shape: Shape | undefined,
  length: number,
  elementOffset?: number,
): Layout {
  if (shape === undefined && elementOffset === undefined && granularity === 'batch' && unit === 'element')
    return WHOLE
  let groupSize = 0
  let unitSize = 1
  if (granularity === 'sample') {
    assertDimensions(shape, 1, "[N, ...], which granularity 'sample' needs,")
    groupSize = shape.sampleSize
  }
  if (unit === 'channel') {
    assertDimensions(shape, 2, "[N, C, ...], which unit 'channel' needs,")
    unitSize = Math.max(shape.planeSize, 1) // empty planes leave nothing to divide
  }
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
  return { elementOffset: offset, groupSize, unitSize, groupCount: countGroups(length, offset, groupSize) }
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

/** The end of the range, too, must be a number that is exact. */
export function checkEnd(offset: number, length: number, argument: string): void {
  if (offset + length > Number.MAX_SAFE_INTEGER) {
    throw outOfRange(`an offset that ends at 2^53 - 1 with ${length} elements`, argument, offset)
  }
}

/** Where a tensor sits in a larger one; `shape` is then the larger one's, and its groups' counts are given. */
export interface Shard {
  /** Flat index, in the larger tensor, of this one's first element. */
  elementOffset: number | bigint
  /** Elements > 0 of each whole group that the shard touches, summed over all shards. */
  active: readonly number[]
  /** All elements of the same groups. */
  total: readonly number[]
}

/** On a device the counts may come in `options.active` instead. */
export type DeviceShard = Omit<Shard, 'active'> & { active?: undefined }

/** Of whole groups, one entry each. */
export interface GroupCounts {
  /** Elements > 0; undefined: they are elsewhere. */
  readonly active: readonly number[] | undefined
  readonly total: readonly number[]
}

function readCounts(value: unknown, groupCount: number, argument: string): readonly number[] {
  if (!Array.isArray(value)) throw invalidType('an array of counts', argument, value)
  const counts = Array.from(value as readonly unknown[])
  if (counts.length !== groupCount) {
    throw outOfRange(
      `${groupCount} count${groupCount === 1 ? '' : 's'}, one a group,`,
      argument,
      counts.length,
    )
  }
  return counts.map((count) => readInteger(count, 'counts that are integers >= 0', argument))
}

/** What a group must hold at least, and where a shape says so, exactly. */
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
