/** A misspelt option is refused with a hint on the right name, before anything is written. */
import { runInNewContext } from 'node:vm'
import * as jumpout from 'jumpout'
import t from 'tap'

type Wild = (...args: unknown[]) => unknown
const { countActive, Jumpout, jumpoutBackward, jumpoutBackwardAsync, jumpoutForwardAsync } = jumpout
const jumpoutForward = jumpout.jumpoutForward as Wild
const { DeviceArray, Stream } = jumpout as unknown as Record<
  string,
  Record<string, Wild> & (new (o: object) => object)
>

const x = new Float32Array(32).fill(1)
const layer = new Jumpout({ seed: 1 })
const { saved } = layer.call(x)
const state = layer.toJSON()
const shard = { elementOffset: 0, active: [1], total: [64] }

const refused = (message: RegExp) => ({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message })

const takers: Record<string, (options: object) => unknown> = {
  jumpoutForward: (o) => jumpoutForward(x, { seed: 1, ...o }),
  jumpoutForwardAsync: (o) => jumpoutForwardAsync(x, { seed: 1, ...o }),
  jumpoutBackward: (o) => jumpoutBackward(x, saved, o),
  jumpoutBackwardAsync: (o) => jumpoutBackwardAsync(x, saved, o),
  countActive: (o) => countActive(x, o),
  'new Jumpout': (o) => new Jumpout(o),
  'layer.forward': (o) => layer.forward(x, o),
  'layer.call': (o) => layer.call(x, o),
  'layer.backward': (o) => layer.backward(x, { saved, ...o }),
  shard: (o) => jumpoutForward(x, { seed: 1, shard: { ...shard, ...o } }),
  state: (o) => Jumpout.fromJSON({ ...state, ...o }),
  'state.options': (o) => Jumpout.fromJSON({ ...state, options: { ...state.options, ...o } }),
  'DeviceArray.alloc': (o) => DeviceArray.alloc(1, o),
  'DeviceArray.from': (o) => DeviceArray.from(x, o),
  'DeviceArray.wrap': (o) => DeviceArray.wrap(0n, 0, o),
  'new Stream': (o) => new Stream(o),
  'Stream.wrap': (o) => Stream.wrap(0n, o),
}

t.test('every function', async (t) => {
  for (const [name, take] of Object.entries(takers)) {
    const run = async () => take({ zzzz: 1 })
    await t.rejects(run(), refused(/got 'zzzz'$/), name)
    const long = async () => take({ ['z'.repeat(1000)]: 1 })
    await t.rejects(long(), refused(/a name of 1000 characters$/), name)
  }
  t.equal(layer.calls, 1n, 'nothing was counted')
})

t.test('hints', (t) => {
  const rows: [string, object, RegExp][] = [
    ['jumpoutForward', { rat: 0.9 }, /did you mean 'rate'\?/],
    ['jumpoutForward', { Rate: 0.9 }, /did you mean 'rate'\?/],
    ['jumpoutForward', { max_rate: 0.9 }, /did you mean 'maxRate'\?/],
    ['jumpoutForward', { p: 0.9 }, /did you mean 'rate'\?/],
    ['jumpoutForward', { sede: 2 }, /did you mean 'seed'\?/],
    ['jumpoutForward', { data_format: 'channelsLast' }, /did you mean 'dataFormat'\?/],
    ['countActive', { dataFormat: 'channelsLast' }, /, an option of jumpoutForward, new Jumpout$/],
    ['jumpoutForward', { saveMasks: true }, /did you mean 'saveMask'\?/],
    ['jumpoutForward', { inplace: true }, /`out` may be the input/],
    ['jumpoutForward', { training: false }, /functions always drop.*layer\.eval\(\)/],
    ['new Jumpout', { sigam: 1 }, /did you mean 'sigma'\?/],
    ['new Jumpout', { gran: 'sample' }, /did you mean 'granularity'\?/],
    ['layer.forward', { seed: 1 }, /got 'seed', an option of .*new Jumpout/],
    ['new Jumpout', { stream: 1 }, /got 'stream', an option of .*layer\.forward/],
    ['new Jumpout', { active: 1 }, /got 'active', an option of jumpoutForward/],
    ['jumpoutBackward', { active: 1 }, /got 'active', an option of jumpoutForward/],
    ['layer.forward', { call: 1 }, /an option of .*layer\.call/],
    ['layer.forward', { rat: 1 }, /did you mean 'rate', an option of .*new Jumpout\?/],
    ['layer.call', { mask: new Uint32Array(1) }, /an option of jumpoutForward/],
    ['layer.backward', { save: saved }, /did you mean 'saved'\?/],
    ['shard', { elementoffset: 0 }, /options\.shard.*did you mean 'elementOffset'\?/],
    ['state.options', { rat: 1 }, /state\.options.*did you mean 'rate'\?/],
    ['DeviceArray.alloc', { dtpye: 'float32' }, /did you mean 'dtype'\?/],
    ['new Stream', { devise: 0 }, /did you mean 'device'\?/],
  ]
  for (const [name, options, message] of rows) t.throws(() => takers[name](options), refused(message), name)
  t.end()
})

