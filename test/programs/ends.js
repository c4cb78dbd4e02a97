'use strict'
// A process, or one worker after the other, ends while calls are in flight: ends.js JSON, the Settings of
// test/support/load/ends.ts. Each end is announced by a line of JSON: how many calls are in flight at that moment. Not in
// TypeScript, whose loader takes longer than all else.
const { Buffer } = require('node:buffer')
const { writeSync } = require('node:fs')
const { performance } = require('node:perf_hooks')
const { setTimeout } = require('node:timers')
const { setImmediate: turn, setTimeout: sleep } = require('node:timers/promises')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')

const settings = isMainThread ? JSON.parse(process.argv[2]) : workerData.settings
const random = generator(isMainThread ? settings.seed : workerData.seed)

/** Calls in flight by kind, a row for each thread: written by its thread, read by the one that ends. */
const KINDS = ['sync', 'async', 'device', 'capture']
const flights = isMainThread
  ? new Int32Array(new SharedArrayBuffer(4 * KINDS.length * (1 + Math.max(2, settings.threads))))
  : workerData.flights
const row = isMainThread ? 0 : workerData.row
const count = (kind, change) => Atomics.add(flights, row * KINDS.length + KINDS.indexOf(kind), change)

/** The row of one thread, or of all. */
function announce(only) {
  const inFlight = Object.fromEntries(
    KINDS.map((kind, k) => [
      kind,
      flights.reduce((sum, n, i) => {
        const counts = i % KINDS.length === k && (only === undefined || Math.floor(i / KINDS.length) === only)
        return sum + (counts ? n : 0)
      }, 0),
    ]),
  )
  writeSync(1, `${JSON.stringify(inFlight)}\n`)
}

function generator(seed) {
  let state = seed | 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) / 2 ** 24
  }
}

/** What runs in a thread until it ends. */
const works = {
  jumpout() {
    const { Jumpout, jumpoutBackward, jumpoutForwardAsync } = require('jumpout')
    const [small, middle, large] = [3000, 400_000, 2_000_000].map((length) =>
      new Float32Array(length).fill(1),
    )
    const layer = new Jumpout({ seed: 1, reuse: true })
    return {
      held: [layer],
      sync: () => layer.backward(layer.forward(random() < 0.7 ? large : small)),
      async async() {
        const { output, saved } = await jumpoutForwardAsync(random() < 0.7 ? middle : small, { seed: 1 })
        jumpoutBackward(output, saved)
      },
    }
  },
  /** Node's own work of the same kind, without an addon: threads that derive and compress, arrays, code to be compiled. */
  node() {
    const { pbkdf2, pbkdf2Sync } = require('node:crypto')
    const { promisify } = require('node:util')
    const { deflate } = require('node:zlib')
    const [derive, compress] = [promisify(pbkdf2), promisify(deflate)]
    const bytes = Buffer.alloc(100_000, 'jumpout')
    let functions = 0
    return {
      held: [],
      sync() {
        const sum = new Function('array', `let s = ${++functions}; for (const x of array) s += x; return s`)
        sum(new Float32Array(100_000))
        pbkdf2Sync('password', 'salt', 2000, 32, 'sha256')
      },
      async async() {
        const output = new Float32Array(400_000)
        await (random() < 0.5 ? derive('password', 'salt', 1000, 32, 'sha256') : compress(bytes))
        return output
      },
    }
  },
}

function deviceWork(held) {
  const { allocPinned, DeviceArray, Jumpout, jumpoutForward, Stream } = require('jumpout')
  const stream = new Stream()
  const input = new Float32Array(2000).fill(1)
  const page = allocPinned(2000)
  const x = DeviceArray.from(input, { stream })
  const out = DeviceArray.alloc(2000)
  const layer = new Jumpout({ seed: 2 })
  const graph = stream.capture(() => jumpoutForward(x, { seed: 1, out, stream }).output)
  held.push(stream, page, x, out, layer, graph)
  return async () => {
    const own = new Stream() // finalizers are pending for what is dropped here
    const y = DeviceArray.from(input, { stream: own })
    graph.launch(own)
    const gradient = layer.backward(layer.forward(y, { stream: own }), { stream: own })
    const wrapped = DeviceArray.fromDLPack(y.toDLPack())
    await Promise.all([
      gradient.toHostAsync({ stream: own }),
      DeviceArray.wrap(wrapped.pointer, wrapped.length, { owner: wrapped }).toHostAsync({ stream: own }),
      x.copyFromAsync(page, { stream }),
      stream.synchronize(),
    ])
  }
}

const CHAINS = 8

