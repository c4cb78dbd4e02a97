/** Arbitrary values for `jumpout/tfjs`: tensors, options, configurations, and what a call leaves behind. */
import type { Tensor } from '@tensorflow/tfjs-core'
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import * as jumpout from 'jumpout'
import type { JumpoutLayer } from 'jumpout/tfjs'
import { assertSame } from '../bits'
import { makeInput } from '../inputs'
import { floatsOf, type Room as TfjsRoom } from '../tfjs'
import { CODES, type Tally } from './case'
import {
  anything,
  constants,
  functions,
  type Made,
  made,
  mostly,
  options,
  pick,
  pollute,
  type Pollution,
  pollutions,
  type Values,
} from './values'
import { type Room, World } from './world'

const SEED = 7n
const OTHER_BACKEND = 'cpu2'

/** Tensors and a layer of one case. */
export class TfjsThings {
  readonly layer: JumpoutLayer
  readonly room: TfjsRoom
  /** What the case has made, whose memory it gives back. */
  readonly tensors = new Map<number, Tensor>()
  readonly values = new Map<unknown, Float32Array>()
  calls = 0n

  constructor(room: TfjsRoom) {
    this.room = room
    this.layer = room.jumpout({ seed: SEED })
  }

  keep<T extends Tensor>(tensor: T): T {
    if (!this.tensors.has(tensor.id)) this.tensors.set(tensor.id, tensor) // `call` may return its input
    return tensor
  }

  /** Tensors that tfjs has and the case does not know of. */
  get unknown(): number {
    const { tf } = this.room
    return tf.memory().numTensors - [...this.tensors.values()].filter(({ isDisposed }) => !isDisposed).length
  }

  /** Every tensor of the case. */
  disposeTensors(): void {
    for (const tensor of this.tensors.values()) tensor.dispose()
  }

  useLayer(): void {
    const x = this.room.tf.ones([3])
    try {
      const y = this.layer.call(x, { training: true }) as Tensor
      y.dispose()
      ++this.calls
    } finally {
      x.dispose()
    }
  }

  setCalls(): void {
    this.calls = this.layer.calls = 5n
  }

  switchBackend(): void {
    const { tf } = this.room
    void tf.setBackend(tf.getBackend() === 'cpu' ? OTHER_BACKEND : 'cpu')
  }
}

const things = (world: World): TfjsThings => world.tfjs as TfjsThings

const tensor = (shape: number[]): Made =>
  made(`tensor [${shape.join()}]`, (world) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1)
    const x = things(world).keep(things(world).room.tf.tensor(makeInput(size), shape, 'float32'))
    things(world).values.set(x, floatsOf(x))
    return x
  })

const SHAPES = [
  [],
  [0],
  [3],
  [64],
  [4, 0, 3],
  [4, 16],
  [2, 3, 5],
  [2, 3, 4, 5],
  [1, 2, 3, 2, 2],
  [2, 1, 2, 1, 2, 3],
]

type Make = (tf: TfjsRoom['tf']) => Tensor
const stranger = (label: string, make: Make, change: (x: Tensor) => unknown = (x) => x, wild = false): Made =>
  made(label, (world) => change(things(world).keep(make(things(world).room.tf))), wild)

const dispose = (x: Tensor): Tensor => (x.dispose(), x)
const revoke = (x: Tensor): unknown => {
  const { proxy, revoke } = Proxy.revocable(x, {})
  revoke()
  return proxy
}

const strangers = pick(
  stranger('int32', (tf) => tf.ones([4, 2], 'int32')),
  stranger('bool', (tf) => tf.ones([4, 2], 'bool')),
  stranger('complex64', (tf) => tf.tidy(() => tf.complex(tf.ones([4, 2]), tf.ones([4, 2])))),
  stranger('string', (tf) => tf.tensor(['a', 'b'])),
  stranger('disposed', (tf) => tf.ones([4, 2]), dispose),
  stranger('a variable', (tf) => tf.tidy(() => tf.variable(tf.ones([4, 2])))),
  stranger(
    'a proxy',
    (tf) => tf.ones([4, 2]),
    (x) => new Proxy(x, {}),
    true,
  ),
  stranger('revoked', (tf) => tf.ones([4, 2]), revoke),
  stranger(
    'an heir',
    (tf) => tf.ones([4, 2]),
    (x) => Object.create(x) as object,
    true,
  ),
  stranger(
    'a lookalike',
    (tf) => tf.ones([4, 2]),
    (x) => Object.assign({}, x),
  ),
  stranger(
    'a list of one',
    (tf) => tf.ones([4, 2]),
    (x) => [x],
  ),
  stranger(
    'a list of two',
    (tf) => tf.ones([4, 2]),
    (x) => [x, x],
  ),
)

