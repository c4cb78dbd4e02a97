/** Device arrays and streams in whole processes: in workers, at the end, on a lost device. The first argument chooses. */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import {
  allocPinned,
  CudaError,
  DeviceArray,
  Jumpout,
  jumpoutBackward,
  jumpoutForward,
  runtime,
  Stream,
} from 'jumpout'
import { collectGarbage } from '../support/collect'
import { end, message, report, runProgramFile, startWorker } from '../support/workers'

const LENGTH = 20_000
const WORKERS = 3
const input = Float32Array.from({ length: LENGTH }, (_, i) => ((i * 7919) % 101) - 40)

const start = (task: keyof typeof tasks, device: number) => startWorker(__filename, task, device)

const lastDevice = runtime.cuda.devices.length - 1

/** 20 calls on streams of this thread, each as the host computes it, as one number for each. */
async function checksums(device: number): Promise<number[]> {
  const streams = [new Stream({ device }), new Stream({ device })]
  const x = DeviceArray.from(input, { device })
  const sums: number[] = []
  for (let call = 0; call < 20; ++call) {
    const stream = streams[call % 2]
    const { output, saved } = jumpoutForward(x, { seed: 5, call, stream })
    const gradient = await jumpoutBackward(output, saved, { stream }).toHostAsync({ stream })
    const expected = jumpoutForward(input, { seed: 5, call })
    assert.deepEqual(gradient, jumpoutBackward(expected.output, expected.saved))
    sums.push(gradient.reduce((sum, g, i) => (sum + (g === 0 ? 0 : i)) % 1_000_003, 0))
  }
  return sums
}

/** Work without a wait, of every kind that must be cleaned up. */
function flood(device: number): Promise<unknown>[] {
  const stream = new Stream({ device })
  const page = allocPinned(LENGTH)
  return Array.from({ length: 8 }, (_, call) => {
    const x = DeviceArray.from(input, { stream })
    jumpoutForward(x, { seed: 1, call, out: x, stream })
    return Promise.all([x.toHostAsync({ stream }), x.copyFromAsync(page, { stream }), stream.synchronize()])
  })
}

/** Numbers that threads wait for to become 1. */
type Turns = Int32Array<SharedArrayBuffer>

function pass(turns: Turns, turn: number): void {
  Atomics.store(turns, turn, 1)
  Atomics.notify(turns, turn)
}

/** The tasks of a worker. */
const tasks = {
  checksums: async (device: number) => report(await checksums(device)),
  floodAndEnd: (device: number) => void flood(device),
  /** Records what the main thread enqueues meanwhile. */
  async record({ handle, turns }: { handle: bigint; turns: Turns }) {
    const stream = Stream.wrap(handle)
    const graph = stream.capture(() => {
      pass(turns, 0)
      Atomics.wait(turns, 1, 0)
    })
    report('recorded')
    Atomics.wait(turns, 2, 0)
    graph.launch(stream)
    await stream.synchronize()
    report('launched')
  },
}

