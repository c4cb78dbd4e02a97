/** A binary whose lists of fields are in another order: what a build of other sources could be. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program'
import { makeRealm, type Realm } from './realm'

const PASSES = ['forward', 'backward', 'countActive']
const DEVICE_PASSES = ['deviceForward', 'deviceBackward', 'deviceCountActive', 'deviceIdentity']

const source = (binary: string, change: string): string => `
const real = require(${JSON.stringify(binary)})
const names = [...real.fields, ...real.deviceFields]
const fields = [...real.fields].reverse()
const deviceFields = [...real.deviceFields].reverse()
const reordered = [...fields, ...deviceFields]
const inOrder = (descriptor) => {
  const end = descriptor.length < names.length ? fields.length : names.length
  return descriptor.map((number, i) => (i < end ? descriptor[reordered.indexOf(names[i])] : number))
}
const stub = { ...real, fields, deviceFields }
for (const name of ${JSON.stringify([...PASSES, ...DEVICE_PASSES])}) {
  stub[name] = function (...values) {
    const at = values.findIndex((value) => ArrayBuffer.isView(value) && value.constructor.name === 'Float64Array')
    const descriptor = values[at]
    values[at] = inOrder(descriptor)
    const result = real[name].apply(this, values)
    descriptor.set(values[at].subarray(fields.length), fields.length) // the row of a call on the host
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
