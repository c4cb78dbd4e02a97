/** The addon checks again what lib checked: a caller can reach it without lib. Every refusal, and that nothing is written. */
import { onGpu } from './support/device'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { jumpoutForward, runtime } from 'jumpout'
import t, { type Test } from 'tap'
import { at, binary, descriptor, native } from '../lib/native'
import { range, refusal, type Refusal, state, type, value, whole } from './support/refusals'

const lengths = (argument: string) =>
  range(`Expected lengths that fit each other for ${argument}, got lengths that do not`)
const numbers = range('Expected numbers in their ranges for options, got one outside its range')
const freed = (argument: string) =>
  value(`Expected an array with its memory for ${argument}, got a freed one`)

/** Takes arguments of any type. */
const addon = native as unknown as Record<string, (...values: unknown[]) => unknown>

const N = 40
const MASK = 2
const NAN = 0x7fc00000
const marked = (length: number) => new Float32Array(new Uint32Array(length).fill(NAN).buffer)
const isMarked = (array: Float32Array) => new Uint32Array(array.buffer).every((bits) => bits === NAN)
const x = Float32Array.from({ length: N }, (_, i) => Math.sin(i))
const rows = new Float64Array(5)
const LAST = runtime.cuda.devices.length - 1
const BEYOND = LAST + 1

/** Each call is refused, and leaves its output as it was. */
function refuses(t: Test, calls: [name: string, values: unknown[], refused: Refusal][], out?: Float32Array) {
  for (const [name, values, refused] of calls) {
    t.throws(() => addon[name](...values), refused, `${name}: ${refused.message}`)
    if (out !== undefined) t.ok(isMarked(out), `${name} writes nothing`)
  }
}

t.test('on the host', (t) => {
  const out = marked(N)
  const short = marked(N - 1)
  jumpoutForward(x, { seed: 1 }) // describes a call
  const wrongType = (expected: string, argument: string) =>
    type(`Expected ${expected} for ${argument}, got something else`)
  refuses(
    t,
    [
      ['forward', [[], out], wrongType('a Float32Array', 'input')],
      ['forward', [new Float64Array(N), out], wrongType('a Float32Array', 'input')],
      ['forward', [x, undefined], wrongType('a Float32Array', 'out')],
      ['forward', [x, short], lengths('input, out and mask')],
      ['forward', [x, out, new Int32Array(MASK)], wrongType('a Uint32Array', 'mask')],
      ['forward', [x, out, new Uint32Array(MASK - 1)], lengths('input, out and mask')],
      ['forward', [x, out, undefined, new Float32Array(5)], wrongType('a Float64Array', 'rows')],
      ['forward', [x, out, undefined, new Float64Array(6)], lengths('rows')],
      ['forward', [x, out, undefined, new Float64Array(10)], lengths('input, out and mask')],
      ['forwardAsync', [x, out], wrongType('a Float64Array', 'rows')],
      ['forwardAsync', [x, out, undefined, rows, new Uint32Array(1)], wrongType('an Int32Array', 'turn')],
      ['forwardAsync', [x, out, undefined, rows, new Int32Array(2)], lengths('turn')],
      ['backward', [x, short], lengths('gradOutput, out, mask and output')],
      ['backward', [x, out, undefined, short], lengths('gradOutput, out, mask and output')],
      ['backward', [x, out, new Uint32Array(MASK + 1)], lengths('gradOutput, out, mask and output')],
      ['backwardAsync', [x, out, undefined, x], wrongType('a Float64Array', 'rows')],
      ['identity', [x, short], lengths('input and out')],
      ['identityAsync', [x, short], lengths('input and out')],
      ['countActive', [x], wrongType('a Float64Array', 'rows')],
      ['foldIn', [1, 1n], wrongType('a bigint from 0 to 2^64 - 1', 'seed')],
      ['foldIn', [1n, -1n], wrongType('a bigint from 0 to 2^64 - 1', 'data')],
      ['allocPinned', ['1'], wrongType('a number', 'length')],
      ['allocPinned', [2 ** 51], numbers],
    ],
    out,
  )
  t.test('numbers of the descriptor', (t) => {
    for (const [field, number] of [
      ['unitSize', -1],
      ['groupSize', NaN],
      ['seedLow', 2 ** 32],
      ['sigma', -1],
      ['maxRate', 2],
      ['pMin', 3],
    ] as const) {
      jumpoutForward(x, { seed: 1 })
      descriptor[at[field]] = number
      refuses(t, [['forward', [x, out], numbers]], out)
    }
    jumpoutForward(x, { seed: 1 })
    descriptor[at.elementOffset] = 5
    refuses(t, [['forward', [x, out], lengths('options.shape')]], out)
    t.end()
  })
  t.test('without lib, errors are plain ones', (t) => {
    const bare = require(binary) as typeof addon
    t.throws(() => bare.forward([], out), {
      name: 'Error',
      code: 'ERR_INVALID_ARG_TYPE',
      message: whole('Expected a Float32Array for input, got something else'),
    })
    t.throws(() => Reflect.apply(bare.foldIn, { makeError: 1 }, []), {
      name: 'Error',
      code: 'ERR_INVALID_ARG_TYPE',
    })
    const own = new Error('own')
    const throwing = () => {
      throw own
    }
    for (const receiver of [
      { makeError: throwing },
      Object.defineProperty({}, 'makeError', { get: throwing }),
    ])
      t.throws(() => Reflect.apply(bare.foldIn, receiver, []), own, 'what making the error throws comes out')
    t.throws(() => Reflect.apply(bare.foldIn, undefined, []), { name: 'Error', code: 'ERR_INVALID_ARG_TYPE' })
    t.end()
  })
  t.end()
})

