/** A layer that is stored and read again continues with the same draws. */
import fc from 'fast-check'
import { Jumpout, type JumpoutState } from 'jumpout'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { holds, randomCases } from './support/properties'

const throughJson = (layer: Jumpout): JumpoutState => JSON.parse(JSON.stringify(layer)) as JumpoutState

t.test('any options, seed and number of calls', (t) => {
  holds(
    t,
    fc.property(randomCases, fc.integer({ min: 0, max: 5 }), fc.nat(), ({ call, input }, calls, layer) => {
      const { seed, call: _, ...options } = call
      const original = new Jumpout({ ...options, seed, layer })
      for (let i = 0; i < calls; ++i) original.forward(input)
      const copy = Jumpout.fromJSON(throughJson(original))
      for (let i = 0; i < 3; ++i) {
        assertSame(copy.forward(input), original.forward(input), `call ${calls + i}`)
        if (JSON.stringify(copy.stats) !== JSON.stringify(original.stats)) throw new Error('stats')
      }
      if (JSON.stringify(copy) !== JSON.stringify(original)) throw new Error('state')
    }),
    300,
  )
  t.end()
})

t.test('a seed from fresh entropy, and one of 64 bits', (t) => {
  const input = makeInput(1000)
  for (const original of [new Jumpout({}), new Jumpout({ seed: 2n ** 64n - 1n, layer: 2 })]) {
    original.forward(input)
    const copy = Jumpout.fromJSON(throughJson(original))
    equalBits(t, copy.forward(input), original.forward(input), 'the next draw')
  }
  t.end()
})

t.test('the state holds version, seed, layer, call and options', (t) => {
  const layer = new Jumpout({ seed: 5, layer: 3, sigma: 0.2 })
  layer.forward(makeInput(10))
  const state = throughJson(layer)
  t.strictSame(Object.keys(state).sort(), ['call', 'layer', 'options', 'seed', 'version'])
  t.equal(BigInt(state.seed), 5n)
  t.equal(Number(state.call), 1)
  t.equal(state.layer, 3)
  t.equal(state.options.sigma, 0.2)
  t.strictSame(layer.toJSON(), state, 'it is JSON before it is written')
  t.end()
})

t.test('the options of a state: all, with their defaults, and no other', (t) => {
  const defaults = {
    sigma: 0.1,
    pMin: 0.01,
    pMax: 0.6,
    normalize: true,
    maxRate: 0.6,
    exponent: 0.75,
    relu: false,
    granularity: 'batch',
    unit: 'element',
    dataFormat: 'channelsFirst',
  }
  t.strictSame(new Jumpout({ seed: 2n ** 64n - 1n, calls: 12 }).toJSON(), {
    version: 1,
    seed: '18446744073709551615',
    layer: 0,
    call: '12',
    options: defaults,
  })
  const given = { rate: 0, shape: [2, 5], granularity: 'sample', unit: 'channel', reuse: true } as const
  const { options } = new Jumpout({ seed: 1, ...given }).toJSON()
  t.strictSame(options, { ...defaults, ...given })
  t.end()
})

t.test('a copy does not touch its original', (t) => {
  const input = makeInput(100)
  const original = new Jumpout({ seed: 1, shape: [10, 10], granularity: 'sample' })
  const state = original.toJSON()
  const copy = Jumpout.fromJSON(state)
  copy.forward(input)
  copy.forward(input)
  t.strictSame(original.toJSON(), state)
  t.end()
})

t.test('a wrong state is refused, with the reason', (t) => {
  const state = new Jumpout({ seed: 5, layer: 3 }).toJSON()
  const broken: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a string', 'state'],
    ['an empty object', {}],
    ['no version', { ...state, version: undefined }],
    ['a version to come', { ...state, version: 999 }],
    ['no seed', { ...state, seed: undefined }],
    ['a seed that is no number', { ...state, seed: 'abc' }],
    ['a seed below 0', { ...state, seed: '-1' }],
    ['a seed that is too large', { ...state, seed: (2n ** 64n).toString() }],
    ['a call that is too large', { ...state, call: (2n ** 63n).toString() }],
    ['a call of another type', { ...state, call: {} }],
    ['a seed of 21 digits', { ...state, seed: '0'.repeat(20) + '5' }],
    ['a seed with a letter', { ...state, seed: '5n' }],
    ['a seed with a sign', { ...state, seed: '+5' }],
    ['an empty seed', { ...state, seed: '' }],
    ['a layer below 0', { ...state, layer: -1 }],
    ['no options', { ...state, options: undefined }],
    ['options out of range', { ...state, options: { sigma: -1 } }],
  ]
  for (const [what, value] of broken) {
    t.throws(
      () => Jumpout.fromJSON(value as JumpoutState),
      { code: /^ERR_(INVALID_ARG_|OUT_OF_RANGE)/ },
      what,
    )
  }
  t.end()
})

t.test('the sentence of each refusal', (t) => {
  const state = new Jumpout({ seed: 5, layer: 3 }).toJSON()
  const decimal = 'Expected a decimal string for state'
  const SEED = 'a safe integer >= 0 or a bigint from 0 to 2^64 - 1'
  const CALL = 'a safe integer >= 0 or a bigint from 0 to 2^63 - 1'
  const sentences: [unknown, string][] = [
    [null, 'Expected an object for state, got null'],
    [{ ...state, version: 2 }, 'Expected 1 for state.version, got another'],
    [{ ...state, seed: 5 }, `${decimal}.seed, got 5`],
    [{ ...state, seed: '5.' }, `${decimal}.seed, got another string`],
    [{ ...state, call: null }, `${decimal}.call, got null`],
    [{ ...state, call: 'x1' }, `${decimal}.call, got another string`],
    [{ ...state, seed: `${2n ** 64n}` }, `Expected ${SEED} for state.seed, got ${2n ** 64n}n`],
    [{ ...state, call: `${2n ** 63n}` }, `Expected ${CALL} for state.call, got ${2n ** 63n}n`],
    [{ ...state, layer: 0.5 }, 'Expected an integer >= 0 for state.layer, got 0.5'],
    [{ ...state, layer: '1' }, "Expected an integer >= 0 for state.layer, got '1'"],
    [{ ...state, options: null }, 'Expected an object for state.options, got null'],
    [
      { ...state, calls: '1' },
      "Expected options of a state for state, got 'calls', an option of new Jumpout; did you mean 'call'?",
    ],
    [
      { ...state, options: { seed: '1' } },
      "Expected options of a state for state.options, got 'seed', an option of jumpoutForward, new Jumpout",
    ],
  ]
  for (const [wrong, sentence] of sentences) {
    try {
      Jumpout.fromJSON(wrong as JumpoutState)
      t.fail(sentence)
    } catch (error) {
      t.equal((error as Error).message, sentence)
    }
  }
  for (const kept of [
    { ...state, layer: undefined },
    { ...state, call: `${2n ** 63n - 1n}` },
    { ...state, seed: '0'.repeat(19) + '5' },
  ])
    t.doesNotThrow(() => Jumpout.fromJSON(kept as unknown as JumpoutState))
  t.end()
})
