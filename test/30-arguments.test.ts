/** Every wrong argument: its class, its code, its sentence, and nothing written. */
/// <reference lib="es2024.arraybuffer" />
import { inspect } from 'node:util'
import {
  allocate,
  countActive,
  foldIn,
  Jumpout,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  release,
} from 'jumpout'
import t from 'tap'
import { difference } from './support/bits'
import { Guarded, makeInput, revoked } from './support/inputs'
import { range, refusal, type Refusal, type, value } from './support/refusals'

const N = 100
const input = makeInput(N)

/** Values that no argument accepts, and their words in errors. */
const STRANGERS: [unknown, string][] = [
  [null, 'null'],
  ['', "''"],
  ['0.5', "'0.5'"],
  [{}, 'an object'],
  [[], 'an array of 0'],
  [Symbol('x'), 'a symbol'],
  [() => 1, 'a function'],
]
const booleans: [unknown, string][] = [
  [true, 'true'],
  [false, 'false'],
]
const numbers: [unknown, string][] = [
  [0, '0'],
  [1, '1'],
  [NaN, 'NaN'],
]
const bigints: [unknown, string][] = [[1n, '1n']]

const typeRows = (argument: string, expected: string, values: [unknown, string][]): [unknown, Refusal][] =>
  values.map(([wrong, said]) => [wrong, type(`Expected ${expected} for options.${argument}, got ${said}`)])

const rangeRows = (argument: string, expected: string, values: [unknown, string][]): [unknown, Refusal][] =>
  values.map(([wrong, said]) => [wrong, range(`Expected ${expected} for options.${argument}, got ${said}`)])

const RATE = 'a number from 0 to 65535/65536'
const NOT_NEGATIVE = 'a finite number >= 0'
const SEED = 'a safe integer >= 0 or a bigint from 0 to 2^64 - 1'
const CALL = 'a safe integer >= 0 or a bigint from 0 to 2^63 - 2'

const tooLarge: [unknown, string][] = [
  [-1, '-1'],
  [1, '1'],
  [65535.5 / 65536, String(65535.5 / 65536)],
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
]
const notIntegers: [unknown, string][] = [
  [-1, '-1'],
  [0.5, '0.5'],
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [2 ** 53, '9007199254740992'],
  [-1n, '-1n'],
]

/** Wrong values of the options that a layer and a call share. */
const SHARED: Record<string, [unknown, Refusal][]> = {
  ...Object.fromEntries(
    ['pMin', 'pMax', 'rate', 'maxRate'].map((name) => [
      name,
      [...typeRows(name, RATE, [...STRANGERS, ...booleans, ...bigints]), ...rangeRows(name, RATE, tooLarge)],
    ]),
  ),
  ...Object.fromEntries(
    ['sigma', 'exponent'].map((name) => [
      name,
      [
        ...typeRows(name, NOT_NEGATIVE, [...STRANGERS, ...booleans, ...bigints]),
        ...rangeRows(name, NOT_NEGATIVE, [
          [-Number.MIN_VALUE, '-5e-324'],
          [NaN, 'NaN'],
          [Infinity, 'Infinity'],
        ]),
      ],
    ]),
  ),
  ...Object.fromEntries(
    ['normalize', 'relu'].map((name) => [
      name,
      typeRows(name, 'a boolean', [...STRANGERS, ...numbers, ...bigints]),
    ]),
  ),
  granularity: [
    ...typeRows(
      'granularity',
      "'batch' or 'sample'",
      [...STRANGERS, ...numbers].filter(([wrong]) => typeof wrong !== 'string'),
    ),
    ['channel', value("Expected 'batch' or 'sample' for options.granularity, got 'channel'")],
  ],
  unit: [
    ...typeRows(
      'unit',
      "'element' or 'channel'",
      [...STRANGERS, ...numbers].filter(([wrong]) => typeof wrong !== 'string'),
    ),
    ['Element', value("Expected 'element' or 'channel' for options.unit, got 'Element'")],
  ],
  dataFormat: [
    ...typeRows(
      'dataFormat',
      "'channelsFirst' or 'channelsLast'",
      [...STRANGERS, ...numbers].filter(([wrong]) => typeof wrong !== 'string'),
    ),
    ['NHWC', value("Expected 'channelsFirst' or 'channelsLast' for options.dataFormat, got 'NHWC'")],
  ],
  shape: [
    ...typeRows(
      'shape',
      'an array of dimensions',
      [...STRANGERS, ...numbers].filter(([wrong]) => !Array.isArray(wrong)),
    ),
    ...typeRows('shape', 'dimensions that are integers >= 0', [...STRANGERS]).map(
      ([wrong, refused]): [unknown, Refusal] => [[10, wrong], refused],
    ),
    [[-1], range('Expected dimensions that are integers >= 0 for options.shape, got -1')],
    [[2.5, 40], range('Expected dimensions that are integers >= 0 for options.shape, got 2.5')],
    [
      [2 ** 30, 2 ** 30],
      range('Expected a product of at most 2^53 - 1 for options.shape, got 1152921504606847000'),
    ],
    [
      [0, 2 ** 30, 2 ** 30],
      range('Expected a product of at most 2^53 - 1 for options.shape, got 1152921504606847000'),
    ],
  ],
}

