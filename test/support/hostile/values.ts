/** Arbitrary JavaScript values for arguments: ordinary ones, strangers, and such with code of a caller behind them. */
import fc from 'fast-check'
import { inspect } from 'node:util'
import { makeInput, revoked } from '../inputs'
import { wasmMemory } from '../webassembly'
import { actions, type Action, type World } from './world'

/** A value that each case makes anew, and its name in a report. */
export class Made {
  readonly label: string
  readonly make: (world: World) => unknown
  /** Whether the engine may refuse it by an error of its own, which has no code. */
  readonly wild: boolean

  constructor(label: string, make: (world: World) => unknown, wild = false) {
    this.label = label
    this.make = make
    this.wild = wild
  }

  [fc.toStringMethod](): string {
    return this.label
  }
}

export type Values = fc.Arbitrary<Made>

export const made = (label: string, make: (world: World) => unknown, wild?: boolean): Made =>
  new Made(label, make, wild)

export const pick = (...list: Made[]): Values => fc.constantFrom(...list)
export const constants = (...values: unknown[]): Values =>
  pick(...values.map((value) => made(inspect(value), () => value)))

/** Often of the first kind. */
export const mostly = (ordinary: Values, others: Values, weight = 6): Values =>
  fc.oneof({ weight, arbitrary: ordinary }, { weight: 1, arbitrary: others })

const action = fc.constantFrom<Action>(...actions)

/** No length of an array that a machine with much memory would really make. */
const numbers = constants(
  0,
  -0,
  1,
  0.5,
  0.25,
  -1,
  2,
  3,
  33,
  NaN,
  Infinity,
  -Infinity,
  1e308,
  -1e308,
  5e-324,
  65535 / 65536,
  -(2 ** 31),
  2 ** 40,
  2 ** 52,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  2 ** 64,
)
const bigints = constants(0n, 1n, -1n, 2n ** 32n, 2n ** 63n - 2n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n)
const HUGE = 2n ** 4_000_000n

const bomb = (world: World): object => ({
  valueOf: () => world.mine(),
  toString: () => world.mine(),
  toJSON: () => world.mine(),
  [Symbol.toPrimitive]: () => world.mine(),
})

const TRAPS = [
  'get',
  'has',
  'ownKeys',
  'getOwnPropertyDescriptor',
  'getPrototypeOf',
  'set',
  'apply',
  'construct',
] as const

/** Every trap acts on the world, and then does what it is there for. */
const acting = (world: World, target: object, what: Action): object =>
  new Proxy(
    target,
    Object.fromEntries(
      TRAPS.map((name) => [
        name,
        (...rest: unknown[]) => {
          if (world.acted < 3) world.act(what)
          return (Reflect[name] as (...rest: unknown[]) => unknown)(...rest)
        },
      ]),
    ),
  )

const throwing = (world: World, target: object, which: (typeof TRAPS)[number]): object =>
  new Proxy(target, { [which]: () => world.mine() })

/** Every answer is another one. */
const lying = (target: object): object => {
  let answers = 0
  const next = (): unknown => [undefined, 1, 'batch', {}, 5n, Symbol.iterator, -1][answers++ % 7]
  return new Proxy(target, {
    get: next,
    has: () => answers++ % 2 === 0,
    ownKeys: () => ['rate', 'sigma', 'x'].slice(answers++ % 3),
    getOwnPropertyDescriptor: () => ({ value: next(), enumerable: true, configurable: true }),
    getPrototypeOf: () => Array.prototype as object,
  })
}

class Lying extends Float32Array {
  static get [Symbol.species](): Float32ArrayConstructor {
    return Uint8Array as unknown as Float32ArrayConstructor
  }
}

/** How an array lies in memory, and what its properties say. */
const ARRAY_KINDS = [
  'plain',
  'plain',
  'plain',
  'offset',
  'shared',
  'resizable',
  'resizable',
  'fixed',
  'growable',
  'subclass',
  'lying',
  'bare',
  'foreign',
  'detached',
  'outside',
  'wasm',
  'sealed',
] as const
type ArrayKind = (typeof ARRAY_KINDS)[number]

type Numbers = Float32Array | Uint32Array

type Ways = Record<ArrayKind, (world: World, values: Numbers) => Numbers>