function caught(run: () => unknown): CudaError {
  try {
    run()
  } catch (error) {
    assert(error instanceof CudaError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' })
}

const factsOf = ({ code, cudaName, number, sticky }: CudaError) => ({ code, cudaName, number, sticky })

/** The tasks of the process. */
const ways = {
  async together() {
    const workers = Array.from({ length: WORKERS }, (_, i) => start('checksums', i % (lastDevice + 1)))
    const results = await Promise.all([checksums(0), ...workers.map((worker) => message<number[]>(worker))])
    assert.equal(new Set(results.map((sums) => sums.join())).size, 1)
    assert(results[0].some((sum) => sum > 0))
  },
  async recordedElsewhere() {
    const stream = new Stream()
    const turns = new Int32Array(new SharedArrayBuffer(12))
    const out = DeviceArray.alloc(LENGTH)
    const page = [allocPinned(LENGTH)]
    page[0].set(input)
    const worker = startWorker(__filename, 'record', { handle: stream.handle, turns })
    Atomics.wait(turns, 0, 0)
    {
      using x = DeviceArray.alloc(LENGTH).copyFrom(page.pop() as Float32Array, { stream })
      const { output } = jumpoutForward(x, { seed: 3, stream })
      out.copyFrom(output, { stream })
      output.free()
    }
    pass(turns, 1)
    await message(worker)
    await collectGarbage()
    const others = Array.from({ length: 20 }, () => DeviceArray.from(new Float32Array(LENGTH).fill(NaN)))
    pass(turns, 2)
    await message(worker)
    assert.equal(await end(worker), 0)
    assert.deepEqual(out.toHost(), jumpoutForward(input, { seed: 3 }).output)
    assert(others.every((array) => array.toHost().every(Number.isNaN)))
  },
  async ended() {
    for (let round = 0; round < 5; ++round) assert.equal(await end(start('floodAndEnd', lastDevice)), 0)
    await checksums(0)
  },
  async endWithMemory() {
    const kept = [new Stream(), DeviceArray.alloc(LENGTH), allocPinned(LENGTH)]
    Object.assign(globalThis, { kept })
  },
  /** They stay in their thread; an error says what to send instead. */
  async messages() {
    for (const mine of [DeviceArray.alloc(1), new Stream()]) {
      const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' }
      assert.throws(() => structuredClone(mine), refusal)
      assert.throws(() => new MessageChannel().port1.postMessage(mine), refusal)
    }
  },
  /** The device is lost at some call: CUDA says so from then on, the host goes on. */
  async lost() {
    const lost = { code: 'ERR_CUDA', cudaName: 'cudaErrorIllegalAddress', number: 700, sticky: true }
    const layer = new Jumpout({ seed: 1 })
    const error = caught(() => {
      const stream = new Stream()
      const x = DeviceArray.from(input, { stream })
      for (let i = 0; i < 50; ++i) layer.backward(layer.forward(x, { stream }), { stream })
      x.toHost({ stream })
    })
    assert.deepEqual(factsOf(error), lost)
    assert.match(error.message, /^cudaErrorIllegalAddress \(700\): .*; the device is lost to this process$/)
    assert.deepEqual(factsOf(caught(() => DeviceArray.alloc(1))), lost)
    assert(caught(() => new Stream()).sticky)
    assert.equal(jumpoutForward(input, { seed: 1 }).output.length, LENGTH)
    await setImmediate()
  },
  /** The second of two launches is refused: the first one's count is not added to that of the next call. */
  async refused() {
    const options = { seed: 5, exponent: 0.3 }
    const x = DeviceArray.from(input)
    const error = caught(() => jumpoutForward(x, options))
    assert.deepEqual([error.cudaName, error.sticky], ['cudaErrorInvalidValue', false])
    const { output, saved } = jumpoutForward(x, options)
    const expected = jumpoutForward(input, options)
    assert.deepEqual(output.toHost(), expected.output)
    assert.deepEqual(saved.stats(), expected.saved.stats())
    await setImmediate()
  },
  /** The device is lost while a promise waits for it. */
  async lostWhileWaiting() {
    const stream = new Stream()
    await assert.rejects(
      async () => {
        for (let i = 0; i < 50; ++i) await stream.synchronize()
      },
      { name: 'CudaError', sticky: true, cudaName: 'cudaErrorIllegalAddress' },
    )
    assert.equal(jumpoutForward(input, { seed: 1 }).output.length, LENGTH)
  },
  async none() {
    assert.equal(runtime.backend, 'cpu')
    assert.equal(runtime.cuda.available, false)
    assert.deepEqual(runtime.cuda.devices, [])
    const reason = runtime.cuda.reason ?? ''
    for (const run of [
      () => DeviceArray.alloc(1),
      () => DeviceArray.from(input),
      () => DeviceArray.wrap(4096n, 1),
      () => new Stream(),
      () => allocPinned(1),
    ]) {
      const error = caught(run)
      assert.equal(error.cudaName, 'cudaErrorNoDevice')
      assert(error.message.endsWith(reason), error.message)
    }
    assert.equal(jumpoutForward(input, { seed: 1 }).output.length, LENGTH)
    console.log(reason)
  },
}

void runProgramFile(ways, tasks)