/** Wrong values that only a call, not the layer's constructor, can detect. */
const OF_A_CALL: Record<string, [unknown, Refusal][]> = {
  seed: [
    ...typeRows('seed', SEED, [...STRANGERS, ...booleans, [undefined, 'undefined']]),
    ...rangeRows('seed', SEED, [...notIntegers, [2n ** 64n, `${2n ** 64n}n`]]),
  ],
  call: [
    ...typeRows('call', CALL, [...STRANGERS, ...booleans]),
    ...rangeRows('call', CALL, [...notIntegers, [2n ** 63n - 1n, `${2n ** 63n - 1n}n`]]),
  ],
  stream: [
    [{}, type('Expected nothing, as arrays on the host have no stream, for options.stream, got an object')],
  ],
  active: [[1, type('Expected nothing, as arrays on the host are counted here, for options.active, got 1')]],
  saveMask: typeRows('saveMask', 'a boolean', [...STRANGERS, ...numbers, ...bigints]),
  out: [
    ...typeRows('out', 'a Float32Array', [...STRANGERS, ...numbers]),
    [new Float64Array(N), type('Expected a Float32Array for options.out, got a Float64Array')],
    [
      new Float32Array(N - 1),
      range('Expected a Float32Array of length 100 for options.out, got one of length 99'),
    ],
    [
      new Float32Array(N + 1),
      range('Expected a Float32Array of length 100 for options.out, got one of length 101'),
    ],
  ],
  mask: [
    ...typeRows('mask', 'a Uint32Array', [...STRANGERS, ...numbers]),
    [new Int32Array(4), type('Expected a Uint32Array for options.mask, got an Int32Array')],
    [
      new Uint32Array(3),
      range('Expected a Uint32Array of length 4, ceil(100 / 32), for options.mask, got one of length 3'),
    ],
  ],
  shape: [
    [[99], range('Expected a product of 100, the length of the array, for options.shape, got 99')],
    [[], range('Expected a product of 100, the length of the array, for options.shape, got 1')],
    [[0], range('Expected a product of 100, the length of the array, for options.shape, got 0')],
  ],
  shard: typeRows('shard', 'an object', [
    ...STRANGERS.filter(([wrong]) => typeof wrong !== 'object' || wrong === null),
    ...numbers,
  ]),
}

const shard = { elementOffset: 0, active: [40], total: [200] }
const OFFSET = 'an integer from 0 to 2^53 - 1'