/** A buffer that is twice as large as now where it can be resized. */
function bufferLike(kind: 'shared' | 'growable' | 'resizable', bytes: number): ArrayBuffer {
  const options = { maxByteLength: 2 * bytes } as object
  if (kind === 'shared') return new SharedArrayBuffer(bytes) as unknown as ArrayBuffer
  const Type = (kind === 'growable' ? SharedArrayBuffer : ArrayBuffer) as new (
    bytes: number,
    options: object,
  ) => ArrayBuffer
  return new Type(bytes, options)
}

const over = (
  values: Numbers,
  buffer: ArrayBufferLike,
  length?: number,
  Class = values.constructor,
): Numbers => {
  const Type = Class as Float32ArrayConstructor
  const view = new Type(buffer as ArrayBuffer, 0, length)
  view.set(values)
  return view
}

const LIES = [
  'length',
  'buffer',
  'byteLength',
  'byteOffset',
  'constructor',
  Symbol.toStringTag,
  'subarray',
  'slice',
]

const WAYS: Ways = {
  plain: (_, values) => values,
  offset: (_, values) => {
    const Type = values.constructor as Float32ArrayConstructor
    const view = new Type(values.length + 3).subarray(2, 2 + values.length)
    view.set(values)
    return view
  },
  shared: (_, values) => over(values, bufferLike('shared', values.byteLength)),
  resizable: (_, values) => over(values, bufferLike('resizable', values.byteLength)),
  fixed: (_, values) => over(values, bufferLike('resizable', values.byteLength), values.length),
  growable: (_, values) => over(values, bufferLike('growable', values.byteLength)),
  subclass: (_, values) => (values instanceof Float32Array ? new Lying(values) : values),
  lying: (world, values) => {
    const array = WAYS.resizable(world, values)
    for (const name of LIES) {
      const get = (): unknown => (world.acted % 2 === 0 ? 5 : world.mine())
      Object.defineProperty(array, name, { get, configurable: true })
    }
    return array
  },
  bare: (_, values) => Object.setPrototypeOf(values, null) as Numbers,
  foreign: ({ room }, values) => {
    const Type = room.foreign(values.constructor.name) as Float32ArrayConstructor
    return new Type(values)
  },
  detached: (_, values) => {
    structuredClone(0, { transfer: [values.buffer as ArrayBuffer] })
    return values
  },
  outside: (world, values) => {
    const array = WAYS.fixed(world, values)
    ;(array.buffer as unknown as { resize(bytes: number): void }).resize(0)
    return array
  },
  wasm: (_, values) => over(values, wasmMemory({ initial: 1 }).buffer, values.length),
  sealed: (_, values) => Object.preventExtensions(values),
}

const lengths = fc.constantFrom(0, 0, 0, 0, 0, 1, -1, 32)

/** Float32Arrays of the world's length, or nearly. */
const floats = (remember: boolean): Values =>
  fc
    .record({ kind: fc.constantFrom(...ARRAY_KINDS), more: lengths, seed: fc.nat(9) })
    .map(({ kind, more, seed }) =>
      made(`Float32Array ${kind} ${more}`, (world) => {
        const array = WAYS[kind](
          world,
          makeInput(Math.max(world.length + more, 0), 'activations', seed),
        ) as Float32Array
        if (remember) world.input ??= array
        return array
      }),
    )

const words: Values = fc
  .record({ kind: fc.constantFrom(...ARRAY_KINDS), more: lengths })
  .map(({ kind, more }) =>
    made(`Uint32Array ${kind} ${more}`, (world) =>
      WAYS[kind](world, new Uint32Array(Math.max(Math.ceil(world.length / 32) + more, 0))),
    ),
  )

const onDevice = (...names: (keyof NonNullable<World['device']>)[]): Values =>
  pick(...names.map((name) => made(`device.${name}`, (world) => world.device?.[name])))

const cudaMemory = action.map((what) =>
  made(`memory with a pointer and ${what}`, (world) => {
    const { ptr = 4096, byteLength = 4 * world.length } = world.device?.out ?? {}
    return {
      get ptr() {
        world.act(what)
        return ptr
      },
      byteLength,
    }
  }),
)