/** What the error says of the name, from where it stands; undefined if the name is accepted. */
function saidOf(name: string, option: string): string | undefined {
  try {
    takers[name]({ [option]: 1 })
    return undefined
  } catch (error) {
    return (error as Error).message.replace(/^.*got /, '')
  }
}

/** What stands behind the name. */
const hintOf = (name: string, option: string) => /^'[^']*'(.*)$/.exec(saidOf(name, option) ?? '')?.[1]

t.test('names of other libraries', (t) => {
  const meant: Record<string, string[]> = {
    rate: ['p', 'prob', 'probability', 'drop', 'dropout', 'drop_rate', 'dropoutRate'],
    sigma: ['std'],
    shape: ['layout'],
    out: ['output', 'dst'],
    call: ['start'],
  }
  for (const [option, names] of Object.entries(meant))
    for (const name of names)
      t.match(hintOf('jumpoutForward', name), `; did you mean '${option}'?`, `${name} is ${option}`)
  t.equal(hintOf('DeviceArray.alloc', 'gpu'), "; did you mean 'device'?")
  t.equal(hintOf('DeviceArray.alloc', 'type'), "; did you mean 'dtype'?")
  t.equal(hintOf('shard', 'p'), "; did you mean 'rate', an option of jumpoutForward, new Jumpout?")
  const always = '; functions always drop, and a layer does unless it is in evaluation, layer.eval()'
  for (const name of ['training', 'train', 'eval', 'evaluation', 'inference', 'mode'])
    t.equal(hintOf('jumpoutForward', name), always, name)
  t.equal(hintOf('jumpoutForward', 'in-place'), '; `out` may be the input itself, which works in place')
  t.end()
})

t.test('how many letters may be wrong', (t) => {
  const near: [wrong: string, right: string | undefined][] = [
    ['rote', 'rate'],
    ['rtae', 'rate'],
    ['arte', 'rate'],
    ['raet', 'rate'],
    ['rtte', 'rate'],
    ['rrate', 'rate'],
    ['rat', 'rate'],
    ['ate', 'rate'],
    ['roto', undefined],
    ['sigmo', 'sigma'],
    ['sihmo', undefined],
    ['expenant', 'exponent'],
    ['normalised', 'normalize'],
    ['xnormlxze', 'normalize'],
    ['xnorxlxze', undefined],
    ['re', undefined],
    // A swap needs both letters, and counts as one step.
    ['pagx', undefined],
    ['untu', undefined],
    ['reyl', undefined],
    ['mni', undefined],
    // The nearest, and of equals the first.
    ['qarate', 'rate'],
    ['max', 'pMax'],
    ['relus', 'relu'],
    ['sigmaOfThisCall', 'sigma'],
    ['gr', undefined],
    ['gra', 'granularity'],
    ['un', undefined],
    ['nit', 'unit'],
    ['__', undefined],
    ['toString', undefined],
    ['constructor', undefined],
    ['hasOwnProperty', undefined],
  ]
  for (const [wrong, right] of near) {
    const hint = hintOf('new Jumpout', wrong)
    t.equal(hint, right === undefined ? '' : `; did you mean '${right}'?`, wrong)
  }
  t.end()
})

t.test('long names are counted', (t) => {
  const ending = (length: number) => saidOf('new Jumpout', 'rate'.padEnd(length, '_'))
  t.equal(ending(40), `'${'rate'.padEnd(40, '_')}'; did you mean 'rate'?`)
  t.equal(ending(41), 'a name of 41 characters')
  t.end()
})

t.test('objects and names that are accepted', (t) => {
  const mean = (options: object) => t.doesNotThrow(() => jumpoutForward(x, options))
  mean({ seed: 1, rat: undefined })
  mean({ seed: 1, [Symbol('rat')]: 1 })
  mean(Object.create({ rat: 1, seed: 1 }) as object)
  mean(Object.defineProperty({ seed: 1 }, 'rat', { value: 1, enumerable: false }))
  mean(Object.assign(Object.create(null) as object, { seed: 1 }))
  mean(new Proxy({ seed: 1 }, {}))
  class Options {
    seed = 1
  }
  mean(new Options())
  mean(Object.assign(new Number(1), { seed: 1 }))
  let reads = 0
  jumpoutForward(x, {
    seed: 1,
    get rate() {
      ++reads
      return 0.5
    },
  })
  t.equal(reads, 1, 'a getter is read once')
  const throwing = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new RangeError('mine')
      },
    },
  )
  t.throws(() => jumpoutForward(x, throwing), { message: 'mine' })
  t.throws(() => jumpoutForward(x, { seed: 1, stream: 1 }), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /no stream/,
  })
  t.end()
})

