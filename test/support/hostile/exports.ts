/** Every exported function, class, method and accessor, with values for each argument. */
import fc from 'fast-check'
import { isProxy } from 'node:util/types'
import type { Saved } from 'jumpout'
import { assertSame } from '../bits'
import {
  anything,
  booleansOrNot,
  deviceArrays,
  functions,
  graphs,
  hostArrays,
  layerOptions,
  layers,
  made,
  mostly,
  numbersOrNot,
  options,
  pick,
  saveds,
  seedsOrNot,
  states,
  streams,
  tensors,
  type Values,
} from './values'
import { copyOf, lengthOf, type Room, type World } from './world'

export interface Call {
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly result: unknown
  /** Whether the values of options are those that the call has read. */
  readonly honest: boolean
}

export interface Row {
  /** Values for `this`. */
  readonly self?: Values
  readonly args?: readonly Values[]
  /** Asserts what a call that returned has promised. */
  readonly check?: (world: World, call: Call) => void
  /** Whether an error of TensorFlow.js or of Node may pass through. */
  readonly others?: boolean
}

const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

/** They do not change the numbers. */
const NOT_COMPARED = ['out', 'mask', 'signal', 'stream', 'output', 'strange', 'saveMask']

/** The options as plain data; undefined where that is not known. */
function plainOptions(world: World, bag: unknown): Record<string, unknown> | undefined {
  if (bag === undefined) return {}
  const content = world.bags.get(bag)
  if (content === undefined) return undefined
  const plain: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(content)) {
    if (NOT_COMPARED.includes(name)) continue
    if (typeof value !== 'object' || value === null) plain[name] = value
    else if (world.bags.has(value)) {
      const inner = plainOptions(world, value)
      if (inner === undefined) return undefined
      plain[name] = inner
    } else if (isProxy(value) || !Array.isArray(value)) return undefined
    else if (Object.getOwnPropertyDescriptor(value, 1)?.get !== undefined) return undefined
    else plain[name] = value
  }
  return plain
}

const hostArray = (value: unknown): value is Float32Array => ArrayBuffer.isView(value)

/** The elements of a host tensor before the call. */
const elementsOf = (world: World, input: unknown): Float32Array | undefined =>
  input === world.input && !world.resized ? world.elements : undefined

function assertOutput(world: World, { args: [input, bag] }: Call, output: unknown): void {
  const out = world.bags.get(bag)?.out
  // Memory of another library comes back as a DeviceArray.
  if (out !== undefined && !(typeof out === 'object' && 'ptr' in (out as object) && output !== out))
    assert(output === out, 'the output is options.out')
  assert(hostArray(output) === hostArray(input), 'the output lies where the input does')
  if (hostArray(input) && hostArray(output))
    assert(lengthOf(output) === lengthOf(input), 'as long as the input')
}

function checkForward(world: World, call: Call): void {
  const { output, saved } = call.result as { output: Float32Array; saved: Saved }
  if (!call.honest) return
  assertOutput(world, call, output)
  const plain = plainOptions(world, call.args[1])
  const elements = elementsOf(world, call.args[0])
  if (plain === undefined || elements === undefined || 'active' in plain) return
  const { jumpoutForward } = world.room.jumpout
  const expected = jumpoutForward(elements, plain as never)
  assertSame(copyOf(output), expected.output, 'output')
  assert(saved.length === elements.length, 'length of saved')
  assert(JSON.stringify(saved.stats()) === JSON.stringify(expected.saved.stats()), 'stats')
  assert(saved.call === expected.saved.call, 'call of saved')
}

function checkLayer(world: World, call: Call, output: unknown, counted: boolean): void {
  if (call.self !== world.layer) return
  const number = world.calls
  if (counted && world.training) ++world.calls
  if (!call.honest) return
  assertOutput(world, call, output)
  const elements = elementsOf(world, call.args[0])
  if (elements === undefined || !counted) return
  const { jumpoutForward } = world.room.jumpout
  const expected = world.training
    ? jumpoutForward(elements, { seed: world.seed, call: number }).output
    : elements
  assertSame(copyOf(output as Float32Array), expected, "the layer's output")
}

