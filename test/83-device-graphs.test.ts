/** CUDA graphs: recorded once, launched many times, each time with another draw. */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { createContext, runInContext } from 'node:vm'
import { deviceEnvironment } from './support/device'
import {
  allocPinned,
  countActive,
  DeviceArray,
  type ForwardResult,
  Graph,
  jumpoutBackward,
  jumpoutForward,
  Stream,
} from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { collectGarbage, collectUntil } from './support/collect'
import { makeGradient, makeInput } from './support/inputs'
import { endedWell, runProgram } from './support/program'
import { state, whole } from './support/refusals'

const N = 3000
const input = makeInput(N, 'signed')
const gradOutput = makeGradient(N)
const WAITS = {
  name: 'CudaError',
  code: 'ERR_CUDA',
  cudaName: 'cudaErrorStreamCaptureUnsupported',
  number: 900,
}

const longs = (...numbers: bigint[]) => DeviceArray.from(BigUint64Array.from(numbers))

t.test('forward and backward, drawn anew at each launch', async (t) => {
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  const call = longs(10n)
  let forward: ForwardResult<DeviceArray> | undefined
  let gradient: DeviceArray | undefined
  const graph = stream.capture(() => {
    t.ok(stream.capturing)
    forward = jumpoutForward(x, { seed: 1, call, relu: true, stream })
    gradient = jumpoutBackward(g, forward.saved, { stream })
    t.throws(() => forward?.saved.stats(), WAITS)
  })
  t.notOk(stream.capturing)
  t.type(graph, Graph)
  t.equal(graph.device, 0)
  t.equal(call.toHost()[0], 10n, 'nothing was done yet')
  for (const number of [10n, 11n, 12n]) {
    t.equal(graph.launch(stream), graph)
    await stream.synchronize()
    const expected = jumpoutForward(input, { seed: 1, call: number, relu: true })
    equalBits(t, forward?.output.toHost() as Float32Array, expected.output, `output of call ${number}`)
    equalBits(
      t,
      gradient?.toHost() as Float32Array,
      jumpoutBackward(gradOutput, expected.saved),
      `gradient of call ${number}`,
    )
    t.strictSame(forward?.saved.stats(), expected.saved.stats(), 'statistics of the last launch')
  }
  t.equal(call.toHost()[0], 13n)
})

t.test('on other streams, and without one', async (t) => {
  const recorded = new Stream()
  const x = DeviceArray.from(input)
  const call = longs(0n)
  const out = DeviceArray.alloc(N)
  let saved: ForwardResult['saved'] | undefined
  const graph = recorded.capture(() => {
    saved = jumpoutForward(x, { seed: 2, call, out, stream: recorded }).saved
  })
  const other = new Stream()
  graph.launch(other)
  t.strictSame(saved?.stats(), jumpoutForward(input, { seed: 2, call: 0 }).saved.stats(), 'another stream')
  other.destroy()
  graph.launch()
  t.strictSame(saved?.stats(), jumpoutForward(input, { seed: 2, call: 1 }).saved.stats(), 'the default one')
  // A call on the stream of the recording uses another workspace than the graph.
  jumpoutForward(x, { seed: 2, call: 77, stream: recorded })
  graph.launch(recorded)
  await recorded.synchronize()
  equalBits(t, out.toHost(), jumpoutForward(input, { seed: 2, call: 2 }).output, 'the third launch')
})

t.test('a graph keeps the memory that it uses', async (t) => {
  const stream = new Stream()
  const call = longs(0n)
  const out = DeviceArray.alloc(N)
  let graph: Graph
  {
    using x = DeviceArray.from(input)
    using mask = DeviceArray.alloc(Math.ceil(N / 32), { dtype: 'uint32' })
    const pinned = allocPinned(N)
    pinned.set(input)
    graph = stream.capture(() => {
      x.copyFrom(pinned, { stream })
      const { output } = jumpoutForward(x, { seed: 3, call, mask, stream })
      out.copyFrom(output, { stream })
      output.free()
    })
  }
  await collectGarbage()
  // These would reuse memory that was freed.
  const others = Array.from({ length: 20 }, () => DeviceArray.from(new Float32Array(N).fill(NaN)))
  for (const number of [0, 1]) {
    graph.launch(stream)
    await stream.synchronize()
    equalBits(t, out.toHost(), jumpoutForward(input, { seed: 3, call: number }).output, `launch ${number}`)
  }
  t.ok(
    others.every((array) => array.toHost().every(Number.isNaN)),
    'and nothing else',
  )
  graph.free()
  t.ok(graph.freed)
  graph.free()
  t.throws(() => graph.launch(stream), { code: 'ERR_INVALID_STATE' })
})