const objects: Values = fc.oneof(
  constants(
    {},
    [],
    [1, 2],
    new Map([['seed', 1]]),
    new Set([1]),
    /x/,
    new Date(0),
    Promise.resolve(1),
    new WeakMap(),
  ),
  constants(
    Object.create(null),
    Object.freeze({}),
    new Number(1),
    new String('batch'),
    new Boolean(true),
    Object(1n),
  ),
  constants(
    new ArrayBuffer(8),
    new DataView(new ArrayBuffer(8)),
    new Uint8Array(4),
    new BigUint64Array(1),
    new Float64Array(4),
  ),
  pick(
    made('a list of 2^32 - 1 holes', () => new Array<number>(2 ** 32 - 1)),
    made('a list without an end', () => {
      const list = [1]
      Object.defineProperty(list, Symbol.iterator, {
        value: () => ({ next: () => ({ done: false, value: 1 }) }),
      })
      return list
    }),
    made(
      'a proxy of such a length',
      () => new Proxy([], { get: (_, name) => (name === 'length' ? 2 ** 53 : 1) }),
    ),
    made('a bomb', bomb),
    made('a thenable', (world) => ({ then: () => world.mine() })),
    made('a prototype', ({ room }) => room.jumpout.Jumpout.prototype),
    made('an heir', ({ saved }) => Object.create(saved) as object, true),
    made('a layer', ({ layer }) => layer),
    made('a saved', ({ saved }) => saved),
    made('a lying proxy', () => lying({}), true),
    made('a lying list', () => lying([]), true),
    made('revoked', () => revoked({})),
    made('a revoked list', () => revoked([])),
    made('a revoked function', () => revoked(() => undefined), true),
    made('a proxy of a revoked proxy', () => new Proxy(revoked({}), {})),
    made('a handler that is revoked', () => new Proxy({}, revoked({})), true),
  ),
  fc
    .record({ what: action, list: fc.boolean() })
    .map(({ what, list }) =>
      made(`a proxy that does ${what}`, (world) => acting(world, list ? [4, 8] : {}, what)),
    ),
  fc
    .record({ which: fc.constantFrom(...TRAPS), list: fc.boolean() })
    .map(({ which, list }) =>
      made(`a proxy whose ${which} throws`, (world) => throwing(world, list ? [1] : {}, which)),
    ),
  cudaMemory,
  onDevice('input', 'out', 'half', 'mask', 'count', 'stream', 'graph', 'saved'),
  floats(false),
  words,
)

export const functions: Values = fc.oneof(
  pick(
    made('() => {}', () => () => undefined),
    made('a throwing function', (world) => () => world.mine()),
    made('a function that throws a symbol', (world) => () => world.mine(Symbol('mine'))),
    made('a class', () => Bag, true),
    made('a function of thenables', (world) => () => ({
      get then() {
        return world.mine()
      },
    })),
    made('an async function', () => async () => undefined),
  ),
  action.map((what) => made(`a function that does ${what}`, (world) => () => world.act(what))),
)

export const anything: Values = fc.oneof(
  { weight: 2, arbitrary: numbers },
  { weight: 2, arbitrary: bigints },
  {
    weight: 1,
    arbitrary: constants(undefined, null, true, false, '', 'x', 'batch', '1', '__proto__', 'x'.repeat(50)),
  },
  { weight: 1, arbitrary: constants(Symbol('x'), Symbol.iterator) },
  {
    weight: 1,
    arbitrary: pick(
      made('a huge bigint', () => HUGE),
      made('minus a huge bigint', () => -HUGE),
    ),
  },
  { weight: 5, arbitrary: objects },
  { weight: 1, arbitrary: functions },
)

