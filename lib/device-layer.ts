/** What a layer does on devices: its calls are checked, and enqueued. */
import { readLike } from './device-arguments'
import type { DeviceArray } from './device-array'
import { describeForward, describeIdentity, type DevicePlace } from './device-call'
import type { Layout } from './layout'
import { native } from './native'
import type { Settings } from './options'
import { type DevicePass, isIdentity } from './pass'
import type { Results } from './results'
import type { Draw } from './seed'
import type { Stream } from './stream'

export interface DeviceLayerCall {
  readonly input: DeviceArray
  readonly length: number
  readonly out: DeviceArray | undefined
  readonly saveMask: boolean
  readonly stream: Stream | undefined
  readonly place: DevicePlace
}

/** What a layer decided on for a call. */
export interface Plan {
  readonly training: boolean
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
}

export interface DeviceLayerResult {
  readonly output: DeviceArray
  readonly pass: DevicePass
}

export const readOut = (out: unknown, input: DeviceArray): DeviceArray | undefined =>
  out === undefined ? undefined : readLike(out, input, 'options.out')

/** `counter`, where there is one, holds the number of the draw in place of the plan. */
export function forwardOnDevice(
  { input, out, saveMask, stream, place }: DeviceLayerCall,
  { training, settings, layout, draw }: Plan,
  counter: DeviceArray | undefined,
  results: Results,
): DeviceLayerResult {
  const { device, dtype, length } = place
  const identity = isIdentity({ training, settings })
  const mask = saveMask && !identity ? results.deviceMask(input, place.stream) : undefined
  const records = results.records(device, stream, layout.groupCount)
  const output = out ?? results.deviceOutput(input, place.stream)
  if (identity) {
    native.deviceIdentity(describeIdentity(place, input, output))
  } else {
    // In evaluation, a rate of 0 needs no counts.
    const parts = { input, output, mask, records, active: undefined, counter, total: 0, allActive: !training }
    native.deviceForward(describeForward(place, settings, layout, draw, parts))
  }
  const known = counter === undefined ? draw : undefined
  const pass = { length, dtype, device, mask, settings, layout, draw: known, training, records, stream }
  return { output, pass }
}
