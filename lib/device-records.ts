/** What the device writes down of a call: one record a group, and small memory beside it. */
import { allocateOnDevice, ANY_STREAM, type DeviceMemory, type DeviceSpan } from './device-memory'
import { KINDS } from './dtype'
import { native, ROW_LENGTH } from './native'
import { handleOrDefault, type Stream } from './stream'

/** sizeof(jumpout_record) */
export const RECORD_BYTES = 48
/** Of the call in it, the last of its fields. */
const CALL_OFFSET = RECORD_BYTES - 8
const ALIGNMENT = 16
const SLAB_BYTES = 16 * 1024
/** What is larger gets memory of its own. */
const LARGEST_CUT = SLAB_BYTES / 16

interface Slab {
  readonly memory: DeviceMemory
  used: number
}

/** One for each stream, so that whoever reads a record waits for that stream alone. */
const slabs = new WeakMap<Stream, Slab>()
const slabsOfDefaultStreams: (Slab | undefined)[] = []

function slabFor(device: number, stream: Stream | undefined, bytes: number): Slab {
  const current = stream === undefined ? slabsOfDefaultStreams[device] : slabs.get(stream)
  if (current !== undefined && current.used + bytes <= SLAB_BYTES) return current
  // The garbage collector takes the old one, when nobody has a part of it any more.
  const slab = { memory: allocateOnDevice(device, SLAB_BYTES, ANY_STREAM), used: 0 }
  if (stream === undefined) slabsOfDefaultStreams[device] = slab
  else slabs.set(stream, slab)
  return slab
}

/** An allocation a call would cost as much as the call. */
export function cutFromSlab(device: number, stream: Stream | undefined, bytes: number): DeviceSpan {
  if (bytes > LARGEST_CUT) {
    return { memory: allocateOnDevice(device, bytes, handleOrDefault(stream)), offset: 0 }
  }
  const slab = slabFor(device, stream, bytes)
  const offset = slab.used
  slab.used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
  return { memory: slab.memory, offset }
}

/** Rows of statistics, when the work on these records is done. */
export function readRows(records: DeviceSpan, groupCount: number, stream: Stream | undefined): Float64Array {
  const rows = new Float64Array(ROW_LENGTH * groupCount)
  native.readRecords(records.memory.handle, records.offset, handleOrDefault(stream), rows)
  return rows
}

/** The number of the call that made these records, when the work on them is done. */
export function readCall({ memory, offset }: DeviceSpan, stream: Stream | undefined): bigint {
  const call = new BigUint64Array(1)
  native.settle(memory.handle)
  const { code } = KINDS.uint64
  native.copy(memory.handle, offset + CALL_OFFSET, code, handleOrDefault(stream), call, false)
  return call[0]
}