/** Options that are wrong together. */
const TOGETHER: [options: object, Refusal][] = [
  [{ pMin: 0.7 }, range('Expected a number from 0 to pMax, 0.6, for options.pMin, got 0.7')],
  [{ pMin: 0.3, pMax: 0.2 }, range('Expected a number from 0 to pMax, 0.2, for options.pMin, got 0.3')],
  [
    { granularity: 'sample' },
    type("Expected [N, ...], which granularity 'sample' needs, for options.shape, got undefined"),
  ],
  [
    { granularity: 'sample', shape: [] },
    range("Expected [N, ...], which granularity 'sample' needs, for options.shape, got one of 0 dimensions"),
  ],
  [
    { unit: 'channel' },
    type("Expected [N, C, ...], which unit 'channel' needs, for options.shape, got undefined"),
  ],
  [
    { unit: 'channel', shape: [100] },
    range("Expected [N, C, ...], which unit 'channel' needs, for options.shape, got one of 1 dimension"),
  ],
  [
    { unit: 'channel', dataFormat: 'channelsLast' },
    type(
      "Expected [N, ..., C], which unit 'channel' with 'channelsLast' needs, for options.shape, got undefined",
    ),
  ],
  [
    { unit: 'channel', dataFormat: 'channelsLast', shape: [100] },
    range(
      "Expected [N, ..., C], which unit 'channel' with 'channelsLast' needs, for options.shape, got one of 1 dimension",
    ),
  ],
  [
    { saveMask: false, mask: new Uint32Array(4) },
    value('Expected no array with saveMask false for options.mask, got one'),
  ],
  [
    { shard: { ...shard, elementOffset: undefined } },
    type(`Expected ${OFFSET} for options.shard.elementOffset, got undefined`),
  ],
  [
    { shard: { ...shard, elementOffset: -1 } },
    range(`Expected ${OFFSET} for options.shard.elementOffset, got -1`),
  ],
  [
    { shard: { ...shard, elementOffset: 0.5 } },
    range(`Expected ${OFFSET} for options.shard.elementOffset, got 0.5`),
  ],
  [
    { shard: { ...shard, elementOffset: 2n ** 53n } },
    range(`Expected ${OFFSET} for options.shard.elementOffset, got ${2n ** 53n}n`),
  ],
  [
    { shard: { ...shard, elementOffset: 2 ** 53 - 50 } },
    range(
      `Expected an offset that ends at 2^53 - 1 with 100 elements for options.shard.elementOffset, got ${2 ** 53 - 50}`,
    ),
  ],
  [
    { shard: { ...shard, active: undefined } },
    type('Expected an array of counts for options.shard.active, got undefined'),
  ],
  [
    { shard: { ...shard, active: [] } },
    range('Expected 1 count, one per group, for options.shard.active, got 0'),
  ],
  [
    { shard: { ...shard, total: [1, 2] } },
    range('Expected 1 count, one per group, for options.shard.total, got 2'),
  ],
  [
    { shard: { ...shard, active: ['40'] } },
    type("Expected counts that are integers >= 0 for options.shard.active, got '40'"),
  ],
  [
    { shard: { ...shard, active: [-1] } },
    range('Expected counts that are integers >= 0 for options.shard.active, got -1'),
  ],
  [
    { shard: { ...shard, active: [0.5] } },
    range('Expected counts that are integers >= 0 for options.shard.active, got 0.5'),
  ],
  [
    { shard: { ...shard, active: [201] } },
    range("Expected at most 200, the group's total, for options.shard.active, got 201"),
  ],
  [
    { shard: { ...shard, total: [99] } },
    range('Expected at least 100, where the shard ends, for options.shard.total, got 99'),
  ],
  [
    { shard: { ...shard, elementOffset: 101 }, shape: [200] },
    range('Expected a product of at least 201, where the shard ends, for options.shape, got 200'),
  ],
  [{ shard, shape: [300] }, range('Expected 300, the size of group 0, for options.shard.total, got 200')],
  [
    {
      shard: { elementOffset: 30, active: [9, 9, 9], total: [50, 50, 50] },
      granularity: 'sample',
      shape: [4, 60],
    },
    range('Expected 60, the size of group 0, for options.shard.total, got 50'),
  ],
  [
    { shard: { elementOffset: 30, active: [9, 9], total: [50, 50] }, granularity: 'sample', shape: [4, 50] },
    range('Expected 3 counts, one per group, for options.shard.active, got 2'),
  ],
]

const show = (wrong: unknown): string => inspect(wrong, { breakLength: Infinity, maxArrayLength: 3 })

const callRows: [string, object, Refusal][] = [
  ...[...Object.entries(SHARED), ...Object.entries(OF_A_CALL)].flatMap(([name, rows]) =>
    rows.map(([wrong, refused]): [string, object, Refusal] => [
      `${name}: ${show(wrong)}`,
      { [name]: wrong },
      refused,
    ]),
  ),
  ...TOGETHER.map(([options, refused]): [string, object, Refusal] => [show(options), options, refused]),
]

t.test('jumpoutForward', async (t) => {
  for (const [what, wrong, refused] of callRows) {
    const out = new Guarded(Float32Array, N)
    const mask = new Guarded(Uint32Array, 4)
    const x = input.slice()
    const options = { seed: 1, out: out.view, ...('saveMask' in wrong ? {} : { mask: mask.view }), ...wrong }
    t.throws(() => jumpoutForward(x, options), refused, what)
    await t.rejects(jumpoutForwardAsync(x, options), refused, `${what}, async`)
    if (!out.untouched || !mask.untouched || difference(x, input) !== null)
      t.fail(`${what}: something was written`)
  }
})