export const tensors = mostly(
  fc.oneof({ weight: 5, arbitrary: floats(true) }, onDevice('input', 'input', 'half'), cudaMemory),
  anything,
)
export const outs = mostly(
  fc.oneof(
    pick(
      made('out', ({ out }) => out.view),
      made('the input', ({ input }) => input),
      made('a part of the input', ({ input }) => {
        try {
          return input?.subarray(1)
        } catch {
          return undefined
        }
      }),
    ),
    floats(false),
    onDevice('out', 'out', 'input'),
  ),
  anything,
)
export const masks = mostly(
  fc.oneof(pick(made('mask', ({ mask }) => mask.view)), words, onDevice('mask')),
  anything,
)
export const streams = mostly(onDevice('stream'), anything)
export const graphs = mostly(onDevice('graph'), anything)
export const deviceArrays = mostly(onDevice('input', 'out', 'mask', 'count', 'half'), anything)
export const layers = mostly(pick(made('layer', ({ layer }) => layer)), anything, 12)
export const saveds = mostly(
  fc.oneof(
    pick(made('saved', ({ saved }) => saved)),
    onDevice('saved'),
    pick(
      made(
        'saved of evaluation',
        ({ room, length }) => new room.jumpout.Jumpout({ relu: true }).eval().call(makeInput(length)).saved,
      ),
    ),
  ),
  anything,
)
export const hostArrays = mostly(
  fc.oneof(floats(true), words, pick(made('a BigUint64Array', () => BigUint64Array.of(3n)))),
  anything,
)

const seeds = mostly(constants(1, 2n ** 64n - 1n, 0, 7), anything, 12)
const calls = mostly(fc.oneof(constants(0, 1n, 2n ** 63n - 2n), onDevice('count')), anything, 8)
const rates = mostly(constants(0, 0.1, 0.3, 0.5, 65535 / 65536), anything, 12)
const booleans = mostly(constants(true, false), anything, 12)
const shapes = mostly(
  pick(
    made('[length]', ({ length }) => [length]),
    made('[1, length]', ({ length }) => [1, length]),
    made('[length, 1, 1]', ({ length }) => [length, 1, 1]),
    made('[length / 2, 2]', ({ length }) => [length / 2, 2]),
    made('a list with getters', (world) => {
      const list = [world.length, 1]
      Object.defineProperty(list, 1, { get: () => (world.act('detachInput'), 1) })
      return list
    }),
  ),
  anything,
  12,
)
const offsets = mostly(constants(0, 0n, 1, 40), anything)
const lists = mostly(
  pick(
    made('[0]', () => [0]),
    made('[1000]', () => [1000]),
    made('[length]', ({ length }) => [length]),
    made('one per element', ({ length }) => new Array<number>(length).fill(1)),
  ),
  anything,
)

interface Property {
  readonly value: Made
  readonly how: 'plain' | 'getter' | 'acting' | 'throwing' | 'inherited' | 'hidden'
  readonly what: Action
}

const property = (values: Values): fc.Arbitrary<Property> =>
  fc.record({
    value: values,
    how: fc.oneof(
      { weight: 8, arbitrary: fc.constant('plain' as const) },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'getter' as const,
          'acting' as const,
          'acting' as const,
          'inherited' as const,
        ),
      },
      { weight: 1, arbitrary: fc.constantFrom('throwing' as const, 'hidden' as const) },
    ),
    what: action,
  })

function define(world: World, target: object, name: string, { how, what }: Property, value: unknown): void {
  const attributes = { configurable: true, enumerable: how !== 'hidden' }
  if (how === 'acting' || how === 'throwing' || how === 'getter') {
    const get = (): unknown => {
      if (how === 'acting') world.act(what)
      return how === 'throwing' ? world.mine() : value
    }
    Object.defineProperty(target, name, { ...attributes, get })
  } else Object.defineProperty(target, name, { ...attributes, value, writable: true })
}

class Bag {
  declare readonly seed?: number
}

const CONTAINERS = {
  plain: () => ({}),
  empty: () => Object.create(null) as object,
  class: () => new Bag(),
  list: () => [],
  map: () => new Map(),
  function: () => () => undefined,
} as const

const SEALS = {
  none: (bag: object) => bag,
  frozen: (bag: object) => Object.freeze(bag),
  proxy: (bag: object) => new Proxy(bag, {}),
  revoked: (bag: object) => revoked(bag),
} as const

const keysOf = <T extends object>(object: T) => Object.keys(object) as (keyof T)[]

const sometimes = <T>(values: fc.Arbitrary<T>, once: number): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: once, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: values })

