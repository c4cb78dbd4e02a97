/** One call on a device, as it is handed to the binding: streams and memory are numbers in its descriptor. */
import { type DeviceArray, viewOf } from './device-array'
import type { DeviceSpan } from './device-memory'
import { type DType, KINDS } from './dtype'
import type { Layout } from './layout'
import { DESCRIPTOR_LENGTH, DEVICE_LENGTH } from './native'
import type { Settings } from './options'
import { fillFields } from './pass'
import { type Draw, NO_DRAW } from './seed'

/** Filled right before each call of the binding, which copies it. */
const scratch = new Float64Array(DESCRIPTOR_LENGTH + DEVICE_LENGTH)

/** In the order of DEVICE_FIELDS in native.ts. */
const DEVICE = DESCRIPTOR_LENGTH
const STREAM = DEVICE + 1
const DTYPE = DEVICE + 2
const LENGTH = DEVICE + 3
const GROUP_COUNT = DEVICE + 4
const TOTAL = DEVICE + 5
const ALL_ACTIVE = DEVICE + 6
const INPUT = DEVICE + 7
const OUTPUT = DEVICE + 9
const MASK = DEVICE + 11
const RECORDS = DEVICE + 13
const ACTIVE = DEVICE + 15
const COUNTER = DEVICE + 17
const FORWARD_OUTPUT = DEVICE + 19

/** What all calls on a device have. */
export interface DevicePlace {
  readonly device: number
  /** As the binding knows it. */
  readonly stream: number
  readonly dtype: DType
  readonly length: number
}

function setSpan(at: number, span: DeviceSpan | undefined): void {
  scratch[at] = span === undefined ? 0 : span.memory.handle
  scratch[at + 1] = span === undefined ? 0 : span.offset
}

function setArray(at: number, array: DeviceArray | undefined): void {
  setSpan(at, array === undefined ? undefined : viewOf(array))
}

function setPlace(place: DevicePlace, groupCount: number): void {
  scratch.fill(0, DEVICE)
  scratch[DEVICE] = place.device
  scratch[STREAM] = place.stream
  scratch[DTYPE] = KINDS[place.dtype].code
  scratch[LENGTH] = place.length
  scratch[GROUP_COUNT] = groupCount
}

export interface ForwardParts {
  readonly input: DeviceArray
  readonly output: DeviceArray
  readonly mask: DeviceArray<'uint32'> | undefined
  readonly records: DeviceSpan
  /** Counts of whole groups. */
  readonly active: DeviceSpan | undefined
  readonly counter: DeviceArray | undefined
  /** Elements of each whole group, of a shard; else 0. */
  readonly total: number
  /** Nothing is counted. */
  readonly allActive: boolean
}

export function describeForward(
  place: DevicePlace,
  settings: Settings,
  layout: Layout,
  draw: Draw,
  parts: ForwardParts,
): Float64Array {
  fillFields(scratch, settings, layout, draw, false)
  setPlace(place, layout.groupCount)
  scratch[TOTAL] = parts.total
  scratch[ALL_ACTIVE] = parts.allActive ? 1 : 0
  setArray(INPUT, parts.input)
  setArray(OUTPUT, parts.output)
  setArray(MASK, parts.mask)
  setSpan(RECORDS, parts.records)
  setSpan(ACTIVE, parts.active)
  setArray(COUNTER, parts.counter)
  return scratch
}

export interface BackwardParts {
  readonly gradOutput: DeviceArray
  readonly gradInput: DeviceArray
  readonly mask: DeviceArray<'uint32'> | undefined
  readonly output: DeviceArray | undefined
  readonly records: DeviceSpan
}

export function describeBackward(
  place: DevicePlace,
  settings: Settings,
  layout: Layout,
  parts: BackwardParts,
): Float64Array {
  fillFields(scratch, settings, layout, NO_DRAW, false)
  setPlace(place, layout.groupCount)
  setArray(INPUT, parts.gradOutput)
  setArray(OUTPUT, parts.gradInput)
  setArray(MASK, parts.mask)
  setSpan(RECORDS, parts.records)
  setArray(FORWARD_OUTPUT, parts.output)
  return scratch
}

export function describeCount(
  place: DevicePlace,
  settings: Settings,
  layout: Layout,
  input: DeviceArray,
  active: DeviceSpan,
): Float64Array {
  fillFields(scratch, settings, layout, NO_DRAW, false)
  setPlace(place, layout.groupCount)
  setArray(INPUT, input)
  setSpan(ACTIVE, active)
  return scratch
}

export function describeIdentity(place: DevicePlace, input: DeviceArray, output: DeviceArray): Float64Array {
  scratch.fill(0)
  setPlace(place, 1)
  setArray(INPUT, input)
  setArray(OUTPUT, output)
  return scratch
}