t.test('the ends of each range are accepted', (t) => {
  const largest = 65535 / 65536
  const ends: object[] = [
    { sigma: 0 },
    { sigma: Number.MAX_VALUE },
    { exponent: 0 },
    { exponent: Number.MAX_VALUE, rate: 0 },
    ...['pMin', 'rate', 'maxRate'].flatMap((name) => [{ [name]: 0 }, { [name]: 0.6 }]),
    ...['pMax', 'rate', 'maxRate'].map((name) => ({ [name]: largest })),
    { pMin: 0, pMax: 0 },
    { pMin: largest, pMax: largest },
    { shape: [N] },
    { shape: [N, ...new Array<number>(1023).fill(1)] },
    { granularity: 'sample', shape: [N] },
    { unit: 'channel', shape: [10, 10] },
    { shard: { elementOffset: 0, active: [0], total: [N] } },
    { shard: { elementOffset: 2 ** 53 - 1 - N, active: [2 ** 53 - 1], total: [2 ** 53 - 1] } },
    { shard: { elementOffset: 2n ** 53n - 101n, active: [1], total: [2 ** 53 - 1] }, shape: [2 ** 53 - 1] },
    { shard: { elementOffset: 100, active: [200], total: [200] }, shape: [200] },
    { seed: 0 },
    { seed: 2 ** 53 - 1 },
    { seed: 2n ** 64n - 1n },
    { call: 2n ** 63n - 2n },
  ]
  for (const options of ends)
    t.doesNotThrow(() => jumpoutForward(input, { seed: 1, ...options }), show(options))
  t.doesNotThrow(() => new Jumpout({ layer: 2 ** 53 - 1, calls: 2n ** 63n - 1n }))
  const nothing = new Float32Array(0)
  for (const shape of [[0], [0, 2 ** 53 - 1], [2 ** 53 - 1, 0]])
    t.equal(jumpoutForward(nothing, { seed: 1, granularity: 'sample', shape }).saved.stats().length, 1)
  t.throws(
    () => jumpoutForward(input, { seed: 1, shape: new Array<number>(1025).fill(1) }),
    range('Expected at most 1024 dimensions for options.shape, got 1025'),
  )
  t.end()
})

t.test('how values are named', (t) => {
  const words: [unknown, string][] = [
    ['x'.repeat(40), `'${'x'.repeat(40)}'`],
    ['x'.repeat(41), 'a string of 41 characters'],
    [2n ** 128n, `${2n ** 128n}n`],
    [2n ** 128n + 1n, 'a bigint above 2^128'],
    [-(2n ** 128n), `-${2n ** 128n}n`],
    [-(2n ** 128n) - 1n, 'a bigint below -2^128'],
    [new Int8Array(1), 'an Int8Array'],
    [new Uint8ClampedArray(1), 'a Uint8ClampedArray'],
    [new BigInt64Array(1), 'a BigInt64Array'],
    [[1, 2, 3], 'an array of 3'],
    [new Proxy([], {}), 'an object'],
    [new Jumpout({ seed: 1 }), 'a Jumpout'],
    [jumpoutForward(input, { seed: 1 }).saved, 'what a forward saved'],
    [new Date(0), 'an object'],
    [Date, 'a function'],
    [Symbol('x'), 'a symbol'],
  ]
  const messageFor = (sigma: unknown): unknown => {
    try {
      return jumpoutForward(input, { seed: 1, sigma: sigma as number })
    } catch (error) {
      return (error as Error).message
    }
  }
  for (const [wrong, said] of words)
    t.equal(messageFor(wrong), `Expected a finite number >= 0 for options.sigma, got ${said}`)
  const long = 'x'.repeat(41)
  t.throws(() => jumpoutForward(input, { seed: 1, unit: long as 'element' }), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: new RegExp(`, got '${long.slice(0, 40)}'$`),
  })
  t.end()
})

t.test('allocate', (t) => {
  const refused = (wrong: unknown, expected: Refusal) =>
    t.throws(() => allocate(wrong as number), expected, show(wrong))
  for (const [wrong, said] of [...STRANGERS, ...booleans, ...bigints])
    refused(wrong, type(`Expected an integer >= 0 for length, got ${said}`))
  for (const [wrong, said] of notIntegers.slice(0, -1))
    refused(wrong, range(`Expected an integer >= 0 for length, got ${said}`))
  const outOfMemory = refusal('RangeError', 'ERR_OUT_OF_MEMORY')
  refused(
    2 ** 50,
    outOfMemory(`Expected enough free memory for a new array, got none for ${2 ** 52 + 64} bytes`),
  )
  t.end()
})

const INPUTS: [unknown, string][] = [
  ...STRANGERS,
  ...numbers,
  [undefined, 'undefined'],
  [new Float64Array(2), 'a Float64Array'],
  [new Uint16Array(2), 'a Uint16Array'],
  [new DataView(new ArrayBuffer(4)), 'an object'],
  [new ArrayBuffer(4), 'an object'],
]
const NO_OPTIONS: [unknown, string][] = [
  [null, 'null'],
  [undefined, 'undefined'],
  [1, '1'],
  ['seed', "'seed'"],
]

