/** Ways to make a call on a device, for one lane. Half of what they allocate is left to the garbage collector. */
import {
  allocPinned,
  countActive,
  DeviceArray,
  type ForwardResult,
  jumpoutBackward,
  jumpoutForward,
  Stream,
} from 'jumpout'
import { assertBits, type Case, DTYPES, type Expected, optionsOf, statsOf } from './cases'
import type { Way } from './host'
import type { Lane } from './lane'

const expectedOf = ({ onDevice }: Case, dtype: (typeof DTYPES)[number] = 'float32') =>
  onDevice?.[dtype] as Expected

async function assertForward(
  expected: Expected,
  { output, saved }: ForwardResult<DeviceArray>,
  stream: Stream,
  what: string,
): Promise<void> {
  assertBits((await output.toHostAsync({ stream })) as Float32Array, expected.output, `output, ${what}`)
  const mask = saved.mask as DeviceArray<'uint32'> | null
  if (mask !== null) assertBits(mask.toHost({ stream }), expected.mask, `mask, ${what}`)
  if (statsOf(saved) !== expected.stats) throw new Error(`statistics, ${what}: ${statsOf(saved)}`)
}

async function assertGradient(
  expected: Expected,
  gradient: DeviceArray,
  stream: Stream,
  what: string,
): Promise<void> {
  const onHost = (await gradient.toHostAsync({ stream })) as Float32Array
  assertBits(onHost, expected.gradient, `gradient, ${what}`)
}

export function deviceWays(): Record<string, Way> {
  const stream = new Stream()
  const freeSome = (lane: Lane, ...arrays: DeviceArray[]) =>
    arrays.forEach((array) => lane.chance(0.5) && array.free())

  return {
    async deviceFresh(lane) {
      const one = lane.caseOnDevice()
      const x = DeviceArray.from(one.input, { stream })
      const g = DeviceArray.from(one.gradient, { stream })
      const forward = jumpoutForward(x, { ...optionsOf(one.call), stream })
      const gradient = jumpoutBackward(g, forward.saved, { stream })
      await assertForward(expectedOf(one), forward, stream, 'device')
      await assertGradient(expectedOf(one), gradient, stream, 'device')
      freeSome(lane, x, g, forward.output, gradient)
    },
    async deviceInPlace(lane) {
      const one = lane.caseOnDevice()
      const own = new Stream()
      const x = DeviceArray.from(one.input, { stream: own })
      const forward = jumpoutForward(x, { ...optionsOf(one.call), out: x, saveMask: false, stream: own })
      const g = DeviceArray.from(one.gradient, { stream: own })
      jumpoutBackward(g, forward.saved, { out: g, output: x, stream: own })
      await assertForward(expectedOf(one), forward, own, 'device, in place')
      await assertGradient(expectedOf(one), g, own, 'device, in place')
      freeSome(lane, x, g)
      if (lane.chance(0.5)) own.destroy()
    },
    async deviceDtypes(lane) {
      const one = lane.caseOnDevice()
      const dtype = lane.oneOf(DTYPES)
      const expected = expectedOf(one, dtype)
      const x = DeviceArray.from(one.input, { dtype, stream })
      const forward = jumpoutForward(x, { ...optionsOf(one.call), stream })
      const g = DeviceArray.from(one.gradient, { dtype, stream })
      await assertForward(expected, forward, stream, dtype)
      await assertGradient(expected, jumpoutBackward(g, forward.saved, { stream }), stream, dtype)
      freeSome(lane, x, g)
    },
    async deviceGraph(lane) {
      const one = lane.caseOnDevice()
      const launches = Math.min(1 + lane.below(3), Number(one.call.call) + 1)
      const own = new Stream()
      const x = DeviceArray.from(one.input)
      const g = DeviceArray.from(one.gradient)
      const call = DeviceArray.from(BigUint64Array.of(one.call.call - BigInt(launches - 1)))
      let forward: ForwardResult<DeviceArray> | undefined
      let gradient: DeviceArray | undefined
      const graph = own.capture(() => {
        forward = jumpoutForward(x, { ...optionsOf(one.call), call, stream: own })
        gradient = jumpoutBackward(g, forward.saved, { stream: own })
      })
      for (let launch = 0; launch < launches; ++launch) graph.launch(own)
      await own.synchronize()
      await assertForward(expectedOf(one), forward as ForwardResult<DeviceArray>, own, 'graph')
      await assertGradient(expectedOf(one), gradient as DeviceArray, own, 'graph')
      freeSome(lane, x, g, call)
      if (lane.chance(0.5)) graph.free()
    },
    async deviceLibraries(lane) {
      const one = lane.caseOnDevice()
      const memory = DeviceArray.from(one.input, { stream })
      await stream.synchronize()
      const x = lane.oneOf([
        () => DeviceArray.fromDLPack(memory.toDLPack({ versioned: lane.chance(0.5) })),
        () => DeviceArray.wrap(memory.pointer, memory.length, { owner: memory }),
        () => memory.subarray(0),
        () => ({ ptr: memory.ptr, byteLength: memory.byteLength }),
      ])() as DeviceArray<'float32'>
      const forward = jumpoutForward(x, { ...optionsOf(one.call), stream })
      await assertForward(expectedOf(one), forward, stream, 'memory of another library')
      memory.free()
    },
    async devicePinned(lane) {
      const one = lane.caseOnDevice()
      const page = allocPinned(one.input.length)
      page.set(one.input)
      const x = DeviceArray.alloc(page.length)
      const copied = x.copyFromAsync(page, { stream })
      const { output } = jumpoutForward(x, { ...optionsOf(one.call), out: x, stream })
      await copied
      await output.toHostAsync({ out: page, stream })
      assertBits(page, expectedOf(one).output, 'page-locked memory')
      freeSome(lane, x)
    },
    async deviceLayer(lane) {
      const held = lane.deviceLayer()
      const one = held.next()
      const x = DeviceArray.from(one.input, { stream })
      const g = DeviceArray.from(one.gradient, { stream })
      const output = held.layer.forward(x, { stream })
      const gradient = held.layer.backward(g, { stream })
      const { stats } = held.layer
      assertBits(output.toHost({ stream }), expectedOf(one).output, 'output, layer on a device')
      assertBits(gradient.toHost({ stream }), expectedOf(one).gradient, 'gradient, layer on a device')
      if (JSON.stringify(stats) !== expectedOf(one).stats) throw new Error('statistics, layer on a device')
      freeSome(lane, x, g)
    },
    async deviceCounts(lane) {
      const one = lane.caseOnDevice()
      const { granularity = 'batch', shape } = one.call
      const groups = granularity === 'sample' ? shape[0] : 1
      const x = DeviceArray.from(one.input, { stream })
      const active = DeviceArray.alloc(groups, { dtype: 'uint64' })
      countActive(x, { granularity, shape, out: active, stream })
      const forward = jumpoutForward(x, { ...optionsOf(one.call), active, stream })
      await assertForward(expectedOf(one), forward, stream, 'given counts')
      freeSome(lane, x, active)
    },
  }
}