/** Starts calls of all kinds, and goes on until the thread ends or `stopped` says so. */
function begin(stopped) {
  const { held, ...work } = works[settings.work]()
  if (settings.device) work.device = deviceWork(held)
  globalThis.held = held
  const chain = async (kind) => {
    while (!stopped()) {
      count(kind, 1)
      await work[kind]()
      count(kind, -1)
      await turn()
    }
  }
  for (let i = 0; i < CHAINS; ++i) void chain('async')
  void chain('sync')
  if (settings.device) for (let i = 0; i < 2; ++i) void chain('device')
}

/** Runs `body` now, or with devices now and then while this thread captures a stream. */
function perhapsCapturing(body) {
  if (!settings.device || random() < 0.6) return body(() => undefined)
  const { DeviceArray, jumpoutForward, Stream } = require('jumpout')
  const stream = new Stream()
  const x = DeviceArray.from(new Float32Array(100), { stream })
  const enqueue = () => jumpoutForward(x, { seed: 1, out: x, stream })
  count('capture', 1)
  stream.capture(() => {
    enqueue()
    body(enqueue)
  })
  count('capture', -1)
}

/** What a thread does to end itself. */
const own = {
  exit: () => process.exit(7),
  throw() {
    throw new Error('the end')
  },
  reject: () => void Promise.reject(new Error('the end')),
}

const endsItself = (name) =>
  setTimeout(
    () =>
      perhapsCapturing(() => {
        announce(isMainThread ? undefined : row)
        own[name]()
      }),
    random() * settings.milliseconds,
  )

const startWorker = (task, row, extra) =>
  new Worker(module.filename, {
    workerData: { settings, flights, task, row, seed: settings.seed * 31 + row, ...extra },
  })

const tasks = {
  /** Works until it is ended. */
  work() {
    const stop = new Int32Array(workerData.stop)
    begin(() => Atomics.load(stop, 0) === 1)
    parentPort.postMessage('started')
    if (workerData.end === 'terminate') {
      // Now and then it never leaves a capture by itself.
      setTimeout(
        () =>
          random() < 0.3 &&
          perhapsCapturing((enqueue) => {
            for (const end = performance.now() + 1000; performance.now() < end;) enqueue()
          }),
        random() * settings.milliseconds,
      )
    } else if (workerData.end !== undefined) endsItself(workerData.end)
  },
  /** Sends this process a signal, whatever its other threads are doing. */
  kill() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, random() * settings.milliseconds)
    announce()
    process.kill(process.pid, workerData.signal)
  },
}

const message = (worker) => new Promise((resolve) => worker.once('message', resolve))

/** The process ends, with loaded workers, while its main thread works too. */
async function endOfProcess() {
  const stop = new SharedArrayBuffer(4)
  const stopped = new Int32Array(stop)
  const workers = Array.from({ length: settings.threads }, (_, i) => startWorker('work', 1 + i, { stop }))
  const started = Promise.all(workers.map(message))
  begin(() => stopped[0] === 1)
  await started
  const [signal, handled] = settings.end.split(' ')
  if (signal in own) {
    endsItself(signal)
    return
  }
  if (handled === 'exit') process.once(signal, () => process.exit(8))
  if (handled === 'drain') {
    process.once(signal, () => {
      Atomics.store(stopped, 0, 1)
      process.exitCode = 9
    })
  }
  startWorker('kill', 0, { signal })
}

/** One worker after the other ends, beside one that works on. */
async function endsOfWorkers() {
  const stop = new SharedArrayBuffer(4)
  const end = settings.end.slice('worker '.length)
  const beside = startWorker('work', 1, { stop })
  await message(beside)
  for (let i = 0; i < settings.times; ++i) {
    for (let k = 0; k < KINDS.length; ++k) Atomics.store(flights, 2 * KINDS.length + k, 0)
    const worker = startWorker('work', 2, { stop, end, seed: settings.seed * 31 + 100 + i })
    const errors = []
    worker.on('error', (error) => errors.push(error.message))
    const exit = new Promise((resolve) => worker.once('exit', resolve))
    await message(worker)
    if (end === 'terminate') {
      await sleep(random() * settings.milliseconds)
      announce(2)
      await worker.terminate()
    }
    const ended = JSON.stringify([await exit, ...errors])
    const expected = { terminate: '[1]', exit: '[7]', throw: '[1,"the end"]', reject: '[1,"the end"]' }[end]
    if (ended !== expected) throw new Error(`a worker ended with ${ended}, expected ${expected}`)
  }
  Atomics.store(new Int32Array(stop), 0, 1)
  await new Promise((resolve) => beside.once('exit', resolve))
}

if (!isMainThread) tasks[workerData.task]()
else if (settings.end.startsWith('worker ')) endsOfWorkers()
else endOfProcess()