function checkLayerForward(world: World, call: Call): void {
  const { calls, training } = world
  checkLayer(world, call, call.result, true)
  if (call.self !== world.layer || !training) return
  const elements = elementsOf(world, call.args[0])
  world.pending = elements === undefined ? undefined : { call: calls, input: elements }
  world.unknownPending = elements === undefined
}

function checkLayerBackward(world: World, call: Call): void {
  if (call.self !== world.layer || !(world.training || world.switched)) return
  const bag = world.bags.get(call.args[1])
  if (bag?.saved !== undefined && call.honest) return
  if (world.switched || !call.honest || (call.args[1] !== undefined && bag === undefined)) {
    world.unknownPending = world.pending !== undefined
    world.pending = undefined
    return
  }
  assert(world.pending !== undefined || world.unknownPending, 'a backward had a forward before it')
  const elements = elementsOf(world, call.args[0])
  if (elements !== undefined && world.pending !== undefined)
    assertSame(
      copyOf(call.result as Float32Array),
      world.gradientOf(world.pending, elements),
      "the layer's gradient",
    )
  world.spent()
}

function checkBackward(world: World, call: Call): void {
  const [, saved] = call.args
  if (!call.honest) return
  assertOutput(world, { ...call, args: [call.args[0], call.args[2]] }, call.result)
  const elements = elementsOf(world, call.args[0])
  if (saved !== world.saved || elements === undefined || world.saved.mask?.length === 0) return
  assertSame(
    copyOf(call.result as Float32Array),
    world.room.jumpout.jumpoutBackward(elements, world.saved),
    'gradient',
  )
}

function checkCount(world: World, { args: [input, bag], result, honest }: Call): void {
  const elements = elementsOf(world, input)
  const plain = plainOptions(world, bag)
  if (!honest || elements === undefined || plain === undefined) return
  const expected = world.room.jumpout.countActive(elements, plain)
  assert(JSON.stringify(result) === JSON.stringify(expected), 'counts')
}

const layer = (rest: Row): Row => ({ self: layers, ...rest })
const array = (rest: Row = {}): Row => ({ self: deviceArrays, ...rest })
const stream = (rest: Row = {}): Row => ({ self: streams, ...rest })
const graph = (rest: Row = {}): Row => ({ self: graphs, ...rest })
const saved = (rest: Row = {}): Row => ({ self: saveds, ...rest })
const INSPECT = '[Symbol(nodejs.util.inspect.custom)]'
const DISPOSE = `[${String(Symbol.dispose)}]`
const inspected = { args: [anything, anything], others: true }
const pointers = mostly(
  pick(made('a pointer', ({ device }) => (device?.out.freed === false ? device.out.pointer : 4096n))),
  anything,
)
const handles = mostly(
  pick(
    made('0n', () => 0n),
    made('a handle', ({ device }) => (device?.stream.destroyed === false ? device.stream.handle : 2n)),
  ),
  anything,
)
const dltensors = mostly(pick(made('a DLPack tensor', ({ device }) => device?.half.toDLPack())), anything)
const classes = mostly(
  pick(
    made('Jumpout', ({ room }) => room.jumpout.Jumpout),
    made('a subclass', ({ room }) => class Own extends room.jumpout.Jumpout {}),
    made('undefined', () => undefined),
    made('a class without its options', ({ room }) => {
      return class Own extends room.jumpout.Jumpout {
        static override get name(): never {
          return Symbol('own') as never
        }
        constructor() {
          super({ seed: 5 })
        }
      }
    }),
  ),
  anything,
)

