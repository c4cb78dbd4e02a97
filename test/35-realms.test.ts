/** Jest and vm: whatever the package returns or throws is of the realm that loaded it, in any number of realms at once. */
import t, { type Test } from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { endedWell, programPath, runNode, typescript } from './support/program'
import { makeRealm, type Realm } from './support/realm'

/** Small and large, on either side of every way in which outputs are allocated. */
const LENGTHS = [0, 1, 100, 4096, 8193, 65_535, 65_536, 1_000_001, 8_500_000]

type Class = new () => object

const isOf = (realm: Realm, name: string, value: unknown) => value instanceof (realm.get(name) as Class)

function caught(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

const overlapping = (input: Float32Array) => ({ seed: 1, out: input.subarray(0, -1) })

/** Refused in lib, natively, natively for a reason that no check of lib knows. */
const REFUSALS: Record<string, ['TypeError' | 'RangeError' | 'Error', (realm: Realm) => unknown]> = {
  'a wrong type': [
    'TypeError',
    ({ jumpout }) => jumpout.jumpoutForward([] as unknown as Float32Array, { seed: 1 }),
  ],
  'a wrong number': ['RangeError', ({ jumpout }) => jumpout.allocate(-1)],
  'no memory': ['RangeError', ({ jumpout }) => jumpout.allocate(2 ** 50)],
  overlap: [
    'TypeError',
    ({ jumpout }) => {
      const input = makeInput(1000)
      return jumpout.jumpoutForward(input.subarray(1), overlapping(input))
    },
  ],
  'no device': ['Error', ({ jumpout }) => jumpout.allocPinned(10)],
  'no device for an array': ['Error', ({ jumpout }) => jumpout.DeviceArray.alloc(10)],
  'a stream': ['Error', ({ jumpout }) => new jumpout.Stream()],
  'a tensor': ['TypeError', ({ jumpout }) => jumpout.DeviceArray.fromDLPack({})],
  'no forward before': ['Error', ({ jumpout }) => new jumpout.Jumpout().backward(new Float32Array(1))],
}

async function check(t: Test, realm: Realm, other: Realm): Promise<void> {
  const { jumpout } = realm
  const own = (value: unknown, name: string, what: string) => {
    t.ok(isOf(realm, name, value), `${what}: ${name} of the realm`)
    t.notOk(isOf(other, name, value), `${what}: not another's`)
  }
  for (const length of LENGTHS) {
    const input = makeInput(length)
    const { output, saved } = jumpout.jumpoutForward(input, { seed: 1 })
    own(output, 'Float32Array', `output of ${length}`)
    own(saved.mask, 'Uint32Array', `mask of ${length}`)
    own(jumpout.jumpoutBackward(input, saved), 'Float32Array', `gradient of ${length}`)
    own(jumpout.allocate(length), 'Float32Array', `allocate of ${length}`)
    own(saved.stats(), 'Array', 'stats')
    own(saved.stats()[0], 'Object', 'one of them')
  }
  const input = makeInput(100_000)
  const result = jumpout.jumpoutForwardAsync(input, { seed: 1 })
  own(result, 'Promise', 'a promise')
  const { output, saved } = await result
  own(output, 'Float32Array', 'asynchronously')
  const gradient = jumpout.jumpoutBackwardAsync(input, saved)
  own(gradient, 'Promise', 'a promise')
  own(await gradient, 'Float32Array', 'asynchronously')
  const layer = new jumpout.Jumpout({ seed: 1 })
  own(layer.forward(input), 'Float32Array', 'layer')
  own(layer.backward(input), 'Float32Array', "layer's gradient")
  own(layer.stats, 'Array', "layer's statistics")
  own(layer.toJSON(), 'Object', 'state')
  own(jumpout.countActive(input).active, 'Array', 'counts')
  const { runtime } = jumpout
  for (const [name, value] of Object.entries({ runtime, cpu: runtime.cpu, cuda: runtime.cuda }))
    own(value, 'Object', name)
  own(runtime.cuda.devices, 'Array', 'devices')
  for (const [what, [name, run]] of Object.entries(REFUSALS)) {
    const error = caught(() => run(realm))
    own(error, name, what)
    t.type((error as { code?: unknown }).code, 'string', what)
    if (name === 'Error') own(error, 'Error', what)
  }
  t.ok(caught(() => jumpout.allocPinned(10)) instanceof jumpout.CudaError, 'CudaError')
  const rejected = jumpout.jumpoutForwardAsync(input.subarray(1), overlapping(input))
  own(rejected, 'Promise', 'a rejected promise')
  own(await rejected.catch((error: unknown) => error), 'TypeError', 'found off the main thread')
}

t.test('three realms at once, and the main one', async (t) => {
  const realms = [makeRealm(), makeRealm({ console }), makeRealm()]
  for (const [i, realm] of realms.entries()) await check(t, realm, realms[(i + 1) % 3])
  // Not the last one alone.
  await check(t, realms[0], realms[1])
})

t.test('arrays, options and lists of other realms', (t) => {
  const [one, other] = [makeRealm(), makeRealm()]
  const input = makeInput(1000)
  const foreign = (
    other.get('(values) => new Float32Array(values)') as (values: Float32Array) => Float32Array
  )(input)
  const shape = other.get('[10, 100]') as number[]
  const options = other.get("({ seed: 1, granularity: 'sample' })") as {
    seed: number
    granularity: 'sample'
    shape?: number[]
  }
  options.shape = shape
  const out = other.get('new Float32Array(1000)') as Float32Array
  const mask = other.get('new Uint32Array(32)') as Uint32Array
  const { output, saved } = one.jumpout.jumpoutForward(foreign, { ...options, out, mask })
  t.equal(output, out)
  t.equal(saved.mask, mask)
  const expected = one.jumpout.jumpoutForward(input, { seed: 1, granularity: 'sample', shape: [10, 100] })
  equalBits(t, new Float32Array(output), new Float32Array(expected.output), 'output')
  equalBits(
    t,
    one.jumpout.jumpoutBackward(foreign, saved),
    one.jumpout.jumpoutBackward(input, expected.saved),
    'gradient',
  )
  const { active, total } = other.jumpout.countActive(foreign)
  const shard = { elementOffset: 0, active, total }
  equalBits(
    t,
    one.jumpout.jumpoutForward(foreign, { seed: 1, shard }).output,
    one.jumpout.jumpoutForward(input, { seed: 1 }).output,
    'with counts of another realm',
  )
  one.jumpout.release(foreign)
  t.equal(foreign.length, 0, 'released')
  t.end()
})

t.test('realms that nobody has any more are collected', async (t) => {
  const args = ['--expose-gc', ...typescript, programPath('realms.ts')]
  endedWell(t, await runNode(args), 'realms end')
})
