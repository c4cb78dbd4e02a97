/** A binary whose lists of fields are in another order, as a build of other sources may have them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program'
import { makeRealm, type Realm } from './realm'

const PASSES = [
  'forward',
  'backward',
  'countActive',
  'deviceForward',
  'deviceBackward',
  'deviceCountActive',
  'deviceIdentity',
]

const source = (binary: string, change: string): string => `
const real = require(${JSON.stringify(binary)})
const fields = [...real.fields].reverse()
const deviceFields = [...real.deviceFields].reverse()
const numbers = new Float64Array(real.descriptor)
const reordered = new Float64Array(numbers.length)
const rowEnd = numbers.length - deviceFields.length
const stub = { ...real, fields, deviceFields, descriptor: reordered.buffer }
for (const name of ${JSON.stringify(PASSES)}) {
  stub[name] = function (...values) {
    numbers.set(reordered)
    fields.forEach((field, i) => (numbers[real.fields.indexOf(field)] = reordered[i]))
    deviceFields.forEach((field, i) => (numbers[rowEnd + real.deviceFields.indexOf(field)] = reordered[rowEnd + i]))
    const result = real[name].apply(this, values)
    reordered.set(numbers.subarray(fields.length, rowEnd), fields.length) // the row of a call on the host
    return result
  }
}
${change}
module.exports = stub
`

/** The package over such a binary. `change` may do more to `stub`. */
export function loadReordered(folder: string, change = ''): Realm {
  const { JUMPOUT_BINARY: binary = join(root, 'build', 'Release', 'jumpout.node') } = process.env
  const file = join(folder, 'reordered.js')
  writeFileSync(file, source(binary, change))
  const before = process.env.JUMPOUT_BINARY
  process.env.JUMPOUT_BINARY = file
  try {
    return makeRealm()
  } finally {
    if (before === undefined) delete process.env.JUMPOUT_BINARY
    else process.env.JUMPOUT_BINARY = before
  }
}
