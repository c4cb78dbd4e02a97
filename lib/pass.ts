/** One forward call, as it is handed to the binding and as backward finds it again. */
import type { Layout } from './layout'
import { DESCRIPTOR_LENGTH, ROW_LENGTH } from './native'
import type { Settings } from './options'
import type { Draw } from './seed'

/** A forward call that was made. */
export interface Pass {
  readonly length: number
  readonly mask: Uint32Array | undefined
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
  /** Statistics, ROW_LENGTH numbers a group. */
  readonly rows: ArrayLike<number>
}

/** Filled right before each call of the binding, which copies it: no code of a caller runs in between. */
const scratch = new Float64Array(DESCRIPTOR_LENGTH + ROW_LENGTH)

/** In the order of FIELDS in native.ts. */
export function fillDescriptor(
  settings: Settings,
  layout: Layout,
  draw: Draw,
  counted: boolean,
): Float64Array {
  scratch[0] = settings.sigma
  scratch[1] = settings.pMin
  scratch[2] = settings.pMax
  scratch[3] = settings.rate
  scratch[4] = settings.maxRate
  scratch[5] = settings.exponent
  scratch[6] = settings.normalize ? 1 : 0
  scratch[7] = settings.relu ? 1 : 0
  scratch[8] = draw.seedLow
  scratch[9] = draw.seedHigh
  scratch[10] = draw.callLow
  scratch[11] = draw.callHigh
  scratch[12] = layout.elementOffset
  scratch[13] = layout.groupSize
  scratch[14] = layout.unitSize
  scratch[15] = counted ? 1 : 0
  return scratch
}

/** The row of a call with one group, behind the descriptor's fields: one array less to hand over. */
export const oneRow = scratch.subarray(DESCRIPTOR_LENGTH)

/** As the binding wants them: the descriptor's own row goes unnamed. */
export const rowsApart = (rows: Float64Array): Float64Array | undefined =>
  rows === oneRow ? undefined : rows

/** What the binding wrote, apart from the scratch row. */
export const keepRows = (rows: Float64Array): ArrayLike<number> =>
  rows === oneRow ? [rows[0], rows[1], rows[2], rows[3], rows[4]] : rows

/** The reverse, for backward. */
export function rowsForBinding(rows: ArrayLike<number>): Float64Array | undefined {
  if (rows instanceof Float64Array) return rows
  for (let i = 0; i < ROW_LENGTH; ++i) oneRow[i] = rows[i]
  return undefined
}
