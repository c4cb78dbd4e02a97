/** The backward pass on a device. */
import { isDeviceArgument, readLike, readOnDevice } from './device-arguments'
import type { DeviceArray } from './device-array'
import { describeBackward, describeIdentity } from './device-call'
import { placeOf } from './device-forward'
import { invalidType, invalidValue } from './errors'
import { native } from './native'
import { assertOptions, type OptionNames } from './option-names'
import { type DevicePass, isIdentity } from './pass'
import type { Results } from './results'
import { readStream, type Stream } from './stream'

export interface DeviceBackwardOptions {
  out?: unknown
  output?: unknown
  stream?: Stream | undefined
}

interface BackwardCall {
  readonly gradOutput: DeviceArray
  readonly out: DeviceArray | undefined
  readonly output: DeviceArray | undefined
  readonly stream: number
}

/** The forward's kind of array: the host's are refused by name. */
function readGradient(value: unknown, pass: DevicePass): DeviceArray {
  if (!isDeviceArgument(value)) {
    throw invalidType("a DeviceArray, as the forward's input was,", 'gradOutput', value)
  }
  return readOnDevice(value, pass.dtype, pass.length, pass.device, 'gradOutput')
}

function prepare(
  value: unknown,
  pass: DevicePass,
  options: DeviceBackwardOptions | undefined,
  names: OptionNames,
): BackwardCall {
  const gradOutput = readGradient(value, pass)
  if (pass.mask?.freed === true) {
    throw invalidValue('an array with its memory', 'saved.mask', 'a freed one')
  }
  if (options !== undefined) assertOptions(options, names)
  const out = options?.out
  const output = options?.output
  const given = output === undefined ? undefined : readLike(output, gradOutput, 'options.output')
  const needsOutput = pass.settings.relu && pass.mask === undefined
  if (needsOutput && given === undefined) {
    throw invalidType("the forward's output, as ReLU was fused and no mask saved,", 'options.output', output)
  }
  return {
    gradOutput,
    out: out === undefined ? undefined : readLike(out, gradOutput, 'options.out'),
    output: needsOutput ? given : undefined,
    stream: readStream(options?.stream, pass.device),
  }
}

export function backwardOnDevice(
  value: unknown,
  pass: DevicePass,
  options: DeviceBackwardOptions | undefined,
  results: Results,
  names: OptionNames,
): DeviceArray {
  const { gradOutput, out, output, stream } = prepare(value, pass, options, names)
  const gradInput = out ?? results.deviceOutput(gradOutput, stream)
  const place = placeOf(gradOutput, stream)
  if (isIdentity(pass)) {
    native.deviceIdentity(describeIdentity(place, gradOutput, gradInput))
  } else {
    const { mask, records, settings, layout } = pass
    const parts = { gradOutput, gradInput, mask, output, records }
    native.deviceBackward(describeBackward(place, settings, layout, parts))
  }
  return gradInput
}
