/** The comparator itself: it must be able to fail before its results mean anything. */
import t from 'tap'
import { assertSame, difference, floatsFromHex } from './support/bits'
import { groupDifference } from './support/groups'
import { Guarded, placed } from './support/inputs'

const floats = (...hex: string[]) => floatsFromHex(hex)

t.test('equal arrays do not differ', (t) => {
  t.equal(difference(new Float32Array(0), new Float32Array(0)), null)
  t.equal(
    difference(floats('3f800000', '80000000', '7f800000'), floats('3f800000', '80000000', '7f800000')),
    null,
  )
  t.equal(difference(Uint32Array.of(1, 2), Uint32Array.of(1, 2)), null)
  t.equal(difference(placed(Float32Array.of(1, 2), 3), Float32Array.of(1, 2)), null, 'wherever they lie')
  t.end()
})

t.test('a last bit, a sign of zero, a length and a type are differences', (t) => {
  t.match(
    difference(floats('00000000', '3f800001'), floats('00000000', '3f800000')),
    /element 1 of 2 is 3f800001/,
  )
  t.match(difference(floats('80000000'), floats('00000000')), /element 0/)
  t.match(difference(Float32Array.of(1), Float32Array.of(1, 2)), /element 1 of 2 is nothing/)
  t.match(difference(Float32Array.of(1, 2), Float32Array.of(1)), /expected nothing/)
  t.match(
    difference<Float32Array | Uint32Array>(Float32Array.of(0), Uint32Array.of(0)),
    /instead of a Uint32Array/,
  )
  t.match(
    difference(Uint32Array.of(0x7fc00000), Uint32Array.of(0x7fc00001)),
    /element 0/,
    'words have no NaN',
  )
  t.end()
})

t.test('a NaN equals every NaN and nothing else', (t) => {
  t.equal(
    difference(floats('7fc00000', 'ffc12345', '7f800001'), floats('ffffffff', '7fc00000', 'ffc00000')),
    null,
  )
  for (const other of ['00000000', '3f800000', '7f800000', 'ff800000']) {
    t.type(difference(floats('7fc00000'), floats(other)), 'string', `NaN is not ${other}`)
    t.type(difference(floats(other), floats('7fc00000')), 'string', `${other} is not NaN`)
  }
  t.match(difference(floats('7fc00000'), new Float32Array(0)), /expected nothing/)
  t.end()
})

t.test('the throwing form says what and where', (t) => {
  t.throws(() => assertSame(Float32Array.of(1), Float32Array.of(2), 'output'), {
    message: /^output: element 0/,
  })
  t.doesNotThrow(() => assertSame(Float32Array.of(NaN), Float32Array.of(NaN), 'output'))
  t.end()
})

t.test('statistics: rates within their tolerance, the rest exactly, NaN never', (t) => {
  const row = { active: 1, total: 2, rate: 0.1, effectiveRate: 0.25, scale: 1.5 }
  t.equal(groupDifference([row], [{ ...row, rate: 0.1 + 2 ** -52 }]), null)
  t.match(groupDifference([row], []), /1 groups, expected 0/)
  for (const name of ['active', 'total', 'rate', 'effectiveRate', 'scale'] as const) {
    t.match(
      groupDifference([{ ...row, [name]: row[name] + 2 ** -40 }], [row]),
      new RegExp(`group 0: ${name}`),
    )
    t.match(groupDifference([{ ...row, [name]: NaN }], [row]), new RegExp(`group 0: ${name}`))
    t.match(groupDifference([row], [{ ...row, [name]: NaN }]), new RegExp(`group 0: ${name}`))
  }
  t.end()
})

t.test('guards see a write on either side, and a write at all', (t) => {
  const clean = new Guarded(Float32Array, 3)
  t.ok(clean.intact)
  t.ok(clean.untouched)
  clean.view.fill(0)
  t.ok(clean.intact)
  t.notOk(clean.untouched)
  for (const index of [0, 4]) {
    const { view } = new Guarded(Float32Array, 3)
    t.ok(view.byteOffset > 0)
    const guarded = new Guarded(Float32Array, 3)
    new Uint32Array(guarded.view.buffer)[index] = 0
    t.notOk(guarded.intact)
  }
  t.end()
})