t.test('streams that were made to wait are recorded too', async (t) => {
  const stream = new Stream()
  const branch = new Stream()
  const x = DeviceArray.from(input)
  const calls = [longs(5n), longs(6n)]
  const outs = [DeviceArray.alloc(N), DeviceArray.alloc(N)]
  using graph = stream.capture(() => {
    branch.wait(stream)
    t.ok(branch.capturing)
    jumpoutForward(x, { seed: 4, call: calls[1], out: outs[1], stream: branch })
    jumpoutForward(x, { seed: 4, call: calls[0], out: outs[0], stream })
    stream.wait(branch)
  })
  t.notOk(branch.capturing)
  for (const number of [0, 1]) {
    graph.launch(stream)
    await stream.synchronize()
    for (const [i, out] of outs.entries()) {
      const expected = jumpoutForward(input, { seed: 4, call: 5 + i + number })
      equalBits(t, out.toHost(), expected.output, `branch ${i}, launch ${number}`)
    }
  }
})

/** Two names of each stream: what one of them began, the other knows of. */
const NAMES: Record<string, (stream: Stream, body: (stream: Stream) => void) => Graph> = {
  'the recording began by another name': (stream, body) =>
    Stream.wrap(stream.handle).capture(() => body(stream)),
  'the work goes by another name': (stream, body) => stream.capture(() => body(Stream.wrap(stream.handle))),
  'a stream joined by another name': (stream, body) =>
    stream.capture(() => {
      const branch = new Stream()
      Stream.wrap(branch.handle).wait(stream)
      body(branch)
      stream.wait(branch)
    }),
  'work by another name of a joined stream': (stream, body) =>
    stream.capture(() => {
      const branch = new Stream()
      branch.wait(stream)
      body(Stream.wrap(branch.handle))
      stream.wait(Stream.wrap(branch.handle))
    }),
}
for (const [what, record] of Object.entries(NAMES)) {
  t.test(`a graph keeps the memory that it uses: ${what}`, async (t) => {
    const stream = new Stream()
    const out = DeviceArray.alloc(N)
    const pinned = [allocPinned(N)]
    pinned[0].set(input)
    const graph = record(stream, (stream) => {
      using x = DeviceArray.alloc(N).copyFrom(pinned.pop() as Float32Array, { stream })
      const { output } = jumpoutForward(x, { seed: 3, stream })
      out.copyFrom(output, { stream })
      output.free()
    })
    await collectGarbage()
    const others = Array.from({ length: 20 }, () => DeviceArray.from(new Float32Array(N).fill(NaN)))
    graph.launch(stream)
    await stream.synchronize()
    equalBits(t, out.toHost(), jumpoutForward(input, { seed: 3 }).output, 'output')
    t.ok(
      others.every((array) => array.toHost().every(Number.isNaN)),
      'and nothing else',
    )
  })
}

t.test('work that a recording of another thread contains', async (t) =>
  endedWell(
    t,
    await runProgram('devices.ts', ['recordedElsewhere'], { env: deviceEnvironment }),
    'as of another library',
  ),
)

t.test('by another name, while a stream is recorded', async (t) => {
  const stream = new Stream()
  const same = Stream.wrap(stream.handle)
  const x = DeviceArray.from(input)
  const call = longs(8n)
  const out = DeviceArray.alloc(N)
  const outs = [DeviceArray.alloc(N), DeviceArray.alloc(N)]
  const mask = DeviceArray.alloc(Math.ceil(N / 32), { dtype: 'uint32' })
  const pinned = allocPinned(N)
  pinned.set(gradOutput)
  using graph = stream.capture(() => {
    t.ok(same.capturing)
    x.copyFrom(pinned, { stream: same })
    jumpoutForward(x, { seed: 9, call, out, mask, stream: same })
    t.throws(() => same.capture(() => undefined), { name: 'CudaError' })
    for (const [i, own] of outs.entries()) jumpoutForward(x, { seed: 9, call: i, out: own, stream })
  })
  equalBits(t, x.toHost(), input, 'nothing was done yet')
  for (const number of [8, 9]) {
    graph.launch(stream)
    await stream.synchronize()
    const expected = (call: number) => jumpoutForward(gradOutput, { seed: 9, call }).output
    equalBits(t, out.toHost(), expected(number), `call ${number}`)
    outs.forEach((own, i) => equalBits(t, own.toHost(), expected(i), `call ${i} where it began`))
  }
})

