/** Ranges of a larger tensor, whose counts come from outside (docs/numerics.md, Splitting). */
import { invalidType, outOfRange } from './errors'
import { assertOptions, optionNames } from './option-names'
import { type Grouping, type Layout, layoutOf, type Shape } from './layout'
import { ROW_LENGTH } from './native'

/** Where a tensor sits in a larger one; `shape` is then the larger one's, and its groups' counts are given. */
export interface Shard {
  /** Flat index, in the larger tensor, of this one's first element. */
  elementOffset: number | bigint
  /** Elements > 0 of each whole group that the shard touches, summed over all shards. */
  active: readonly number[]
  /** All elements of the same groups. */
  total: readonly number[]
}

const SHARD = optionNames<Shard>('a shard', { elementOffset: true, active: true, total: true })

/** On a device the counts may come in `options.active` instead. */
export type DeviceShard = Omit<Shard, 'active'> & { active?: undefined }

export interface ShardLayout {
  readonly layout: Layout
  /** Rows of statistics with the counts filled in. */
  readonly rows: Float64Array
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
  for (const count of counts) {
    if (typeof count !== 'number') throw invalidType('counts that are integers >= 0', argument, count)
    if (!Number.isSafeInteger(count) || count < 0)
      throw outOfRange('counts that are integers >= 0', argument, count)
  }
  return counts as readonly number[]
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

export function readShard(
  value: unknown,
  grouping: Grouping,
  shape: Shape | undefined,
  length: number,
  countedElsewhere = false,
): ShardLayout {
  assertOptions(value, SHARD, 'options.shard')
  const shard = value as Partial<Shard>
  const offset = readOffset(shard.elementOffset, 'options.shard.elementOffset')
  checkEnd(offset, length, 'options.shard.elementOffset')
  const layout = layoutOf(grouping, shape, length, offset)
  if (countedElsewhere && shard.active !== undefined) {
    throw invalidType('nothing, as options.active has the counts,', 'options.shard.active', shard.active)
  }
  const active = countedElsewhere
    ? undefined
    : readCounts(shard.active, layout.groupCount, 'options.shard.active')
  const total = readCounts(shard.total, layout.groupCount, 'options.shard.total')
  const rows = new Float64Array(ROW_LENGTH * layout.groupCount)
  for (let g = 0; g < layout.groupCount; ++g) {
    checkTotal(total[g], g, layout, length, shape)
    rows[ROW_LENGTH * g + 1] = total[g]
    if (active === undefined) continue
    if (active[g] > total[g]) {
      throw outOfRange(`at most ${total[g]}, the group's total,`, 'options.shard.active', active[g])
    }
    rows[ROW_LENGTH * g] = active[g]
  }
  return { layout, rows }
}