/** By their names in `surfaceOf`. A new export without a row fails the test. */
export const ROWS: Record<string, Row> = {
  jumpoutForward: { args: [tensors, options.forward], check: checkForward },
  jumpoutForwardAsync: { args: [tensors, options.forwardAsync], check: checkForward },
  jumpoutBackward: { args: [tensors, saveds, options.backward], check: checkBackward },
  jumpoutBackwardAsync: { args: [tensors, saveds, options.backwardAsync], check: checkBackward },
  countActive: { args: [tensors, options.count], check: checkCount },
  foldIn: { args: [seedsOrNot, seedsOrNot] },
  allocate: { args: [numbersOrNot] },
  allocPinned: { args: [numbersOrNot] },
  release: {
    args: [tensors],
    check: ({ input }, { args: [array] }) =>
      assert(array !== input || input === undefined || lengthOf(input) === 0, 'a released array is detached'),
  },

  'new Jumpout': { args: [layerOptions] },
  'Jumpout.fromJSON': { self: classes, args: [states] },
  'Jumpout.prototype.forward': layer({ args: [tensors, options.layerForward], check: checkLayerForward }),
  'Jumpout.prototype.call': layer({
    args: [tensors, options.layerCall],
    check: (world, call) => {
      const given = world.bags.get(call.args[1])?.call
      if (call.self === world.layer && !call.honest) world.calls = world.layer.calls
      else checkLayer(world, call, (call.result as { output: unknown }).output, given === undefined)
    },
  }),
  'Jumpout.prototype.backward': layer({ args: [tensors, options.layerBackward], check: checkLayerBackward }),
  'Jumpout.prototype.train': layer({
    args: [booleansOrNot],
    check: (world, { self }) => {
      if (self === world.layer) world.training = world.layer.training
    },
  }),
  'Jumpout.prototype.eval': layer({
    check: (world, { self }) => {
      if (self === world.layer) world.training = false
    },
  }),
  'Jumpout.prototype.toJSON': layer({ args: [anything] }),
  'get Jumpout.prototype.training': layer({}),
  'get Jumpout.prototype.calls': layer({}),
  'get Jumpout.prototype.stats': layer({}),
  [`Jumpout.prototype${INSPECT}`]: layer(inspected),

  'new Saved': { args: [anything, anything] },
  'get Saved.prototype.length': saved(),
  'get Saved.prototype.mask': saved(),
  'get Saved.prototype.call': saved(),
  'Saved.prototype.stats': saved(),
  [`Saved.prototype${INSPECT}`]: saved(inspected),

  'new DeviceArray': { args: [anything, anything] },
  'DeviceArray.alloc': { args: [numbersOrNot, options.alloc] },
  'DeviceArray.from': { args: [hostArrays, options.from] },
  'DeviceArray.wrap': { args: [pointers, numbersOrNot, options.wrap] },
  'DeviceArray.fromDLPack': { args: [dltensors] },
  'get DeviceArray.prototype.length': array(),
  'get DeviceArray.prototype.dtype': array(),
  'get DeviceArray.prototype.device': array(),
  'get DeviceArray.prototype.byteLength': array(),
  'get DeviceArray.prototype.freed': array(),
  'get DeviceArray.prototype.pointer': array(),
  'get DeviceArray.prototype.ptr': array(),
  'DeviceArray.prototype.subarray': array({ args: [numbersOrNot, numbersOrNot] }),
  'DeviceArray.prototype.copyFrom': array({ args: [mostly(hostArrays, deviceArrays, 2), options.copy] }),
  'DeviceArray.prototype.copyFromAsync': array({ args: [mostly(hostArrays, deviceArrays, 2), options.copy] }),
  'DeviceArray.prototype.toHost': array({ args: [options.toHost] }),
  'DeviceArray.prototype.toHostAsync': array({ args: [options.toHost] }),
  'DeviceArray.prototype.clear': array({ args: [options.copy] }),
  'DeviceArray.prototype.toDLPack': array({ args: [options.dlpack] }),
  'DeviceArray.prototype.free': array(),
  [`DeviceArray.prototype${DISPOSE}`]: array(),
  [`DeviceArray.prototype${INSPECT}`]: array(inspected),

  'new Stream': { args: [options.stream, anything, anything] },
  'Stream.create': { self: anything, args: [options.stream] },
  'Stream.wrap': { self: anything, args: [handles, options.stream] },
  'get Stream.prototype.device': stream(),
  'get Stream.prototype.handle': stream(),
  'get Stream.prototype.destroyed': stream(),
  'get Stream.prototype.capturing': stream(),
  'Stream.prototype.synchronize': stream(),
  'Stream.prototype.wait': stream({ args: [streams] }),
  'Stream.prototype.capture': stream({ args: [mostly(functions, anything)] }),
  'Stream.prototype.destroy': stream(),
  [`Stream.prototype${DISPOSE}`]: stream(),
  [`Stream.prototype${INSPECT}`]: stream(inspected),

  'new Graph': { args: [anything, anything, anything] },
  'get Graph.prototype.device': graph(),
  'get Graph.prototype.freed': graph(),
  'Graph.prototype.launch': graph({ args: [streams] }),
  'Graph.prototype.free': graph(),
  [`Graph.prototype${DISPOSE}`]: graph(),
  [`Graph.prototype${INSPECT}`]: graph(inspected),

  'new CudaError': { args: [anything, anything, anything, anything], others: true },
}