t.test('counts of shards are part of the recording', async (t) => {
  const stream = new Stream()
  const { active, total } = countActive(input)
  const x = DeviceArray.from(input.subarray(1000, 2000))
  const shard = { elementOffset: 1000, active, total }
  let result: ForwardResult<DeviceArray> | undefined
  using graph = stream.capture(() => {
    result = jumpoutForward(x, { seed: 5, shard, stream })
  })
  graph.launch(stream)
  await stream.synchronize()
  const expected = jumpoutForward(input, { seed: 5 }).output.slice(1000, 2000)
  equalBits(t, result?.output.toHost() as Float32Array, expected, 'output')
})

t.test('calls that would have to wait cannot be recorded', async (t) => {
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const eager = jumpoutForward(x, { seed: 6, stream })
  await stream.synchronize()
  const promises: Promise<unknown>[] = []
  const graph = stream.capture(() => {
    t.throws(() => eager.saved.stats(), WAITS, 'stats')
    t.throws(() => x.toHost({ stream }), WAITS, 'toHost')
    t.throws(() => x.copyFrom(input, { stream }), WAITS, 'copyFrom')
    t.throws(() => countActive(x, { stream }), WAITS, 'countActive')
    t.throws(() => stream.capture(() => undefined), WAITS, 'capture')
    promises.push(
      t.rejects(stream.synchronize(), WAITS, 'synchronize'),
      t.rejects(x.toHostAsync({ stream }), WAITS, 'toHostAsync'),
      t.rejects(x.copyFromAsync(allocPinned(N), { stream }), WAITS, 'copyFromAsync'),
    )
  })
  await Promise.all(promises)
  graph.launch(stream)
  await t.resolves(stream.synchronize(), 'and the recording is none the worse')
  const other = new Stream()
  other.capture(() => t.throws(() => graph.launch(other), WAITS, 'launch'))
  t.strictSame(eager.saved.stats(), jumpoutForward(input, { seed: 6 }).saved.stats())
})

t.test('a body that fails', async (t) => {
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const mistake = new Error('mistake')
  t.throws(
    () =>
      stream.capture(() => {
        jumpoutForward(x, { seed: 7, stream })
        throw mistake
      }),
    mistake,
  )
  t.notOk(stream.capturing)
  t.throws(() => stream.capture(async () => undefined), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: whole(
      'Expected a function that is done when it returns for body, got one that returned a promise',
    ),
  })
  t.throws(() => stream.capture('body' as never), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => new (Graph as unknown as new (handle: number) => Graph)(1), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: whole('Expected a recording, as stream.capture makes it, for Graph, got 1'),
  })
  const branch = new Stream()
  t.throws(
    () => stream.capture(() => void branch.wait(stream)),
    { name: 'CudaError', cudaName: 'cudaErrorStreamCaptureUnjoined' },
    'a branch that does not come back',
  )
  t.throws(() => Stream.wrap(0n).capture(() => undefined), { name: 'CudaError' }, 'the legacy default stream')
  const { output } = jumpoutForward(x, { seed: 7, stream })
  await stream.synchronize()
  equalBits(t, output.toHost(), jumpoutForward(input, { seed: 7 }).output, 'the stream goes on')
})

t.test('a promise that waits for the stream must settle first', async (t) => {
  const stream = new Stream()
  const promise = stream.synchronize()
  t.throws(() => stream.capture(() => undefined), { code: 'ERR_INVALID_STATE' })
  await promise
  t.type(
    stream.capture(() => undefined),
    Graph,
    'an empty one',
  )
})

t.test('a promise that waits for the stream by another name, too', async (t) => {
  const stream = new Stream()
  const promise = Stream.wrap(stream.handle).synchronize()
  t.throws(() => stream.capture(() => undefined), { code: 'ERR_INVALID_STATE' })
  const other = new Stream()
  other.capture(() => t.throws(() => stream.wait(other), { code: 'ERR_INVALID_STATE' })).free()
  await promise
  stream.capture(() => undefined).free()
})