/** Objects that no options were put in, and that an object of options is mistaken for. */
const strangers: Record<string, object> = {
  'a forgotten await': Promise.resolve({ rate: 0.5 }),
  'a signal': AbortSignal.abort(),
  'a generator': (function* () {
    yield { rate: 0.5 }
  })(),
  'an iterator': [].values(),
  'a Map': new Map([['rate', 0.5]]),
  'an object of a class': new (class {
    other = undefined
  })(),
  Date: new Date(),
  Error: new Error('rate'),
  RegExp: /rate/,
  Set: new Set(['rate']),
  URL: new URL('http://rate'),
  ArrayBuffer: new ArrayBuffer(8),
  Math,
  'another realm': runInNewContext('new Map()') as object,
}

t.test('objects of a class count as options if they have one', async (t) => {
  const rates = (options: object) =>
    [new Jumpout(options), Jumpout.fromJSON({ ...state, options })].map((made) => made.toJSON().options.rate)
  class Own {
    rate = 0.5
  }
  class Computed {
    get rate() {
      return 0.5
    }
  }
  const halves: Record<string, object> = {
    own: new Own(),
    accessor: new Computed(),
    heir: Object.create({ rate: 0.5 }) as object,
    'heir of an heir': Object.create(new Computed()) as object,
    hidden: Object.defineProperty({}, 'rate', { value: 0.5 }),
    'hidden in a Map': Object.defineProperty(new Map(), 'rate', { value: 0.5 }),
    'without a prototype': Object.assign(Object.create(null) as object, { rate: 0.5 }),
    'of another realm': runInNewContext('Object.create({ rate: 0.5 })') as object,
  }
  for (const [what, options] of Object.entries(halves)) t.strictSame(rates(options), [0.5, 0.5], what)
  const empty: Record<string, object> = {
    plain: {},
    heir: Object.create({}) as object,
    'without a prototype': Object.create(null) as object,
    'heir without one': Object.create(Object.create(null) as object) as object,
    'another realm': runInNewContext('({})') as object,
    proxy: new Proxy({}, {}),
    'proxy of a Map': new Proxy(new Map(), {}),
  }
  for (const [what, options] of Object.entries(empty))
    t.strictSame(rates(options), [undefined, undefined], what)
  const expected = {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: /^Expected an object with options of [\w. ]+ for [\w.]+, got an? \w+$/,
  }
  const asTheyAre = [
    ...[
      'jumpoutBackward',
      'jumpoutBackwardAsync',
      'countActive',
      'new Jumpout',
      'layer.forward',
      'layer.call',
    ],
    ...['DeviceArray.alloc', 'DeviceArray.from', 'DeviceArray.wrap', 'new Stream', 'Stream.wrap'],
  ]
  const run: Record<string, (options: object) => unknown> = {
    ...Object.fromEntries(asTheyAre.map((name) => [name, takers[name]])),
    jumpoutForward: (o) => jumpoutForward(x, o),
    jumpoutForwardAsync: (o) => jumpoutForwardAsync(x, o as never),
    'layer.backward': (o) => layer.backward(x, o),
    'a shard': (o) => jumpoutForward(x, { seed: 1, shard: o }),
    'a state': (o) => Jumpout.fromJSON(o as never),
  }
  for (const [name, take] of Object.entries(run))
    for (const [what, options] of Object.entries(strangers))
      await t.rejects(async () => take(options), expected, `${name}: ${what}`)
  await t.rejects(async () => new Jumpout(strangers['a forgotten await']), { message: /, got a Promise$/ })
  const { signal } = new AbortController()
  await t.resolves(jumpoutBackwardAsync(x, saved, Object.create({ signal }) as object))
})

t.test('many names', (t) => {
  const names = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, undefined]))
  t.doesNotThrow(() => new Jumpout(names(1024)))
  t.throws(() => new Jumpout(names(1025)), {
    name: 'RangeError',
    code: 'ERR_OUT_OF_RANGE',
    message: 'Expected at most 1024 names for options, got more',
  })
  t.throws(() => new Jumpout({ ['z'.repeat(2 ** 28)]: 1 }), refused(/a name of 268435456 characters$/))
  t.end()
})

t.test('values that are no bag of options', (t) => {
  const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /an object.* for options, got/ }
  const huge = [new Uint8Array(2 ** 27), new String('x'.repeat(2 ** 28))]
  const empty = [[], new Float32Array(0), new String(''), new Number(1), new Boolean(false)]
  const named = [Object.assign([], { saveMask: false }), Object.assign(new Float32Array(0), { call: 1 })]
  for (const value of [x, layer, saved, new String('x'), ...huge, ...empty, ...named])
    t.throws(() => layer.call(x, value as object), wrong)
  t.end()
})