/** Options of these names, in all kinds of objects: a few, since one that is wrong hides the others, and all `required`. */
export function bags(names: Record<string, Values>, required: readonly string[] = []): Values {
  const properties = Object.entries(names).map(([name, values]) =>
    fc.tuple(fc.constant(name), property(values)),
  )
  return mostly(
    fc
      .record({
        needed: fc.tuple(...properties.filter((_, i) => required.includes(Object.keys(names)[i]))),
        given: fc.array(fc.oneof(...properties), { maxLength: 3 }),
        container: mostlyPlain(CONTAINERS),
        seal: fc.oneof(
          { weight: 12, arbitrary: fc.constant('none' as const) },
          fc.constantFrom(...keysOf(SEALS)),
        ),
        strange: sometimes(property(anything), 20),
        trap: sometimes(
          fc.record({ what: action, which: fc.constantFrom(...TRAPS), throws: fc.boolean() }),
          12,
        ),
      })
      .map(({ needed, given, container, seal, strange, trap }) => {
        const found = Object.entries(Object.fromEntries([...given, ...needed]))
        const all: [string, Property][] = strange === null ? found : [...found, ['strange', strange]]
        const wild = all.some(([, { value }]) => value.wild)
        const label = `${trap === null ? '' : `${trap.throws ? 'throwing' : 'acting'} `}${seal} ${container} {${all
          .map(
            ([name, { how, what, value }]) =>
              `${name}: ${how === 'plain' ? '' : `${how} ${what} `}${value.label}`,
          )
          .join(', ')}}`
        const make = (world: World): object => {
          const heritage = {}
          const bag = CONTAINERS[container]()
          const content: Record<string, unknown> = {}
          for (const [name, one] of all) {
            content[name] = one.value.make(world)
            define(world, one.how === 'inherited' ? heritage : bag, name, one, content[name])
          }
          if (all.some(([, { how }]) => how === 'inherited')) Object.setPrototypeOf(bag, heritage)
          let sealed = SEALS[seal](bag)
          if (trap !== null && seal !== 'revoked')
            sealed = trap.throws ? throwing(world, sealed, trap.which) : acting(world, sealed, trap.what)
          world.bags.set(sealed, content)
          return sealed
        }
        return made(label, make, wild)
      }),
    anything,
    15,
  )
}

const mostlyPlain = <T extends { plain: unknown }>(kinds: T): fc.Arbitrary<keyof T> =>
  fc.oneof({ weight: 10, arbitrary: fc.constant('plain') }, fc.constantFrom(...keysOf(kinds)))

const signals = mostly(
  fc.oneof(
    pick(
      made('a signal', () => new AbortController().signal),
      made('an aborted signal', (world) => {
        const reason = new Error('aborted')
        world.thrown.add(reason)
        return AbortSignal.abort(reason)
      }),
      made('half a signal', () => ({ aborted: false, addEventListener: () => undefined })),
      made('a signal that aborts at once', (world) => ({
        aborted: false,
        get reason() {
          const reason = new Error('aborted')
          world.thrown.add(reason)
          return reason
        },
        addEventListener: (_: string, listener: () => void) => listener(),
        removeEventListener: () => undefined,
      })),
    ),
    fc
      .record({ what: action, throws: fc.constantFrom('nothing', 'aborted', 'add', 'remove') })
      .map(({ what, throws }) =>
        made(`a signal that does ${what}, ${throws} throws`, (world) => {
          const say = (which: string) => (which === throws ? world.mine() : world.act(what))
          return {
            get aborted() {
              say('aborted')
              return false
            },
            addEventListener: () => say('add'),
            removeEventListener: () => {
              world.finished = true
              if (throws === 'remove') world.mine()
            },
          }
        }),
      ),
  ),
  anything,
)