t.test('inputs that are no tensors, and options that are no objects', async (t) => {
  for (const [wrong, said] of INPUTS) {
    const x = wrong as Float32Array
    const refused = type(`Expected a Float32Array for input, got ${said}`)
    t.throws(() => jumpoutForward(x, { seed: 1 }), refused, said)
    await t.rejects(jumpoutForwardAsync(x, { seed: 1 }), refused, `${said}, async`)
    t.throws(() => countActive(x), refused, `${said}, counted`)
    t.throws(() => new Jumpout({ seed: 1 }).forward(x), refused, `${said}, layer`)
  }
  for (const [wrong, said] of NO_OPTIONS) {
    const options = wrong as { seed: number }
    const refused = type(`Expected an object for options, got ${said}`)
    t.throws(() => jumpoutForward(input, options), refused, said)
    await t.rejects(jumpoutForwardAsync(input, options), refused, `${said}, async`)
    if (wrong === undefined) continue
    t.throws(() => countActive(input, options as object), refused, `${said}, counted`)
    t.throws(() => new Jumpout(options), refused, `${said}, layer`)
    t.throws(
      () => new Jumpout({ seed: 1 }).forward(input, options as object),
      refused,
      `${said}, layer's forward`,
    )
    const { saved } = jumpoutForward(input, { seed: 1 })
    t.throws(() => jumpoutBackward(input, saved, options as object), refused, `${said}, backward`)
  }
})

t.test('jumpoutBackward', async (t) => {
  const kept = jumpoutForward(input, { seed: 1 })
  const unsaved = jumpoutForward(input, { seed: 1, relu: true, saveMask: false })
  const { saved } = kept
  const FORGED = 'Expected what a forward returned as saved for saved, got'
  const rows: [string, gradOutput: unknown, saved: unknown, options: object, Refusal][] = [
    ...INPUTS.map(([wrong, said]): [string, unknown, unknown, object, Refusal] => [
      `gradOutput: ${said}`,
      wrong,
      saved,
      {},
      type(`Expected a Float32Array for gradOutput, got ${said}`),
    ]),
    [
      'gradOutput of another length',
      new Float32Array(99),
      saved,
      {},
      range('Expected a Float32Array of length 100 for gradOutput, got one of length 99'),
    ],
    ['saved: nothing', input, undefined, {}, type(`${FORGED} undefined`)],
    ['saved: null', input, null, {}, type(`${FORGED} null`)],
    ['saved: the whole result', input, kept, {}, type(`${FORGED} an object`)],
    [
      'saved: forged',
      input,
      { length: N, mask: saved.mask, stats: () => [] },
      {},
      type(`${FORGED} an object`),
    ],
    ['saved: an heir', input, Object.create(saved), {}, type(`${FORGED} an object`)],
    ['saved: a proxy', input, new Proxy(saved, {}), {}, type(`${FORGED} an object`)],
    ['saved: a clone', input, { ...saved }, {}, type(`${FORGED} an object`)],
    [
      'out of another length',
      input,
      saved,
      { out: new Float32Array(101) },
      range('Expected a Float32Array of length 100 for options.out, got one of length 101'),
    ],
    ['out: null', input, saved, { out: null }, type('Expected a Float32Array for options.out, got null')],
    [
      'output: null',
      input,
      saved,
      { output: null },
      type('Expected a Float32Array for options.output, got null'),
    ],
    [
      'output of another length',
      input,
      unsaved.saved,
      { output: new Float32Array(1) },
      range('Expected a Float32Array of length 100 for options.output, got one of length 1'),
    ],
    [
      'output, where it is needed',
      input,
      unsaved.saved,
      {},
      type(
        "Expected the forward's output, as ReLU was fused and no mask saved, for options.output, got undefined",
      ),
    ],
    [
      'stream',
      input,
      saved,
      { stream: 0 },
      type('Expected nothing, as arrays on the host have no stream, for options.stream, got 0'),
    ],
  ]
  for (const [what, gradOutput, state, wrong, refused] of rows) {
    const out = new Guarded(Float32Array, N)
    const options = { out: out.view, ...wrong }
    const call = [gradOutput, state, options] as Parameters<typeof jumpoutBackwardAsync>
    t.throws(() => jumpoutBackward(...call), refused, what)
    await t.rejects(jumpoutBackwardAsync(...call), refused, `${what}, async`)
    if (!out.untouched) t.fail(`${what}: something was written`)
  }
})

