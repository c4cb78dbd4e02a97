/** Which elements share a count and a rate, and which fall together: shapes, groups and units (docs/numerics.md, Terms). */
import { invalidType, invalidValue, outOfRange } from './errors'

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
  const dimensions = Array.from(value as readonly unknown[])
  for (const dimension of dimensions) {
    if (typeof dimension !== 'number')
      throw invalidType('dimensions that are integers >= 0', SHAPE, dimension)
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw outOfRange('dimensions that are integers >= 0', SHAPE, dimension)
    }
  }
  const sizes = dimensions as number[]
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