const inputs = mostly(pick(...SHAPES.map(tensor)), fc.oneof(strangers, strangers, anything, functions))

const kwargs = mostly(
  pick(
    made('training', () => ({ training: true })),
    made('evaluation', () => ({ training: false })),
    made('a getter disposes', (world) => ({
      get training() {
        return (world.act('disposeTensor'), true)
      },
    })),
    made('a getter trains', (world) => ({
      get training() {
        return (world.act('useTfLayer'), true)
      },
    })),
    made('a getter switches', (world) => ({
      get training() {
        return (world.act('switchBackend'), true)
      },
    })),
    made('a getter throws', (world) => ({
      get training() {
        return world.mine()
      },
    })),
  ),
  anything,
)

interface Target {
  readonly args: readonly Values[]
  readonly run: (things: TfjsThings, args: unknown[]) => unknown
  /** Whether errors of tfjs itself may pass through. */
  readonly others?: boolean
}

/** By export of `jumpout/tfjs`, or what a layer has. */
export const TARGETS: Record<string, Target> = {
  jumpoutOp: {
    args: [inputs, options.op],
    run: ({ room }, args) =>
      Reflect.apply<undefined, unknown[], unknown>(room.jumpoutOp as never, undefined, args),
  },
  jumpout: {
    args: [options.tfLayer],
    run: ({ room }, args) =>
      Reflect.apply<undefined, unknown[], unknown>(room.jumpout as never, undefined, args),
    others: true,
  },
  call: {
    args: [inputs, kwargs],
    run: ({ layer }, args) =>
      Reflect.apply<JumpoutLayer, unknown[], unknown>(layer.call as never, layer, args),
  },
  apply: {
    args: [inputs, kwargs],
    run: ({ layer }, args) =>
      Reflect.apply<JumpoutLayer, unknown[], unknown>(layer.apply as never, layer, args),
    others: true,
  },
  'call of another': {
    args: [anything, inputs],
    run: ({ layer }, [self, x]) => Reflect.apply<unknown, unknown[], unknown>(layer.call as never, self, [x]),
    others: true, // of the engine, as for any method
  },
  'set calls': {
    args: [mostly(constants(0, 3, 2n ** 40n), anything)],
    run: (things, [calls]) => {
      things.layer.calls = calls as bigint
      things.calls = BigInt(calls as number)
    },
  },
  getters: { args: [], run: ({ layer }) => [layer.calls, layer.stats, layer.getConfig()] },
  fromConfig: {
    args: [options.tfLayer],
    run: ({ layer }, [config]) => {
      const Class = layer.constructor as never as { fromConfig(Class: unknown, config: unknown): unknown }
      return Class.fromConfig(Class, config)
    },
    others: true,
  },
}

export interface TfjsCase {
  readonly name: string
  readonly args: readonly Made[]
  readonly pollution: Pollution | null
}

export const tfjsCases: fc.Arbitrary<TfjsCase> = fc.oneof(
  ...Object.entries(TARGETS).map(([name, { args }]) => ({
    weight: /Op|call$/.test(name) ? 4 : 1,
    arbitrary: fc.record({ name: fc.constant(name), args: fc.tuple(...args), pollution: pollutions }),
  })),
)

const assert = (holds: boolean, what: string, cause?: unknown): void => {
  if (!holds) throw new Error(what, { cause })
}

/** Runs cases, and asserts what each has promised. */
export class TfjsRunner {
  readonly tally: Tally = {}
  readonly #room: Room
  readonly #tfjs: TfjsRoom
  readonly #golden: Float32Array

  constructor(room: Room, tfjs: TfjsRoom) {
    this.#room = room
    this.#tfjs = tfjs
    const { tf } = tfjs
    tf.registerBackend(OTHER_BACKEND, () => new MathBackendCPU())
    tf.copyRegisteredKernels('cpu', OTHER_BACKEND)
    this.#golden = this.#forward()
  }