t.test('arrays that overlap in part', async (t) => {
  const memory = new ArrayBuffer(4096)
  const floats = (offset: number) => new Float32Array(memory, 4 * offset, N)
  const words = (offset: number) => new Uint32Array(memory, 4 * offset, 4)
  const before = new Uint8Array(memory).fill(0x5a).slice()
  const overlap = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /overlap/ }
  const check = async (what: string, options: { out: Float32Array; mask?: Uint32Array }, x = floats(200)) => {
    t.throws(() => jumpoutForward(x, { seed: 1, ...options }), overlap, what)
    await t.rejects(jumpoutForwardAsync(x, { seed: 1, ...options }), overlap, `${what}, async`)
    t.ok(Buffer.compare(before, new Uint8Array(memory)) === 0, 'nothing was written')
  }
  for (const shift of [-99, -1, 1, 99]) await check(`out ${shift} from input`, { out: floats(200 + shift) })
  for (const at of [197, 200, 250, 299]) {
    await check(`mask in input at ${at}`, { out: floats(400), mask: words(at) })
    await check(`mask in out at ${at}`, { out: floats(200), mask: words(at) }, floats(400))
  }
  t.doesNotThrow(
    () => jumpoutForward(floats(200), { seed: 1, out: floats(300), mask: words(196) }),
    'neighbours',
  )

  const { saved } = jumpoutForward(input, { seed: 1, mask: words(0) })
  const unsaved = jumpoutForward(input, { seed: 1, relu: true, saveMask: false })
  before.set(new Uint8Array(memory))
  const backward = async (what: string, ...args: Parameters<typeof jumpoutBackwardAsync>) => {
    t.throws(() => jumpoutBackward(...args), overlap, what)
    await t.rejects(jumpoutBackwardAsync(...args), overlap, `${what}, async`)
    t.ok(Buffer.compare(before, new Uint8Array(memory)) === 0, 'nothing was written')
  }
  await backward('out 1 from gradOutput', floats(200), saved, { out: floats(201) })
  await backward('out over the mask', floats(200), saved, { out: floats(3) })
  await backward('out 1 from output', floats(200), unsaved.saved, { out: floats(399), output: floats(400) })
})

t.test('countActive', (t) => {
  const rows: [object, Refusal][] = [
    ...[...SHARED.granularity, ...SHARED.shape].map(([wrong, refused], i): [object, Refusal] => [
      i < SHARED.granularity.length ? { granularity: wrong } : { shape: wrong },
      refused,
    ]),
    [
      { granularity: 'sample' },
      type("Expected [N, ...], which granularity 'sample' needs, for options.shape, got undefined"),
    ],
    [{ shape: [99] }, range('Expected a product of 100, the length of the array, for options.shape, got 99')],
    [{ elementOffset: null }, type(`Expected ${OFFSET} for options.elementOffset, got null`)],
    [{ elementOffset: '0' }, type(`Expected ${OFFSET} for options.elementOffset, got '0'`)],
    [{ elementOffset: -1 }, range(`Expected ${OFFSET} for options.elementOffset, got -1`)],
    [{ elementOffset: -1n }, range(`Expected ${OFFSET} for options.elementOffset, got -1n`)],
    [
      { elementOffset: 101, shape: [200] },
      range('Expected a product of at least 201, where the shard ends, for options.shape, got 200'),
    ],
  ]
  for (const [options, refused] of rows) t.throws(() => countActive(input, options), refused, show(options))
  t.end()
})

t.test('foldIn', (t) => {
  const wrongs: [unknown, 'type' | 'range', string][] = [
    ...[...STRANGERS, ...booleans, [undefined, 'undefined'] as [unknown, string]].map(
      ([wrong, said]): [unknown, 'type', string] => [wrong, 'type', said],
    ),
    ...[...notIntegers, [2n ** 64n, `${2n ** 64n}n`] as [unknown, string]].map(
      ([wrong, said]): [unknown, 'range', string] => [wrong, 'range', said],
    ),
  ]
  for (const [wrong, kind, said] of wrongs) {
    const refused = (argument: string) =>
      (kind === 'type' ? type : range)(`Expected ${SEED} for ${argument}, got ${said}`)
    t.throws(() => foldIn(wrong as number, 1), refused('seed'), `seed: ${said}`)
    t.throws(() => foldIn(1, wrong as number), refused('data'), `data: ${said}`)
  }
  t.end()
})

