/** Checks that results and errors belong to the realm that loaded the package, for any realm of any thread. */
import { makeInput } from './inputs'
import type { Realm } from './realm'

export type Assert = (holds: boolean, what: string) => void

type Class = new () => object

/** Lengths on either side of each limit between the ways of allocation. */
const LENGTHS = [0, 1, 100, 4096, 8193, 65_535, 65_536, 1_000_001, 8_500_000]

/** Asserts that values are made by `realm` and not by `other`. */
const owner =
  (assert: Assert, realm: Realm, other: Realm) =>
  (value: unknown, name: string, what: string): void => {
    assert(value instanceof (realm.get(name) as Class), `${what}: ${name} of the realm`)
    assert(!(value instanceof (other.get(name) as Class)), `${what}: not another's`)
  }

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
  'a tensor': ['TypeError', ({ jumpout }) => jumpout.DeviceArray.fromDLPack({})],
  'no forward before': ['Error', ({ jumpout }) => new jumpout.Jumpout().backward(new Float32Array(1))],
}

/** Errors without a device. */
const WITHOUT_DEVICE: Record<string, (realm: Realm) => unknown> = {
  'no device': ({ jumpout }) => jumpout.allocPinned(10),
  'no device for an array': ({ jumpout }) => jumpout.DeviceArray.alloc(10),
  'a stream': ({ jumpout }) => new jumpout.Stream(),
}

export async function checkHost(
  assert: Assert,
  realm: Realm,
  other: Realm,
  lengths: readonly number[] = LENGTHS,
): Promise<void> {
  const { jumpout } = realm
  const own = owner(assert, realm, other)
  for (const length of lengths) {
    const input = new Float32Array(length).fill(1)
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
    own(error, 'Error', what)
    assert(typeof (error as { code?: unknown }).code === 'string', `${what}: a code`)
  }
  if (!runtime.cuda.available) {
    for (const [what, run] of Object.entries(WITHOUT_DEVICE)) {
      const error = caught(() => run(realm))
      own(error, 'Error', what)
      assert(error instanceof jumpout.CudaError && typeof error.code === 'string', `${what}: CudaError`)
    }
  }
  const rejected = jumpout.jumpoutForwardAsync(input.subarray(1), overlapping(input))
  own(rejected, 'Promise', 'a rejected promise')
  own(await rejected.catch((error: unknown) => error), 'TypeError', 'found off the main thread')
}

export async function checkDevice(assert: Assert, realm: Realm, other: Realm): Promise<void> {
  const { DeviceArray, Stream, CudaError, allocPinned, jumpoutForward, runtime } = realm.jumpout
  const own = owner(assert, realm, other)
  own(runtime.cuda.devices, 'Array', 'devices')
  own(runtime.cuda.devices[0], 'Object', 'a device')
  own(allocPinned(10), 'Float32Array', 'page-locked memory')
  const stream = new Stream()
  const array = DeviceArray.from(new Float32Array(1000).fill(1))
  own(array.toHost(), 'Float32Array', 'a copy')
  const copy = array.toHostAsync({ stream })
  own(copy, 'Promise', 'a copy to come')
  own(await copy, 'Float32Array', 'when it is there')
  own(stream.synchronize(), 'Promise', 'synchronize')
  own(DeviceArray.fromDLPack(array.toDLPack()).toHost(), 'Float32Array', 'a tensor taken over')
  const { output, saved } = jumpoutForward(array, { seed: 1 })
  own(output.toHost(), 'Float32Array', 'output')
  own(saved.stats()[0], 'Object', 'stats')
  const failed = caught(() => DeviceArray.alloc(2 ** 45))
  assert(failed instanceof CudaError, 'CudaError')
  own(failed, 'Error', 'CudaError')
  own(
    caught(() => DeviceArray.fromDLPack({})),
    'TypeError',
    'no tensor',
  )
  own(
    caught(() => DeviceArray.wrap(0x1000n, 10)),
    'Error',
    'no memory of a device',
  )
  const others = caught(() => other.jumpout.DeviceArray.alloc(2 ** 45))
  assert(!(others instanceof CudaError) && others instanceof other.jumpout.CudaError, "another's CudaError")
}
