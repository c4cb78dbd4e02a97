/** Identities between the results of several calls. */
import fc from 'fast-check'
import { jumpoutForward } from 'jumpout'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { assertSameGroups } from './support/groups'
import { makeInput, placed } from './support/inputs'
import { holds, randomCases } from './support/properties'
import { isKept, relu } from './support/reference'

t.test('in place = out of place', (t) => {
  holds(
    t,
    fc.property(randomCases, ({ call, input }) => {
      const { output, saved } = jumpoutForward(input, call)
      const array = input.slice()
      const inPlace = jumpoutForward(array, { ...call, out: array })
      assertSame(array, output, 'output')
      assertSame(inPlace.saved.mask as Uint32Array, saved.mask as Uint32Array, 'mask')
    }),
    500,
  )
  t.end()
})

t.test('in place through two views on one memory', (t) => {
  const input = makeInput(1000)
  const { output } = jumpoutForward(input, { seed: 1 })
  const array = placed(input, 5)
  const same = new Float32Array(array.buffer, array.byteOffset, array.length)
  jumpoutForward(array, { seed: 1, out: same })
  equalBits(t, same, output, 'output')
  t.end()
})

t.test('the input is unchanged', (t) => {
  const input = makeInput(5000, 'special')
  const before = input.slice()
  jumpoutForward(input, { seed: 1, relu: true })
  equalBits(t, input, before, 'input')
  t.end()
})

t.test('forward with relu = ReLU, then forward', (t) => {
  holds(
    t,
    fc.property(randomCases, ({ call, input }) => {
      const fused = jumpoutForward(input, { ...call, relu: true })
      const separate = jumpoutForward(relu(input), { ...call, relu: false })
      assertSame(fused.output, separate.output, 'output')
      assertSameGroups(fused.saved.stats(), separate.saved.stats(), 'stats')
    }),
    500,
  )
  t.end()
})

t.test('the mask has a bit per kept element, and bits past the end are 0', (t) => {
  for (const length of [1, 31, 32, 33, 100]) {
    const { output, saved } = jumpoutForward(new Float32Array(length).fill(1), {
      seed: 4,
      rate: 0.5,
      normalize: false,
    })
    const mask = saved.mask as Uint32Array
    t.equal(saved.length, length)
    t.equal(mask.length, Math.ceil(length / 32))
    t.ok(
      output.every((y, i) => isKept(mask, i) === (y !== 0)),
      `length ${length}`,
    )
    for (let i = length; i < 32 * mask.length; ++i) t.notOk(isKept(mask, i), `bit ${i}`)
  }
  t.end()
})

t.test('dropped elements become +0, also NaN, infinity and -0', (t) => {
  for (const x of [NaN, Infinity, -Infinity, -0, -1]) {
    const { output, saved } = jumpoutForward(new Float32Array(4096).fill(x), {
      seed: 3,
      rate: 0.5,
      normalize: false,
    })
    const { scale } = saved.stats()[0]
    const mask = saved.mask as Uint32Array
    t.ok(
      output.every((y, i) => Object.is(y, isKept(mask, i) ? Math.fround(x * scale) : 0)),
      `${x}`,
    )
  }
  t.end()
})

t.test('the defaults are the documented ones', (t) => {
  const input = makeInput(3000)
  const documented = {
    sigma: 0.1,
    pMin: 0.01,
    pMax: 0.6,
    normalize: true,
    exponent: 0.75,
    maxRate: 0.6,
    relu: false,
    granularity: 'batch',
    unit: 'element',
    call: 0,
    saveMask: true,
  } as const
  const expected = jumpoutForward(input, { seed: 9, ...documented })
  const byDefault = jumpoutForward(input, { seed: 9 })
  const byUndefined = jumpoutForward(
    input,
    Object.assign(Object.fromEntries(Object.keys(documented).map((name) => [name, undefined])), { seed: 9 }),
  )
  for (const { output, saved } of [byDefault, byUndefined]) {
    equalBits(t, output, expected.output, 'output')
    equalBits(t, saved.mask as Uint32Array, expected.saved.mask as Uint32Array, 'mask')
    t.strictSame(saved.stats(), expected.saved.stats())
  }
  t.end()
})

t.test('numbers and bigints are the same seeds and calls', (t) => {
  const input = makeInput(500)
  const asNumber = jumpoutForward(input, { seed: Number.MAX_SAFE_INTEGER, call: 12 })
  const asBigint = jumpoutForward(input, { seed: BigInt(Number.MAX_SAFE_INTEGER), call: 12n })
  equalBits(t, asNumber.output, asBigint.output, 'output')
  t.end()
})

t.test('an empty tensor gives an empty output', (t) => {
  const { output, saved } = jumpoutForward(new Float32Array(0), { seed: 1 })
  t.equal(output.length, 0)
  t.equal(saved.length, 0)
  t.equal(saved.mask?.length, 0)
  const [group, ...others] = saved.stats()
  t.match(group, { active: 0, total: 0, effectiveRate: 0, scale: 1 })
  t.strictSame(others, [])
  t.end()
})