export type Kind = 'function' | 'class' | 'method' | 'get' | 'set'

/** One thing that a user can call. */
export interface Entry {
  readonly name: string
  readonly kind: Kind
  /** Of a method, its class. */
  readonly owner: string
  readonly run: (...args: never[]) => unknown
}

const isClass = (value: object): boolean => /^class\b/.test(Function.prototype.toString.call(value))

interface Member {
  readonly value?: unknown
  readonly get?: unknown
  readonly set?: unknown
}

function membersOf(object: object, name: string): Entry[] {
  const owner = name.split('.')[0]
  return Reflect.ownKeys(object).flatMap((key) => {
    const { value, get, set } = Object.getOwnPropertyDescriptor(object, key) as Member
    const path = typeof key === 'symbol' ? `${name}[${String(key)}]` : `${name}.${key}`
    return [
      ...(typeof value === 'function' && key !== 'constructor'
        ? [{ name: path, kind: 'method', owner, run: value }]
        : []),
      ...(get === undefined ? [] : [{ name: `get ${path}`, kind: 'get', owner, run: get }]),
      ...(set === undefined ? [] : [{ name: `set ${path}`, kind: 'set', owner, run: set }]),
    ] as Entry[]
  })
}

export function surfaceOfClass(name: string, Class: { prototype: object }): Entry[] {
  return [
    { name: `new ${name}`, kind: 'class', owner: name, run: Class as never },
    ...membersOf(Class, name),
    ...membersOf(Class.prototype, `${name}.prototype`),
  ]
}

/** All that the package exports to be called, and the class of what a forward saves. */
export function surfaceOf(jumpout: Room['jumpout']): Entry[] {
  const { saved } = jumpout.jumpoutForward(new Float32Array(1), { seed: 1 })
  const entries = Object.entries(jumpout).flatMap(([name, value]: [string, unknown]): Entry[] => {
    if (typeof value !== 'function') return []
    return isClass(value)
      ? surfaceOfClass(name, value)
      : [{ name, kind: 'function', owner: '', run: value as never }]
  })
  return [...entries, ...surfaceOfClass('Saved', saved.constructor)]
}

export const arbitraryOf = ({ self, args = [] }: Row) =>
  fc.record({
    self: self ?? pick(made('undefined', () => undefined)),
    args: fc.tuple(...args),
    extra: fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, fc.array(anything, { maxLength: 2 })),
    fewer: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.constantFrom(1, 2)),
  })