t.test('Jumpout', (t) => {
  for (const [name, rows] of Object.entries(SHARED)) {
    for (const [wrong, refused] of rows) {
      t.throws(() => new Jumpout({ [name]: wrong }), refused, `${name}: ${show(wrong)}`)
    }
  }
  for (const [wrong, refused] of OF_A_CALL.seed) {
    if (wrong !== undefined) t.throws(() => new Jumpout({ seed: wrong as number }), refused, show(wrong))
  }
  for (const [wrong, said] of [...STRANGERS, ...booleans, ...bigints]) {
    const refused = type(`Expected an integer >= 0 for options.layer, got ${said}`)
    t.throws(() => new Jumpout({ layer: wrong as number }), refused, `layer: ${said}`)
  }
  for (const [wrong, said] of notIntegers.filter(([wrong]) => typeof wrong === 'number')) {
    const refused = range(`Expected an integer >= 0 for options.layer, got ${said}`)
    t.throws(() => new Jumpout({ layer: wrong as number }), refused, `layer: ${said}`)
  }
  t.throws(() => (Jumpout as unknown as () => void)(), { name: 'TypeError' }, 'without new')
  const layer = new Jumpout({ seed: 1 })
  for (const [wrong, said] of [...STRANGERS, ...numbers]) {
    const refused = type(`Expected a boolean for mode, got ${said}`)
    t.throws(() => layer.train(wrong as boolean), refused, `mode: ${said}`)
  }
  t.end()
})

