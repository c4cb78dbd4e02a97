/** One forward call, as it is handed to the binding and as backward finds it again. */
import type { DeviceArray } from './device-array'
import type { DeviceSpan } from './device-memory'
import type { DType } from './dtype'
import type { Layout } from './layout'
import { DESCRIPTOR_LENGTH, ROW_LENGTH } from './native'
import type { Settings } from './options'
import type { Draw } from './seed'
import type { Stream } from './stream'

/** A forward call that was made on the host. */
export interface HostPass {
  readonly length: number
  readonly mask: Uint32Array | undefined
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
  /** false: nothing was drawn. */
  readonly training: boolean
  /** Statistics, ROW_LENGTH numbers a group. */
  readonly rows: ArrayLike<number>
  readonly records?: undefined
}

/** One that was made on a device: what was drawn is there, too. */
export interface DevicePass {
  readonly length: number
  readonly dtype: DType
  readonly device: number
  readonly mask: DeviceArray<'uint32'> | undefined
  readonly settings: Settings
  readonly layout: Layout
  /** undefined: a counter on the device has it, and the records. */
  readonly draw: Draw | undefined
  readonly training: boolean
  readonly records: DeviceSpan
  /** Where it was enqueued. */
  readonly stream: Stream | undefined
}

export type Pass = HostPass | DevicePass

/** Evaluation without ReLU. */
export const isIdentity = ({ training, settings }: Pick<Pass, 'training' | 'settings'>): boolean =>
  !training && !settings.relu

/** Filled right before each call of the binding, which copies it: no code of a caller runs in between. */
const scratch = new Float64Array(DESCRIPTOR_LENGTH + ROW_LENGTH)

/** In the order of FIELDS in native.ts. */
export function fillFields(
  into: Float64Array,
  settings: Settings,
  layout: Layout,
  draw: Draw,
  counted: boolean,
): void {
  into[0] = settings.sigma
  into[1] = settings.pMin
  into[2] = settings.pMax
  into[3] = settings.rate
  into[4] = settings.maxRate
  into[5] = settings.exponent
  into[6] = settings.normalize ? 1 : 0
  into[7] = settings.relu ? 1 : 0
  into[8] = draw.seedLow
  into[9] = draw.seedHigh
  into[10] = draw.callLow
  into[11] = draw.callHigh
  into[12] = layout.elementOffset
  into[13] = layout.groupSize
  into[14] = layout.unitSize
  into[15] = counted ? 1 : 0
}

export function fillDescriptor(
  settings: Settings,
  layout: Layout,
  draw: Draw,
  counted: boolean,
): Float64Array {
  fillFields(scratch, settings, layout, draw, counted)
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