t.test('without CUDA', { skip: onGpu }, (t) => {
  const host = require('../build/Release/jumpout.node') as typeof addon
  for (const call of [() => host.allocate(0, 8, -1, false), () => host.wrapStream(0n, 0)])
    t.throws(call, { code: 'ERR_CUDA', message: 'CUDA is not available: ' })
  t.end()
})

t.test('on devices', async (t) => {
  const bytes = 4 * N
  const memory = native.allocate(0, bytes, -1, false)
  const host = marked(N)
  native.copy(memory, 0, 0, 0, host, true)
  const stream = native.createStream(0)
  const gone = native.createStream(0)
  native.releaseStream(gone)
  native.releaseStream(gone) // once more does nothing, here and below
  const noStream = (argument: string) =>
    value(`Expected a stream that was not destroyed for ${argument}, got a destroyed one`)
  const noDevice = value(`Expected a device below ${BEYOND} for options.stream, got ${BEYOND}`)
  const free = native.allocate(0, 8, stream, false)
  native.releaseMemory(free)
  native.releaseMemory(free)

  refuses(t, [
    [
      'allocate',
      [BEYOND, 8, -1, false],
      value(`Expected a device below ${BEYOND} for options.device, got ${BEYOND}`),
    ],
    ['allocate', [-1, 8, 0, false], numbers],
    ['allocate', [0, 8, gone, false], noStream('options.stream')],
    ['allocate', [0, '8', 0], type('Expected a number for bytes, got something else')],
    ['pointer', [free], freed('pointer')],
    ['settle', [free], freed('array')],
    ['clear', [memory, 1, bytes, 0], lengths('array')],
    ['clear', [memory, bytes + 1, 0, 0], lengths('array')],
    ['clear', [free, 0, 0, 0], freed('array')],
    ['copy', [memory, 0, 9, 0, host, true], numbers],
    ['copy', [memory, 0, 0, 0, [], true], type('Expected a Float32Array for array, got something else')],
    ['copy', [memory, 0, 3, 0, host, true], type('Expected a Uint32Array for array, got something else')],
    ['copy', [memory, 0, 4, 0, host, true], type('Expected a BigUint64Array for array, got something else')],
    ['copy', [memory, 0, 0, 0, host, 1], type('Expected a boolean for toDevice, got something else')],
    ['copy', [memory, 4, 0, 0, host, true], lengths('array')],
    [
      'copyOnDevice',
      [memory, 0, memory, 4, 8, 0],
      value('Expected the same memory or memory apart for source, got arrays that overlap in part'),
    ],
    [
      'store',
      [memory, 1, 0, new BigUint64Array(1), false],
      value('Expected memory aligned to its elements for the copy, got a misaligned array'),
    ],
    ['readRecords', [memory, 0, 0, new Float64Array(4)], lengths('rows')],
    ['createStream', [BEYOND], value(`Expected a device below ${BEYOND} for options.device, got ${BEYOND}`)],
    [
      'wrapStream',
      [0n, BEYOND],
      value(`Expected a device below ${BEYOND} for options.device, got ${BEYOND}`),
    ],
    ['wrapStream', ['0', 0], type('Expected a bigint from 0 to 2^64 - 1 for handle, got something else')],
    ['synchronize', [gone], noStream('stream')],
    ['wait', [stream, gone], noStream('other')],
    ['capture', [stream, {}], type('Expected a function for body, got something else')],
    ['launch', [1, stream], value('Expected a graph that was not freed for launch, got a freed one')],
    ['toDLPack', [memory, 0, N + 1, 0, false], lengths('array')],
    ['fromDLPack', [{}], type('Expected an external tagged dltensor for tensor, got something else')],
  ])
  if (LAST > 0)
    refuses(t, [
      [
        'allocate',
        [LAST, 8, stream, false],
        value(`Expected a stream of device ${LAST} for options.stream, got one of device 0`),
      ],
    ])

  t.test('numbers of the descriptor', (t) => {
    const describe = (change: object) =>
      Object.entries({
        device: 0,
        stream: 0,
        dtype: 0,
        length: N,
        groupCount: 1,
        unitSize: 1,
        groupSize: 0,
        input: memory,
        inputOffset: 0,
        output: memory,
        outputOffset: 0,
        ...change,
      }).forEach(([name, number]) => (descriptor[at[name as keyof typeof at]] = number))
    const elsewhere = native.allocate(LAST, bytes, -1, false)
    const cases: [object, Refusal][] = [
      [{ device: BEYOND }, noDevice],
      [{ device: 0.5, length: -1 }, numbers],
      [{ dtype: 3 }, numbers],
      [{ stream: gone }, noStream('options.stream')],
      [{ input: free }, freed('input')],
      [{ outputOffset: 4 }, lengths('options.out')],
      [
        { inputOffset: 1, length: N - 1 },
        value('Expected memory aligned to its elements for input, got a misaligned array'),
      ],
      [{ output: 0 }, type('Expected all arrays for options.out, got one without memory')],
    ]
    if (LAST > 0)
      cases.push([
        { output: elsewhere },
        value(`Expected memory of device 0 for options.out, got one of device ${LAST}`),
      ])
    for (const [change, refusal] of cases) {
      describe(change)
      refuses(t, [['deviceIdentity', [], refusal]])
    }
    native.releaseMemory(elsewhere)
    t.end()
  })

  t.test('while a stream waits or is captured', async (t) => {
    const waiting = native.synchronize(stream)
    const busy = (argument: string) =>
      state(`Expected no promise that waits for the stream for ${argument}, got one that has not settled`)
    const nothing = () => undefined
    refuses(t, [['capture', [stream, nothing], busy('capture')]])
    const first = native.createStream(0)
    native.capture(first, () => refuses(t, [['wait', [stream, first], busy('wait')]]))
    await waiting
    const capturing = (argument: string) =>
      refusal(
        'CudaError',
        'ERR_CUDA',
      )(
        `cudaErrorStreamCaptureUnsupported (900): ${argument} would have to wait for a stream that is being captured`,
      )
    native.capture(first, () => {
      refuses(t, [
        ['capture', [first, nothing], capturing('capture')],
        ['synchronize', [first], capturing('synchronize')],
        ['copy', [memory, 0, 0, first, host, true], capturing('a copy of pageable memory')],
        ['copyAsync', [memory, 0, 0, first, host, true], capturing('a promise')],
        ['readRecords', [memory, 0, first, rows], capturing('stats')],
        ['readCall', [memory, 0, first], capturing('call')],
      ])
      native.settle(memory) // which that stream did not use
    })
    native.clear(memory, 0, 0, first)
    native.capture(first, () => t.doesNotThrow(() => native.settle(memory), 'nor waits for what is captured'))
    t.end()
  })

  t.test('a thread that ends within a capture, with memory that it was to give back', async (t) => {
    const worker = new Worker(
      `const addon = require(${JSON.stringify(binary)})
      const stream = addon.createStream(0)
      const memory = addon.allocate(0, 64, -1, false)
      const same = addon.wrapMemory(addon.pointer(memory), 64, 0, {})
      addon.clear(same, 0, 64, stream)
      addon.capture(stream, () => {
        addon.releaseMemory(same)
        process.exit()
      })`,
      { eval: true },
    )
    const [code] = (await once(worker, 'exit')) as [number]
    t.equal(code, 0)
    t.end()
  })

  native.copyOnDevice(memory, 0, memory, 4, 0, 0)
  const back = marked(N).fill(0)
  native.copy(memory, 0, 0, 0, back, false)
  t.ok(isMarked(back), 'nothing was written')
  t.end()
})