t.test("a layer's forward and backward", (t) => {
  const layer = new Jumpout({ seed: 1 })
  for (const mode of [true, false]) {
    layer.train(mode)
    for (const name of ['out', 'shape', 'saveMask', 'stream'] as const) {
      for (const [wrong, refused] of [...(OF_A_CALL[name] ?? []), ...(SHARED[name] ?? [])]) {
        const out = new Guarded(Float32Array, N)
        const options = { out: out.view, [name]: wrong }
        t.throws(() => layer.forward(input, options), refused, `${name}: ${show(wrong)}`)
        if (!out.untouched) t.fail(`${name}: ${show(wrong)}: something was written`)
      }
    }
    layer.forward(input)
    const short = range('Expected a Float32Array of length 100 for gradOutput, got one of length 1')
    t.throws(() => layer.backward(new Float32Array(1)), short)
    t.throws(() => layer.backward(null as unknown as Float32Array), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  t.end()
})

t.test('only a forward makes a Saved', (t) => {
  const { saved } = jumpoutForward(new Float32Array(4), { seed: 1 })
  const Made = saved.constructor as new (...values: unknown[]) => object
  for (const values of [[{}], [saved], [Symbol('jumpout'), {}]])
    t.throws(() => new Made(...values), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /a pass, as a forward makes it, for Saved/,
    })
  t.end()
})

const detach = (array: Float32Array) => structuredClone(0, { transfer: [array.buffer as ArrayBuffer] })
t.test('revoked proxies have no properties to read', async (t) => {
  const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
  const layer = new Jumpout({ seed: 1 })
  layer.forward(input)
  const { saved } = layer.call(input)
  for (const target of [{}, [], () => 1]) {
    const wrong = revoked(target) as never
    const calls: Record<string, () => unknown> = {
      input: () => jumpoutForward(wrong, { seed: 1 }),
      options: () => jumpoutForward(input, wrong),
      seed: () => jumpoutForward(input, { seed: wrong }),
      shape: () => jumpoutForward(input, { seed: 1, shape: wrong }),
      shard: () => jumpoutForward(input, { seed: 1, shard: wrong }),
      counts: () => jumpoutForward(input, { seed: 1, shard: { ...shard, total: wrong } }),
      saved: () => jumpoutBackward(input, wrong),
      'options of backward': () => jumpoutBackward(input, saved, wrong),
      'options of a layer': () => new Jumpout(wrong),
      "options of a layer's backward": () => layer.backward(input, wrong),
      state: () => Jumpout.fromJSON(wrong),
      signal: () => jumpoutForwardAsync(input, { seed: 1, signal: wrong }),
    }
    for (const [what, call] of Object.entries(calls)) await t.rejects(async () => call(), refused, what)
  }
  t.equal(layer.calls, 2n)
})

t.test('an array that a getter detaches or resizes is refused', async (t) => {
  const changed = value(
    'Expected an array that stays as it is for input, got one that changed during the call',
  )
  const arrays: [string, () => Float32Array, (array: Float32Array) => void][] = [
    ['detached', () => input.slice(), detach],
    ...([0, 4 * (N - 1), 4 * (N + 1)].map((bytes) => [
      `of ${bytes} bytes`,
      () => new Float32Array(new ArrayBuffer(4 * N, { maxByteLength: 8 * N })),
      (array) => (array.buffer as ArrayBuffer).resize(bytes),
    ]) as [string, () => Float32Array, (array: Float32Array) => void][]),
  ]
  const layer = new Jumpout({ seed: 1 })
  for (const [what, make, change] of arrays) {
    const whenRead = (run: (x: Float32Array, getter: (value?: unknown) => never) => unknown) => async () => {
      const x = make()
      return run(x, (value) => {
        change(x)
        return value as never
      })
    }
    const calls: Record<string, () => Promise<unknown>> = {
      option: whenRead((x, read) =>
        jumpoutForward(x, {
          get seed() {
            return read(1)
          },
        }),
      ),
      counts: whenRead((x, read) =>
        jumpoutForward(x, {
          seed: 1,
          shard: {
            ...shard,
            get total() {
              return read([200])
            },
          },
        }),
      ),
      signal: whenRead((x, read) =>
        jumpoutForwardAsync(x, {
          seed: 1,
          get signal() {
            return read()
          },
        }),
      ),
      layer: whenRead((x, read) =>
        layer.forward(x, {
          get out() {
            return read()
          },
        }),
      ),
      call: whenRead((x, read) =>
        layer.call(x, {
          get shape() {
            return read()
          },
        }),
      ),
      count: whenRead((x, read) =>
        countActive(x, {
          get shape() {
            return read()
          },
        }),
      ),
    }
    for (const [name, call] of Object.entries(calls)) {
      if (name === 'signal' && what !== 'detached') continue // refused for another reason
      await t.rejects(call(), changed, `${what}: ${name}`)
    }
  }
  t.equal(layer.calls, 0n, 'nothing was counted')
  t.equal(layer.stats, null)
})

t.test('lists that are long or have no end', (t) => {
  const holes = new Array<number>(2 ** 32 - 1)
  const run = (options: object) => () => jumpoutForward(input, { seed: 1, ...options })
  t.throws(run({ shape: holes }), range('Expected at most 1024 dimensions for options.shape, got 4294967295'))
  t.throws(
    run({ shard: { ...shard, active: holes } }),
    range('Expected 1 count, one per group, for options.shard.active, got 4294967295'),
  )
  const endless = [N]
  endless[Symbol.iterator] = () => ({ next: () => ({ done: false, value: 1 }) }) as never
  t.doesNotThrow(run({ shape: endless }), 'read by index')
  t.throws(run({ shape: new Proxy([], { get: (_, name) => (name === 'length' ? 2 ** 53 : 1) }) }), {
    code: 'ERR_OUT_OF_RANGE',
  })
  t.end()
})

t.test('errors run no code of a value, and keep their code', (t) => {
  t.throws(() => foldIn(2n ** 400_000n, 1), range(`Expected ${SEED} for seed, got a bigint above 2^128`))
  t.throws(() => foldIn(-(2n ** 400_000n), 1), { message: /got a bigint below -2\^128$/ })
  const trapped = new Proxy([], {
    get: () => {
      throw new Error('a trap')
    },
  })
  t.throws(() => foldIn(trapped as never, 1), type(`Expected ${SEED} for seed, got an object`))
  for (const name of ['code', 'get']) {
    Object.defineProperty(Object.prototype, name, { get: () => undefined, configurable: true })
    let error: unknown
    try {
      foldIn('1' as never, 1)
    } catch (thrown) {
      error = thrown
    } finally {
      Reflect.deleteProperty(Object.prototype, name)
    }
    t.match(error, type(`Expected ${SEED} for seed, got '1'`), `Object.prototype has ${name}`)
  }
  t.end()
})

t.test('arrays whose properties lie', async (t) => {
  const lie = <A extends object>(array: A, lies: object): A =>
    Object.defineProperties(array, Object.getOwnPropertyDescriptors(lies))
  const { output } = jumpoutForward(input, { seed: 1 })
  for (const length of [0, 5, Symbol('length'), null]) {
    const mask = lie(new Uint32Array(4), { length, buffer: undefined })
    const lying = jumpoutForward(lie(input.slice(), { length, buffer: null }), { seed: 1, mask })
    t.equal(difference(lying.output, output), null)
    t.equal(lying.saved.length, N)
    t.equal(lying.saved.mask, mask)
  }
  const growing = lie(new Float32Array(new ArrayBuffer(4 * N, { maxByteLength: 8 * N })), {
    buffer: new ArrayBuffer(4 * N),
  })
  await t.rejects(
    jumpoutForwardAsync(growing, { seed: 1 }),
    value('Expected an array of fixed size for input, got one over a resizable buffer'),
  )
  t.throws(() => release(growing), { code: 'ERR_INVALID_ARG_VALUE', message: /resizable/ })
  const other = new Float32Array(8)
  t.throws(() => release(lie(input.subarray(1), { buffer: other.buffer, byteLength: 32 })), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
  t.equal(other.length, 8, 'another array is not detached')
})

t.test('nothing leads to the private state of a Saved', (t) => {
  const { saved } = jumpoutForward(input, { seed: 1 })
  t.strictSame(Reflect.ownKeys(saved.constructor).sort(), ['length', 'name', 'prototype'])
  t.end()
})
