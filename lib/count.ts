/** Counting alone, for tensors that are split over devices or machines. */
import { checkFloats, type Tensor } from './arrays'
import { layoutOf, readGranularity, readShape } from './layout'
import { freshRows } from './memory'
import { native, ROW_LENGTH } from './native'
import { assertObject, type JumpoutOptions, readSettings, refuseDeviceOptions } from './options'
import { fillDescriptor } from './pass'
import { NO_DRAW } from './seed'
import { checkEnd, readOffset } from './shard'

export interface CountOptions extends Pick<JumpoutOptions, 'granularity' | 'shape'> {
  /** Flat index of the input's first element in a larger tensor, whose shape is then `shape`. Default: the input is all. */
  elementOffset?: number | bigint | undefined
}

/** One entry for each group that the input touches; sums over shards are what `Shard` takes. */
export interface Counts {
  active: number[]
  total: number[]
}

const defaults = readSettings({})

/**
 * The active (> 0) and all elements of each group: step 1 of docs/numerics.md alone.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) or RangeError (`ERR_OUT_OF_RANGE`)
 */
export function countActive(input: Tensor, options: CountOptions = {}): Counts {
  const length = checkFloats(input, 'input')
  assertObject(options, 'options')
  refuseDeviceOptions(options)
  const grouping = { granularity: readGranularity(options.granularity), unit: 'element' } as const
  const shape = readShape(options.shape)
  const { elementOffset } = options
  const offset = elementOffset === undefined ? undefined : readOffset(elementOffset, 'options.elementOffset')
  if (offset !== undefined) checkEnd(offset, length, 'options.elementOffset')
  const layout = layoutOf(grouping, shape, length, offset)
  const rows = freshRows(layout.groupCount)
  native.countActive(input, fillDescriptor(defaults, layout, NO_DRAW, false), rows)
  const column = (at: number): number[] =>
    Array.from({ length: layout.groupCount }, (_, g) => rows[g * ROW_LENGTH + at])
  return { active: column(0), total: column(1) }
}
