/** One case: a call with arbitrary values, and what must hold afterwards. */
import fc from 'fast-check'
import { isPromise } from 'node:util/types'
import { assertSame } from '../bits'
import { makeInput } from '../inputs'
import { arbitraryOf, type Entry, type Row } from './exports'
import { type Made, pollute, type Pollution, pollutions } from './values'
import { copyOf, type Room, type Setting, World } from './world'

export const CODES = {
  ERR_INVALID_ARG_TYPE: 'TypeError',
  ERR_INVALID_ARG_VALUE: 'TypeError',
  ERR_OUT_OF_RANGE: 'RangeError',
  ERR_OUT_OF_MEMORY: 'RangeError',
  ERR_INVALID_STATE: 'Error',
  ERR_NO_TFJS: 'Error',
  ERR_CUDA: 'CudaError',
} as const

/** How often cases ended how. */
export type Tally = Record<string, number>

const setting: fc.Arbitrary<Setting> = fc.record({
  length: fc.constantFrom(0, 1, 2, 31, 32, 33, 64, 100, 100, 256),
  reuse: fc.boolean(),
  before: fc.constantFrom('nothing', 'forward', 'forward', 'both', 'evaluation'),
})

export interface Case {
  readonly entry: Entry
  readonly row: Row
  readonly setting: Setting
  readonly values: { self: Made; args: readonly Made[]; extra: readonly Made[]; fewer: number }
  readonly manner: 'right' | 'without new' | 'new target'
  readonly pollution: Pollution | null
}

const cased = (entry: Entry, row: Row): fc.Arbitrary<Case> =>
  fc.record({
    entry: fc.constant(Object.assign(entry, { [fc.toStringMethod]: () => entry.name })),
    row: fc.constant(Object.assign(row, { [fc.toStringMethod]: () => '' })),
    setting,
    values: arbitraryOf(row),
    manner: fc.oneof(
      { weight: 10, arbitrary: fc.constant('right' as const) },
      fc.constantFrom('without new' as const, 'new target' as const),
    ),
    pollution: pollutions,
  })

const OFTEN = /forward|backward|count|call$|fromJSON|capture|copy|toHost|from$|wrap|jumpoutOp/i
const ON_DEVICES = /DeviceArray|Stream|Graph/

/** Calls with options more often than getters. */
export const casesOf = (
  surface: readonly Entry[],
  rows: Record<string, Row>,
  hasDevice: boolean,
): fc.Arbitrary<Case> =>
  fc.oneof(
    ...surface.map((entry) => ({
      weight: (OFTEN.test(entry.name) ? 8 : 1) * (hasDevice || !ON_DEVICES.test(entry.name) ? 40 : 1),
      arbitrary: cased(entry, rows[entry.name]),
    })),
  )

const PROTOTYPES = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Float32Array.prototype,
  Promise.prototype,
  globalThis,
]
const keysOfGlobals = (): number =>
  PROTOTYPES.reduce<number>((sum, object) => sum + Reflect.ownKeys(object).length, 0)

const GOLDEN = { seed: 1, granularity: 'sample', shape: [4, 16] } as const

/** Runs cases in one room, and keeps what they must not change. */
export class Runner {
  readonly tally: Tally = {}
  readonly #room: Room
  readonly #input = makeInput(64)
  readonly #golden: Float32Array
  readonly #keys = keysOfGlobals()
  readonly #unhandled: unknown[] = []

  constructor(room: Room) {
    this.#room = room
    this.#golden = this.#forward()
    process.on('unhandledRejection', (reason) => this.#unhandled.push(reason))
  }

  #forward(): Float32Array {
    return this.#room.jumpout.jumpoutForward(this.#input, GOLDEN).output
  }

  async run(one: Case): Promise<void> {
    const { entry, row, setting, values, manner, pollution } = one
    const world = new World(this.#room, setting)
    const self = values.self.make(world)
    const args = [...values.args, ...values.extra].map((value) => value.make(world))
    if (values.fewer > 0) args.splice(-values.fewer)
    const self_ = self as object
    const invoke = (): unknown => {
      if (entry.kind !== 'class') return Reflect.apply(entry.run as never, self_, args)
      if (manner === 'without new') return Reflect.apply(entry.run as never, undefined, args)
      const target = manner === 'right' ? entry.run : function () {}.bind(undefined)
      return Reflect.construct(entry.run as never, args, target as never)
    }
    let again = 0
    world.again = () => (again++ === 0 ? invoke() : undefined)
    const { input } = world
    try {
      if (input !== undefined) world.elements = copyOf(input)
    } catch {
      // Detached, or outside its buffer.
    }
    const restore = pollution === null ? () => undefined : pollute(world, pollution)
    let result: unknown
    let error: unknown
    let threw = false
    try {
      result = invoke()
    } catch (thrown) {
      threw = true
      error = thrown
    } finally {
      restore()
    }
    if (!threw && isPromise(result)) {
      try {
        result = await result
      } catch (thrown) {
        threw = true
        error = thrown
      }
      await new Promise(setImmediate)
    } else if (threw && entry.name.endsWith('Async'))
      throw new Error('an asynchronous function threw', { cause: error })
    await Promise.allSettled(world.waits)
    const wild = [values.self, ...values.args, ...values.extra].some((value) => value.wild)
    const honest = !wild && again === 0 && pollution === null
    if (threw) {
      this.#count(this.#judge(world, one, self, error, wild))
      if (again === 0) world.assertUnwritten()
    } else {
      this.#count('result')
      row.check?.(world, { self, args, result, honest })
    }
    if (again === 0) world.assertState()
    world.device?.assertNoCapture()
    this.#assertNoEffect()
    world.end()
  }

  /** The kind of an error that is allowed, or else that error in another. */
  #judge(world: World, { entry, row, manner }: Case, self: unknown, error: unknown, wild: boolean): string {
    if (world.thrown.has(error)) return "the caller's own"
    const { jumpout } = this.#room
    if (!(error instanceof Error)) throw new Error('no error was thrown', { cause: error })
    const code = Object.getOwnPropertyDescriptor(error, 'code')?.value as keyof typeof CODES | undefined
    if (code !== undefined && code in CODES) {
      if (error.name !== CODES[code]) throw new Error(`${error.name} with ${code}`, { cause: error })
      if ((code === 'ERR_CUDA') !== error instanceof jumpout.CudaError) throw error
      return code
    }
    const engine = error instanceof TypeError && code === undefined
    if (engine && row.self !== undefined && !world.owns(self, entry.owner)) return 'the wrong object'
    if (manner !== 'right' && engine && entry.kind === 'class') return 'the wrong class'
    if (row.others === true) return 'of another library'
    if (engine && wild && /proxy|trap|revoked/i.test(error.message)) return 'of a proxy'
    if (engine && wild) return 'of the engine, for what lies'
    throw new Error(`an error without a code: ${error.stack ?? ''}`, { cause: error })
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1
  }

  #assertNoEffect(): void {
    assertSame(this.#forward(), this.#golden, 'the next call')
    if (keysOfGlobals() !== this.#keys) throw new Error('a global has changed')
    if (this.#unhandled.length > 0) throw new Error('unhandled', { cause: this.#unhandled.pop() })
  }
}