t.test('streams that the body destroys', async (t) => {
  const x = DeviceArray.from(input)
  const out = DeviceArray.alloc(N)
  const stream = new Stream()
  const graph = stream.capture(() => {
    using branch = new Stream()
    branch.wait(stream)
    jumpoutForward(x, { seed: 10, out, stream: branch })
    stream.wait(branch)
    stream.destroy()
  })
  graph.launch()
  equalBits(t, out.toHost(), jumpoutForward(input, { seed: 10 }).output, 'recorded all the same')

  const gone = new Stream()
  const alias = Stream.wrap(gone.handle)
  const branch = new Stream()
  t.throws(
    () =>
      gone.capture(() => {
        branch.wait(gone)
        out.clear({ stream: branch })
        gone.destroy()
      }),
    { name: 'CudaError', cudaName: 'cudaErrorStreamCaptureUnjoined' },
  )
  for (const left of [branch, alias]) {
    t.notOk(left.capturing)
    left.capture(() => undefined).free()
  }
})

t.test('a body that is terminated', (t) => {
  const stream = new Stream()
  const branch = new Stream()
  const body = () => {
    branch.wait(stream)
    for (;;);
  }
  t.throws(
    () => void runInContext('stream.capture(body)', createContext({ stream, body }), { timeout: 50 }),
    {
      code: 'ERR_SCRIPT_EXECUTION_TIMEOUT',
    },
  )
  for (const left of [stream, branch]) {
    t.notOk(left.capturing, 'it runs no finally, and the recording is over')
    left.capture(() => undefined).free()
  }
  t.end()
})

const noFifo = { skip: process.platform === 'win32' && 'there are no named pipes in folders' }

t.test('while all threads of Node are busy', noFifo, async (t) => {
  const fifo = join(t.testdir(), 'fifo')
  execFileSync('mkfifo', [fifo])
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const busy = Array.from({ length: threads }, () => open(fifo))
  const stream = new Stream()
  const memory = DeviceArray.from(input)
  let returned = false
  const owners = new FinalizationRegistry(() => (returned = true))
  const borrow = () => {
    const owner = { memory }
    owners.register(owner, 0)
    DeviceArray.wrap(memory.pointer, N, { owner }).clear({ stream }).free()
  }
  borrow()
  t.type(
    stream.capture(() => undefined),
    Graph,
    'waits for none of them',
  )
  const writer = openSync(fifo, 'w')
  for (const file of await Promise.all(busy)) await file.close()
  closeSync(writer)
  t.ok(await collectUntil(() => returned), 'the memory is given back later')
})

t.test('statistics of a graph that was never launched', async (t) => {
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const call = longs(5n)
  const kinds = { one: {}, many: { granularity: 'sample', shape: [100, 30] } } as const
  const missing = (what: string) => state(`Expected a launch of its graph for ${what}, got none`)
  const results: ForwardResult<DeviceArray>[] = []
  const record = () => {
    for (const kind of Object.values(kinds))
      results.push(jumpoutForward(x, { ...kind, seed: 1, call, stream }))
  }
  const graph = stream.capture(record)
  t.throws(() =>
    stream.capture(() => {
      record()
      throw new Error('discarded')
    }),
  )
  for (const { saved } of results) {
    t.throws(() => saved.stats(), missing('stats'))
    t.throws(() => saved.call, missing('call'))
  }
  graph.launch(stream)
  for (const [i, kind] of Object.values(kinds).entries()) {
    const number = BigInt(5 + i)
    t.equal(results[i].saved.call, number)
    t.strictSame(
      results[i].saved.stats(),
      jumpoutForward(input, { ...kind, seed: 1, call: number }).saved.stats(),
    )
  }
  t.end()
})

t.test('without a counter every launch draws the same', async (t) => {
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const out = DeviceArray.alloc(N)
  using graph = stream.capture(() => void jumpoutForward(x, { seed: 8, call: 3, out, stream }))
  const expected = jumpoutForward(input, { seed: 8, call: 3 }).output
  for (let launch = 0; launch < 2; ++launch) {
    out.clear({ stream })
    graph.launch(stream)
    await stream.synchronize()
    equalBits(t, out.toHost(), expected, `launch ${launch}`)
  }
})

t.test('graphs without references are collected, with their memory', async (t) => {
  const stream = new Stream()
  for (let round = 0; round < 40; ++round) {
    const x = DeviceArray.from(input)
    stream.capture(() => void jumpoutForward(x, { seed: 9, stream })).launch(stream)
  }
  await collectGarbage()
  await t.resolves(stream.synchronize())
})