export const SETTINGS = {
  sigma: rates,
  pMin: rates,
  pMax: rates,
  rate: rates,
  maxRate: rates,
  exponent: rates,
  normalize: booleans,
  relu: booleans,
  granularity: mostly(constants('batch', 'sample'), anything),
  unit: mostly(constants('element', 'channel'), anything),
  dataFormat: mostly(constants('channelsFirst', 'channelsLast'), anything),
  shape: shapes,
}
const shards = bags({ elementOffset: offsets, active: lists, total: lists }, [
  'elementOffset',
  'active',
  'total',
])
const LAYER_FORWARD = { out: outs, shape: shapes, saveMask: booleans, stream: streams }
const FORWARD = {
  ...SETTINGS,
  seed: seeds,
  call: calls,
  out: outs,
  saveMask: booleans,
  mask: masks,
  active: onDevice('count'),
  shard: shards,
  stream: streams,
}
const BACKWARD = { out: outs, output: outs, stream: streams }
const LAYER = { ...SETTINGS, seed: seeds, layer: mostly(constants(0, 1), anything), calls, reuse: booleans }
const KIND = {
  dtype: mostly(constants('float32', 'float16', 'uint32', 'uint64'), anything),
  device: mostly(constants(0), anything),
}
const decimals = mostly(constants('0', '12', String(2n ** 64n), '-1', '1e3'), anything)
export const layerOptions = bags(LAYER)
export const options = {
  forward: bags(FORWARD, ['seed']),
  forwardAsync: bags({ ...FORWARD, signal: signals }, ['seed']),
  backward: bags(BACKWARD),
  backwardAsync: bags({ ...BACKWARD, signal: signals }),
  count: bags({
    granularity: SETTINGS.granularity,
    shape: shapes,
    elementOffset: offsets,
    stream: streams,
    out: onDevice('count'),
  }),
  layerForward: bags(LAYER_FORWARD),
  layerCall: bags({ ...LAYER_FORWARD, call: calls }),
  layerBackward: bags({ ...BACKWARD, saved: saveds }),
  state: bags(
    {
      version: mostly(constants(1), anything),
      seed: decimals,
      layer: mostly(constants(0), anything),
      call: decimals,
      options: bags({ ...SETTINGS, reuse: booleans }),
    },
    ['version', 'seed', 'layer', 'call', 'options'],
  ),
  alloc: bags(KIND),
  from: bags({ ...KIND, stream: streams }),
  wrap: bags({ ...KIND, owner: anything }),
  copy: bags({ stream: streams }),
  toHost: bags({ stream: streams, out: hostArrays }),
  dlpack: bags({ versioned: booleans }),
  stream: bags({ device: KIND.device }),
  op: bags({ ...SETTINGS, shape: anything, seed: seeds, call: calls, onStats: mostly(functions, anything) }, [
    'seed',
    'onStats',
  ]),
  tfLayer: bags({
    ...LAYER,
    shape: anything,
    name: constants('one', 'two'),
    inputShape: constants([3]),
    seed: mostly(decimals, seeds),
  }),
}
export const numbersOrNot = mostly(constants(0, 1, 10, -1, 2 ** 50, 3), anything)
export const seedsOrNot = mostly(constants(0, 1, 2n ** 64n - 1n), anything)
export const booleansOrNot = booleans
export const states = mostly(pick(made('a state', ({ layer }) => layer.toJSON())), options.state, 1)
export interface Pollution {
  readonly name: string
  readonly how: 'value' | 'getter' | 'throws' | 'acting'
  readonly value: Made
  readonly what: Action
}

export const pollutions: fc.Arbitrary<Pollution | null> = sometimes(
  fc.record({
    name: fc.constantFrom(
      'seed',
      'rate',
      'out',
      'shape',
      'stream',
      'shard',
      'saved',
      'call',
      'device',
      'dtype',
      'signal',
      'reuse',
      'code',
      'message',
      'cause',
      'then',
      'length',
      'ptr',
      'byteLength',
      'toJSON',
      'aborted',
      'buffer',
      'x',
    ),
    how: fc.constantFrom<Pollution['how']>('value', 'getter', 'throws', 'acting'),
    value: anything,
    what: action,
  }),
  12,
)

/** An accessor or a value on Object.prototype, until the function that is returned. */
export function pollute(world: World, { name, how, value, what }: Pollution): () => void {
  const polluting = value.make(world)
  const property: PropertyDescriptor =
    how === 'value'
      ? { value: polluting, writable: true }
      : {
          get() {
            if (how === 'throws') return world.mine()
            if (how === 'acting' && world.acted < 3) world.act(what)
            return polluting
          },
          set: () => undefined,
        }
  Object.defineProperty(
    Object.prototype,
    name,
    Object.assign(Object.create(null) as PropertyDescriptor, property, { configurable: true }),
  )
  return () => {
    Reflect.deleteProperty(Object.prototype, name)
  }
}