  #forward(): Float32Array {
    const { tf, jumpoutOp } = this.#tfjs
    return tf.tidy(() =>
      floatsOf(jumpoutOp(tf.tensor(makeInput(64), [4, 16]), { seed: 1, granularity: 'sample' })),
    )
  }

  run({ name, args: values, pollution }: TfjsCase): void {
    const { tf } = this.#tfjs
    const world = new World(this.#room, { length: 32, reuse: false, before: 'nothing' })
    const own = (world.tfjs = new TfjsThings(this.#tfjs))
    const args = values.map((value) => value.make(world))
    const { run, others } = TARGETS[name]
    let again = 0
    world.again = () => {
      if (again++ > 0) return
      const result = run(own, args)
      if (result instanceof tf.Tensor) own.keep(result)
    }
    const wild = values.some((value) => value.wild)
    const before = own.unknown
    let result: unknown
    let error: unknown
    let returned = false
    const restore = pollution === null ? () => undefined : pollute(world, pollution)
    try {
      result = run(own, args)
      returned = true
    } catch (thrown) {
      error = thrown
    } finally {
      restore()
    }
    if (!returned) {
      this.#count(this.#judge(world, error, wild, others === true || pollution !== null))
      if (again === 0) assert(own.layer.calls === own.calls, 'calls after an error', error)
    }
    if (result instanceof tf.Tensor) own.keep(result)
    if (returned) {
      this.#count('result')
      if (again === 0 && !wild && pollution === null)
        this.#check(own, world, name, args, result, values[1]?.label)
    }
    // TensorFlow.js itself leaves some where a getter of Object.prototype throws at it.
    if (pollution === null) assert(own.unknown === before, `${own.unknown - before} tensors are left`)
    own.disposeTensors()
    void tf.setBackend('cpu')
    assertSame(this.#forward(), this.#golden, 'the next call')
    world.end()
  }

  #check(
    own: TfjsThings,
    world: World,
    name: string,
    args: unknown[],
    result: unknown,
    label?: string,
  ): void {
    const [x, bag] = args
    const values = own.values.get(x)
    const trained = name === 'call' && own.layer.calls === own.calls + 1n
    if (name === 'call') {
      assert(trained || own.layer.calls === own.calls, 'calls')
      if (label === 'training' || label === 'evaluation') assert(trained === (label === 'training'), label)
    }
    if (name === 'set calls') assert(own.layer.calls === own.calls, 'calls that were set')
    if (values === undefined || !(result instanceof this.#tfjs.tf.Tensor) || result.isDisposed) return
    const y = floatsOf(result as Tensor)
    const shape = (x as Tensor).rank === 0 ? [1] : (x as Tensor).shape
    assert(String(result.shape) === String((x as Tensor).shape), 'shape')
    if (trained && world.acted === 0)
      assertSame(y, jumpout.jumpoutForward(values, { seed: jumpout.foldIn(SEED, 0), call: 0 }).output, 'call')
    const content = name === 'jumpoutOp' ? world.bags.get(bag) : undefined
    if (content === undefined) return
    const { onStats: _, strange: _inherited, ...plain } = content
    if (Object.values(plain).some((value) => typeof value === 'object' && value !== null)) return
    const known = { dataFormat: 'channelsLast', ...dropUndefined(plain), shape }
    assertSame(y, jumpout.jumpoutForward(values, known as never).output, 'output')
  }

  #judge(world: World, error: unknown, wild: boolean, others: boolean): string {
    if (world.thrown.has(error)) return "the caller's own"
    assert(error instanceof Error, 'no error was thrown', error)
    const { name, message, stack } = error as Error
    const code = Object.getOwnPropertyDescriptor(error, 'code')?.value as keyof typeof CODES | undefined
    if (code !== undefined && CODES[code] === name) return code
    if (others) return 'of TensorFlow.js'
    if (message.includes('private member')) return 'the wrong object' // a getter of the prototype of Jumpout
    if (wild) return 'of what lies'
    throw new Error(`an error without a code: ${stack ?? ''}`, { cause: error })
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1
  }
}

const dropUndefined = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
