/** Every wrong argument of calls on devices: its class, its code, its sentence, and nothing written. */
import './support/device'
import {
  allocPinned,
  countActive,
  CudaError,
  DeviceArray,
  Jumpout,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  runtime,
  Stream,
} from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { GuardedOnDevice } from './support/device-conform'
import { makeInput } from './support/inputs'
import { range, type Refusal, state, type, value } from './support/refusals'

const N = 100
const host = makeInput(N)
const x = DeviceArray.from(host)
const LAST = runtime.cuda.devices.length - 1
const several = LAST > 0
const elsewhere = (length: number) => DeviceArray.alloc(length, { device: LAST })
const freed = <A extends DeviceArray>(array: A): A => {
  array.free()
  return array
}
const destroyed = new Stream()
destroyed.destroy()
const words = (length: number) => DeviceArray.alloc(length, { dtype: 'uint32' })
const longs = (length: number) => DeviceArray.alloc(length, { dtype: 'uint64' })
const hostPointer = { ptr: 4096, byteLength: 4 * N }

/** Options of a forward that are refused on a device. */
const OPTIONS: [string, object, Refusal][] = [
  [
    'no seed',
    { seed: undefined },
    type('Expected a safe integer >= 0 or a bigint from 0 to 2^64 - 1 for options.seed, got undefined'),
  ],
  ['a rate', { rate: 2 }, range('Expected a number from 0 to 65535/65536 for options.rate, got 2')],
  [
    'a shape',
    { shape: [99] },
    range('Expected a product of 100, the length of the array, for options.shape, got 99'),
  ],

  ['out: null', { out: null }, type('Expected a DeviceArray for options.out, got null')],
  [
    'out on the host',
    { out: new Float32Array(N) },
    type('Expected a DeviceArray for options.out, got a Float32Array'),
  ],
  ['out, a stream', { out: new Stream() }, type('Expected a DeviceArray for options.out, got a Stream')],
  [
    'out, shorter',
    { out: DeviceArray.alloc(99) },
    range('Expected a DeviceArray of length 100 for options.out, got one of length 99'),
  ],
  [
    'out, of another dtype',
    { out: DeviceArray.alloc(N, { dtype: 'float16' }) },
    value('Expected a DeviceArray of float32 for options.out, got one of float16'),
  ],
  [
    'out, freed',
    { out: freed(DeviceArray.alloc(N)) },
    value('Expected an array with its memory for options.out, got a freed one'),
  ],
  [
    'out, a pointer of the host',
    { out: hostPointer },
    value('Expected a pointer to device memory for options.out, got one to memory of the host or to none'),
  ],
  [
    'out, no pointer',
    { out: { ptr: '1', byteLength: 400 } },
    type("Expected a pointer to device memory, a bigint, for options.out, got '1'"),
  ],
  [
    'out, a negative pointer',
    { out: { ptr: -4, byteLength: 400 } },
    range('Expected a pointer to device memory, a bigint, for options.out, got -4'),
  ],
  [
    'out, no bytes',
    { out: { ptr: x.ptr, byteLength: '1' } },
    type("Expected a byteLength that is a multiple of 4 for options.out, got '1'"),
  ],
  [
    'out, odd bytes',
    { out: { ptr: x.ptr, byteLength: 399 } },
    range('Expected a byteLength that is a multiple of 4 for options.out, got 399'),
  ],
  [
    'out, fewer bytes',
    { out: { ptr: x.ptr, byteLength: 396 } },
    range('Expected a DeviceArray of length 100 for options.out, got one of length 99'),
  ],
  [
    'out, misaligned',
    { out: { ptr: x.ptr + 2, byteLength: 400 - 4 } },
    value('Expected memory aligned to 4 bytes for options.out, got a misaligned pointer'),
  ],

  [
    'mask on the host',
    { mask: new Uint32Array(4) },
    type('Expected a DeviceArray for options.mask, got a Uint32Array'),
  ],
  [
    'mask of floats',
    { mask: DeviceArray.alloc(4) },
    value('Expected a DeviceArray of uint32 for options.mask, got one of float32'),
  ],
  [
    'mask, shorter',
    { mask: words(3) },
    range('Expected a DeviceArray of length 4 for options.mask, got one of length 3'),
  ],
  [
    'mask, freed',
    { mask: freed(words(4)) },
    value('Expected an array with its memory for options.mask, got a freed one'),
  ],
  [
    'mask of the host',
    { mask: { ptr: 4096, byteLength: 16 } },
    value('Expected a pointer to device memory for options.mask, got one to memory of the host or to none'),
  ],
  [
    'mask and saveMask false',
    { mask: words(4), saveMask: false },
    value('Expected no array with saveMask false for options.mask, got one'),
  ],

  [
    'call: null',
    { call: null },
    type('Expected a safe integer >= 0 or a bigint from 0 to 2^63 - 2 for options.call, got null'),
  ],
  [
    'call, negative',
    { call: -1 },
    range('Expected a safe integer >= 0 or a bigint from 0 to 2^63 - 2 for options.call, got -1'),
  ],
  [
    'call of floats',
    { call: DeviceArray.alloc(1) },
    value('Expected a DeviceArray of uint64 for options.call, got one of float32'),
  ],
  [
    'call, two of them',
    { call: longs(2) },
    range('Expected a DeviceArray of length 1 for options.call, got one of length 2'),
  ],
  [
    'call, freed',
    { call: freed(longs(1)) },
    value('Expected an array with its memory for options.call, got a freed one'),
  ],

  [
    'active on the host',
    { active: [1] },
    type('Expected a DeviceArray for options.active, got an array of 1'),
  ],
  [
    'active of words',
    { active: words(1) },
    value('Expected a DeviceArray of uint64 for options.active, got one of uint32'),
  ],
  [
    'active, too many',
    { active: longs(2) },
    range('Expected a DeviceArray of length 1 for options.active, got one of length 2'),
  ],
  [
    'active, one per sample',
    { active: longs(1), granularity: 'sample', shape: [4, 25] },
    range('Expected a DeviceArray of length 4 for options.active, got one of length 1'),
  ],

  ['stream: null', { stream: null }, type('Expected a Stream for options.stream, got null')],
  ['stream: a handle', { stream: 0n }, type('Expected a Stream for options.stream, got 0n')],
  ['stream: an array', { stream: x }, type('Expected a Stream for options.stream, got a DeviceArray')],
  [
    'stream, destroyed',
    { stream: destroyed },
    value('Expected a stream that was not destroyed for options.stream, got a destroyed one'),
  ],

  [
    'shard without counts',
    { shard: { elementOffset: 0, total: [200] } },
    type('Expected an array of counts for options.shard.active, got undefined'),
  ],
  [
    'shard and active',
    { shard: { elementOffset: 0, active: [1], total: [200] }, active: longs(1) },
    type('Expected nothing, as options.active has the counts, for options.shard.active, got an array of 1'),
  ],
  [
    'shard, total',
    { shard: { elementOffset: 0, total: [99] }, active: longs(1) },
    range('Expected at least 100, where the shard ends, for options.shard.total, got 99'),
  ],

  ...(several
    ? ([
        [
          'out elsewhere',
          { out: elsewhere(N) },
          value(`Expected a DeviceArray on device 0 for options.out, got one on device ${LAST}`),
        ],
        [
          'mask elsewhere',
          { mask: DeviceArray.alloc(4, { dtype: 'uint32', device: LAST }) },
          value(`Expected a DeviceArray on device 0 for options.mask, got one on device ${LAST}`),
        ],
        [
          'active elsewhere',
          { active: DeviceArray.alloc(1, { dtype: 'uint64', device: LAST }) },
          value(`Expected a DeviceArray on device 0 for options.active, got one on device ${LAST}`),
        ],
        [
          'call elsewhere',
          { call: DeviceArray.alloc(1, { dtype: 'uint64', device: LAST }) },
          value(`Expected a DeviceArray on device 0 for options.call, got one on device ${LAST}`),
        ],
        [
          'stream elsewhere',
          { stream: new Stream({ device: LAST }) },
          value(`Expected a stream of device 0 for options.stream, got one of device ${LAST}`),
        ],
      ] as [string, object, Refusal][])
    : []),
]

t.test('options of a forward', (t) => {
  for (const [what, options, refusal] of OPTIONS) {
    t.throws(() => jumpoutForward(x, { seed: 1, ...options }), refusal, what)
  }
  equalBits(t, x.toHost(), host, 'the input is as it was')
  t.throws(() => jumpoutForward(x, null as never), type('Expected an object for options, got null'))
  t.end()
})

t.test('options of a layer', (t) => {
  const layer = new Jumpout({ seed: 1 })
  for (const [what, options, refusal] of OPTIONS) {
    if (!/^(out|stream)/.test(what)) continue
    t.throws(() => layer.forward(x, options), refusal, what)
    layer.eval()
    t.throws(() => layer.forward(x, options), refusal, `${what}, evaluation`)
    layer.train()
  }
  t.equal(layer.toJSON().call, '0')
  t.throws(() => new Jumpout({ stream: new Stream() } as never), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /got 'stream', an option of .*layer\.forward/,
  })
  t.end()
})

t.test('inputs', (t) => {
  for (const [what, input, refusal] of [
    [
      'words',
      words(N),
      value('Expected a DeviceArray of float32, float16 or bfloat16 for input, got one of uint32'),
    ],
    [
      'freed',
      freed(DeviceArray.alloc(N)),
      value('Expected an array with its memory for input, got a freed one'),
    ],
    [
      'of the host',
      hostPointer,
      value('Expected a pointer to device memory for input, got one to memory of the host or to none'),
    ],
    [
      'freed by its owner',
      { ptr: 2 ** 52, byteLength: 400 },
      value('Expected a pointer to device memory for input, got one to memory of the host or to none'),
    ],
    [
      'too long',
      { ptr: x.ptr, byteLength: 2 ** 40 },
      value(`Expected device memory of ${2 ** 40} bytes for input, got a pointer to less`),
    ],
    [
      'of 16-bit floats',
      { ptr: x.ptr, byteLength: 4 * N, dtype: 'float16' },
      value('Expected memory without a dtype for input, got memory with one'),
    ],
    ['a stream', new Stream(), type('Expected a Float32Array for input, got a Stream')],
    ['a constructor', DeviceArray, type('Expected a Float32Array for input, got a function')],
    [
      'a forgery',
      Object.create(DeviceArray.prototype),
      type('Expected a Float32Array for input, got an object'),
    ],
  ] as const) {
    t.throws(() => jumpoutForward(input as never, { seed: 1 }), refusal, what)
    t.throws(() => countActive(input as never), refusal, `${what}, countActive`)
    t.throws(() => new Jumpout().forward(input as never), refusal, `${what}, a layer`)
  }
  t.end()
})

t.test('arrays of the host and of devices do not mix', async (t) => {
  const out = DeviceArray.alloc(N)
  const onHost = jumpoutForward(host, { seed: 1 }).saved
  const onDevice = jumpoutForward(x, { seed: 1 }).saved
  for (const [what, run, refusal] of [
    [
      'out',
      () => jumpoutForward(host, { seed: 1, out } as never),
      type('Expected a Float32Array for options.out, got a DeviceArray'),
    ],
    [
      'mask',
      () => jumpoutForward(host, { seed: 1, mask: words(4) }),
      type('Expected a Uint32Array for options.mask, got a DeviceArray'),
    ],
    [
      'call',
      () => jumpoutForward(host, { seed: 1, call: longs(1) }),
      type('Expected a safe integer >= 0 or a bigint from 0 to 2^63 - 2 for options.call, got a DeviceArray'),
    ],
    [
      'active',
      () => jumpoutForward(host, { seed: 1, active: longs(1) }),
      type('Expected nothing, as arrays on the host are counted here, for options.active, got a DeviceArray'),
    ],
    [
      'stream',
      () => jumpoutForward(host, { seed: 1, stream: new Stream() }),
      type('Expected nothing, as arrays on the host have no stream, for options.stream, got a Stream'),
    ],
    [
      'count',
      () => countActive(host, { out: longs(1) } as never),
      type('Expected nothing, as the counts of host arrays are numbers, for options.out, got a DeviceArray'),
    ],
    [
      'gradient of the host',
      () => jumpoutBackward(host, onDevice),
      type("Expected a DeviceArray, as the forward's input was, for gradOutput, got a Float32Array"),
    ],
    [
      'gradient of a device',
      () => jumpoutBackward(x, onHost),
      type('Expected a Float32Array for gradOutput, got a DeviceArray'),
    ],
    [
      'gradient into the host',
      () => jumpoutBackward(x, onDevice, { out: host } as never),
      type('Expected a DeviceArray for options.out, got a Float32Array'),
    ],
    [
      'gradient into a device',
      () => jumpoutBackward(host, onHost, { out } as never),
      type('Expected a Float32Array for options.out, got a DeviceArray'),
    ],
  ] as const) {
    t.throws(run, refusal, what)
  }
  await t.rejects(
    jumpoutForwardAsync(x as never, { seed: 1 }),
    type('Expected a Float32Array for input, got a DeviceArray'),
  )
  await t.rejects(
    jumpoutBackwardAsync(host, onDevice),
    type('Expected what a forward on the host returned as saved for saved, got what a forward saved'),
  )
})

t.test('backward', (t) => {
  const { saved } = jumpoutForward(x, { seed: 1 })
  const drawn = jumpoutForward(x, { seed: 1, relu: true, saveMask: false }).saved
  const mask = words(4)
  const withoutMask = jumpoutForward(x, { seed: 1, mask }).saved
  mask.free()
  const wrong =
    (array: DeviceArray, options?: object, which = saved) =>
    () =>
      jumpoutBackward(array as DeviceArray<'float32'>, which, options as never)
  for (const [what, run, refusal] of [
    [
      'length',
      wrong(DeviceArray.alloc(99)),
      range('Expected a DeviceArray of length 100 for gradOutput, got one of length 99'),
    ],
    [
      'dtype',
      wrong(DeviceArray.alloc(N, { dtype: 'bfloat16' })),
      value('Expected a DeviceArray of float32 for gradOutput, got one of bfloat16'),
    ],
    [
      'freed',
      wrong(freed(DeviceArray.alloc(N))),
      value('Expected an array with its memory for gradOutput, got a freed one'),
    ],
    [
      'mask freed',
      wrong(x, undefined, withoutMask),
      value('Expected an array with its memory for saved.mask, got a freed one'),
    ],
    [
      'out',
      wrong(x, { out: DeviceArray.alloc(1) }),
      range('Expected a DeviceArray of length 100 for options.out, got one of length 1'),
    ],
    [
      'output',
      wrong(x, { output: DeviceArray.alloc(1) }),
      range('Expected a DeviceArray of length 100 for options.output, got one of length 1'),
    ],
    [
      'no output',
      wrong(x, {}, drawn),
      type(
        "Expected the forward's output, as ReLU was fused and no mask saved, for options.output, got undefined",
      ),
    ],
    ['stream', wrong(x, { stream: 1 }), type('Expected a Stream for options.stream, got 1')],
    ['options', wrong(x, 1 as never), type('Expected an object for options, got 1')],
    [
      'saved',
      wrong(x, {}, {} as never),
      type('Expected what a forward returned as saved for saved, got an object'),
    ],
  ] as const) {
    t.throws(run, refusal, what)
  }
  if (several) {
    t.throws(
      wrong(elsewhere(N)),
      value(`Expected a DeviceArray on device 0 for gradOutput, got one on device ${LAST}`),
    )
  }
  t.end()
})

t.test('partial overlap', (t) => {
  const memory = new GuardedOnDevice('float32', 3 * N)
  const before = memory.view.toHost()
  const part = (begin: number) => memory.view.subarray(begin, begin + N)
  const overlap = (argument: string) =>
    value(`Expected the same memory or memory apart for ${argument}, got arrays that overlap in part`)
  t.throws(() => jumpoutForward(part(0), { seed: 1, out: part(1) }), overlap('options.out'))
  t.throws(() => jumpoutForward(part(99), { seed: 1, out: part(0) }), overlap('options.out'))
  const mask = DeviceArray.wrap(memory.view.pointer + 40n, 4, { dtype: 'uint32' })
  t.throws(() => jumpoutForward(part(0), { seed: 1, out: part(100), mask }), overlap('options.mask'))
  t.throws(() => jumpoutForward(part(100), { seed: 1, out: part(0), mask }), overlap('options.mask'))
  const call = DeviceArray.wrap(part(1).pointer, 1, { dtype: 'uint64' })
  t.throws(() => jumpoutForward(part(0), { seed: 1, out: part(0), call }), overlap('options.call'))
  const active = DeviceArray.wrap(part(1).pointer, 1, { dtype: 'uint64' })
  t.throws(() => jumpoutForward(part(100), { seed: 1, out: part(0), active }), overlap('options.active'))
  t.throws(() => countActive(part(0), { out: active }), overlap('options.out'))
  t.throws(() => new Jumpout().eval().forward(part(0), { out: part(1) }), overlap('options.out'))
  const { saved } = jumpoutForward(x, { seed: 1 })
  t.throws(() => jumpoutBackward(part(0), saved, { out: part(1) }), overlap('options.out'))
  t.throws(() => part(0).copyFrom(part(1)), overlap('source'))
  equalBits(t, memory.view.toHost(), before, 'nothing was written')
  t.ok(memory.intact)
  t.end()
})

t.test('arrays', async (t) => {
  const LENGTH = 'Expected an integer >= 0 for length, got'
  const DTYPE = "Expected 'float32', 'float16', 'bfloat16', 'uint32' or 'uint64' for options.dtype, got"
  const DEVICE = 'Expected the index of a device, an integer >= 0, for options.device, got'
  const POINTER = 'Expected a pointer to device memory, a bigint, for pointer, got'
  const wild = DeviceArray as unknown as Record<'alloc' | 'from' | 'wrap', (...values: unknown[]) => unknown>
  for (const [what, run, refusal] of [
    [
      'new',
      () => new (DeviceArray as unknown as new () => unknown)(),
      type('Expected memory, as alloc, from and wrap find it, for DeviceArray, got undefined'),
    ],
    [
      'new, with something like memory',
      () => new (DeviceArray as unknown as new (view: unknown) => unknown)({ memory: {}, offset: 0 }),
      type('Expected memory, as alloc, from and wrap find it, for DeviceArray, got an object'),
    ],
    ['alloc()', () => wild.alloc(), type(`${LENGTH} undefined`)],
    ['alloc(-1)', () => wild.alloc(-1), range(`${LENGTH} -1`)],
    ['alloc(1.5)', () => wild.alloc(1.5), range(`${LENGTH} 1.5`)],
    ['alloc(2^53)', () => wild.alloc(2 ** 53), range(`${LENGTH} ${2 ** 53}`)],
    ['alloc, options', () => wild.alloc(1, null), type('Expected an object for options, got null')],
    ['alloc, dtype', () => wild.alloc(1, { dtype: 'float64' }), value(`${DTYPE} 'float64'`)],
    ['alloc, no dtype', () => wild.alloc(1, { dtype: 1 }), type(`${DTYPE} 1`)],
    ['alloc, device', () => wild.alloc(1, { device: '0' }), type(`${DEVICE} '0'`)],
    ['alloc, device -1', () => wild.alloc(1, { device: -1 }), range(`${DEVICE} -1`)],
    [
      'alloc, no such device',
      () => wild.alloc(1, { device: 60000 }),
      value(`Expected a device below ${LAST + 1} for options.device, got 60000`),
    ],
    [
      'from()',
      () => wild.from(),
      type('Expected a Float32Array, Uint32Array or BigUint64Array for data, got undefined'),
    ],
    [
      'from, doubles',
      () => wild.from(new Float64Array(1)),
      type('Expected a Float32Array, Uint32Array or BigUint64Array for data, got a Float64Array'),
    ],
    [
      'from, dtype',
      () => wild.from(host, { dtype: 'uint32' }),
      type('Expected a Uint32Array for data, got a Float32Array'),
    ],
    [
      'from, words as floats',
      () => wild.from(new Uint32Array(1), { dtype: 'float16' }),
      type('Expected a Float32Array for data, got a Uint32Array'),
    ],
    [
      'from, stream',
      () => wild.from(host, { stream: destroyed }),
      value('Expected a stream that was not destroyed for options.stream, got a destroyed one'),
    ],
    ['wrap()', () => wild.wrap(), type(`${POINTER} undefined`)],
    ['wrap, negative', () => wild.wrap(-1n, 1), range(`${POINTER} -1n`)],
    ['wrap, too large', () => wild.wrap(2n ** 64n, 1), range(`${POINTER} ${2n ** 64n}n`)],
    [
      'wrap, of the host',
      () => wild.wrap(4096n, 1),
      value('Expected a pointer to device memory for pointer, got one to memory of the host or to none'),
    ],
    [
      'wrap, nothing',
      () => wild.wrap(0n, 1),
      value('Expected a pointer to device memory for pointer, got one to memory of the host or to none'),
    ],
    [
      'wrap, misaligned',
      () => wild.wrap(x.pointer + 2n, 1),
      value('Expected memory aligned to 4 bytes for pointer, got a misaligned pointer'),
    ],
    [
      'wrap, too long',
      () => wild.wrap(x.pointer, 2 ** 40),
      value(`Expected device memory of ${2 ** 42} bytes for pointer, got a pointer to less`),
    ],
    [
      'wrap, owner',
      () => wild.wrap(x.pointer, 1, { owner: 1 }),
      type('Expected an object for options.owner, got 1'),
    ],
    [
      'wrap, owner: null',
      () => wild.wrap(x.pointer, 1, { owner: null }),
      type('Expected an object for options.owner, got null'),
    ],
    [
      'copyFrom()',
      () => x.copyFrom(undefined as never),
      type('Expected a Float32Array for source, got undefined'),
    ],
    [
      'copyFrom, length',
      () => x.copyFrom(new Float32Array(99)),
      range('Expected an array of length 100 for source, got one of length 99'),
    ],
    [
      'copyFrom, words',
      () => x.copyFrom(new Uint32Array(N) as never),
      type('Expected a Float32Array for source, got a Uint32Array'),
    ],
    [
      'copyFrom, dtype',
      () => x.copyFrom(DeviceArray.alloc(N, { dtype: 'float16' }) as never),
      value('Expected float32s for source, got float16s'),
    ],
    [
      'copyFrom, a shorter one',
      () => x.copyFrom(DeviceArray.alloc(1)),
      range('Expected an array of length 100 for source, got one of length 1'),
    ],
    [
      'copyFrom, a freed one',
      () => x.copyFrom(freed<DeviceArray<'float32'>>(DeviceArray.alloc(N))),
      value('Expected an array with its memory for source, got a freed one'),
    ],
    ['copyFrom, options', () => x.copyFrom(host, 1 as never), type('Expected an object for options, got 1')],
    [
      'toHost, out',
      () => x.toHost({ out: [] as never }),
      type('Expected a Float32Array for options.out, got an array of 0'),
    ],
    [
      'toHost, length',
      () => x.toHost({ out: new Float32Array(1) }),
      range('Expected an array of length 100 for options.out, got one of length 1'),
    ],
    ['subarray', () => x.subarray('1' as never), type("Expected an integer for begin, got '1'")],
    ['subarray, 1.5', () => x.subarray(0, 1.5), range('Expected an integer for end, got 1.5')],
    [
      'toDLPack',
      () => x.toDLPack({ versioned: 1 as never }),
      type('Expected a boolean for options.versioned, got 1'),
    ],
    ['allocPinned', () => allocPinned(-1), range(`${LENGTH} -1`)],
    ['allocPinned, huge', () => allocPinned(2 ** 52), { code: 'ERR_OUT_OF_MEMORY' }],
    [
      'freed: copyFrom',
      () => freed(DeviceArray.alloc(1)).copyFrom(host),
      state('Expected an array that was not freed for copyFrom, got a freed one'),
    ],
    [
      'freed: clear',
      () => freed(DeviceArray.alloc(1)).clear(),
      state('Expected an array that was not freed for clear, got a freed one'),
    ],
    [
      'freed: toDLPack',
      () => freed(DeviceArray.alloc(1)).toDLPack(),
      state('Expected an array that was not freed for toDLPack, got a freed one'),
    ],
  ] as const) {
    t.throws(run, refusal, what)
  }
  if (several) {
    t.throws(
      () => x.copyFrom(elsewhere(N)),
      value(`Expected an array on device 0 for source, got one on device ${LAST}`),
    )
    t.throws(
      () => DeviceArray.wrap(x.pointer, N, { device: LAST }),
      value(`Expected memory of device ${LAST} for pointer, got memory of device 0`),
    )
  }
  await t.rejects(
    x.copyFromAsync(new Float32Array(new ArrayBuffer(400, { maxByteLength: 800 }))),
    value('Expected an array of fixed size for source, got one over a resizable buffer'),
  )
  await t.rejects(x.toHostAsync({ out: new Float32Array(1) }), { code: 'ERR_OUT_OF_RANGE' })
  equalBits(t, x.toHost(), host, 'nothing was written')
})

t.test('streams', async (t) => {
  const stream = new Stream()
  const HANDLE = 'Expected the address of a cudaStream_t, a bigint, for handle, got'
  for (const [what, run, refusal] of [
    [
      'device',
      () => new Stream({ device: 1.5 }),
      range('Expected the index of a device, an integer >= 0, for options.device, got 1.5'),
    ],
    [
      'no such device',
      () => new Stream({ device: 60000 }),
      value(`Expected a device below ${LAST + 1} for options.device, got 60000`),
    ],
    ['options', () => new Stream(null as never), type('Expected an object for options, got null')],
    ['wrap a number', () => Stream.wrap(1 as never), type(`${HANDLE} 1`)],
    ['wrap -1n', () => Stream.wrap(-1n), range(`${HANDLE} -1n`)],
    [
      'wrap the stream of each thread',
      () => Stream.wrap(2n),
      value('Expected a stream that is the same for all threads for handle, got cudaStreamPerThread'),
    ],
    ['wait', () => stream.wait(1 as never), type('Expected a Stream for other, got 1')],
    [
      'wait for a destroyed one',
      () => stream.wait(destroyed),
      value('Expected a stream that was not destroyed for other, got a destroyed one'),
    ],
    [
      'destroyed: handle',
      () => destroyed.handle,
      state('Expected a stream that was not destroyed for handle, got a destroyed one'),
    ],
    [
      'destroyed: capture',
      () => destroyed.capture(() => undefined),
      state('Expected a stream that was not destroyed for capture, got a destroyed one'),
    ],
  ] as const) {
    t.throws(run, refusal, what)
  }
  if (several) {
    t.throws(
      () => Stream.wrap(stream.handle, { device: LAST }),
      value(`Expected 0, the device of the stream, for options.device, got ${LAST}`),
    )
    const graph = stream.capture(() => undefined)
    t.throws(
      () => graph.launch(new Stream({ device: LAST })),
      value(`Expected a stream of device 0 for stream, got one of device ${LAST}`),
    )
  }
  await t.rejects(destroyed.synchronize(), { code: 'ERR_INVALID_STATE' })
  for (const method of ['synchronize', 'wait', 'capture', 'destroy'] as const) {
    const wild = stream[method] as (this: unknown, other: unknown) => unknown
    await t.rejects(async () => wild.call({}, stream), { name: 'TypeError' }, `${method} of something else`)
  }
})

t.test('too little memory is a CudaError, and the process goes on', (t) => {
  const most = runtime.cuda.devices[0].memoryBytes
  try {
    DeviceArray.alloc(most)
    t.fail('there is no such memory')
  } catch (error) {
    t.ok(error instanceof CudaError && error instanceof Error)
    const { name, code, cudaName, number, sticky, message } = error as CudaError
    t.strictSame(
      { name, code, cudaName, number, sticky },
      {
        name: 'CudaError',
        code: 'ERR_CUDA',
        cudaName: 'cudaErrorMemoryAllocation',
        number: 2,
        sticky: false,
      },
    )
    t.match(message, /^cudaErrorMemoryAllocation \(2\): \w+/)
  }
  equalBits(t, DeviceArray.from(host).toHost(), host, 'less is there')
  t.end()
})

t.test('a getter that frees what a call uses', (t) => {
  const whenRead = (name: string, free: () => unknown, rest: object = {}): object =>
    Object.defineProperty(rest, name, { enumerable: true, get: () => void free() })
  const make = () => DeviceArray.from(host)
  let array = make()
  t.throws(() => jumpoutForward(array, whenRead('call', () => array.free(), { seed: 1 }) as never), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
  array = make()
  t.throws(
    () => array.clear(whenRead('stream', () => array.free())),
    state('Expected an array that was not freed for clear, got a freed one'),
  )
  array = make()
  t.throws(
    () => array.toHost(whenRead('out', () => array.free())),
    state('Expected an array that was not freed for toHost, got a freed one'),
  )
  array = make()
  const mask = words(4)
  const out = {
    byteLength: 4 * N,
    get ptr() {
      array.free()
      return x.pointer
    },
  }
  t.throws(() => jumpoutForward(array, { seed: 1, out }), { code: 'ERR_INVALID_ARG_VALUE' })
  const kept = DeviceArray.from(host)
  const frees = {
    byteLength: 8,
    get ptr() {
      mask.free()
      return longs(1).pointer
    },
  }
  t.throws(
    () => jumpoutForward(kept, { seed: 1, mask, active: frees }),
    value(
      'Expected an array that stays as it is for one of the arrays, got one that changed during the call',
    ),
  )
  equalBits(t, kept.toHost(), host, 'nothing was written')
  t.end()
})

t.test('a stream that is left as it was', (t) => {
  const stream = new Stream()
  const mine = new Error('mine')
  const thenable = {
    get then() {
      throw mine
    },
  }
  t.throws(() => stream.capture(() => thenable), mine)
  t.equal(stream.capturing, false, 'no capture is left open')
  const { wrap } = Stream
  t.equal(wrap(0n).handle, 0n, 'without its class')
  stream.destroy()
  t.end()
})

t.test('typed arrays without their memory, and streams that are none', (t) => {
  const detached = host.slice()
  structuredClone(0, { transfer: [detached.buffer] })
  const refused = (argument: string) =>
    value(`Expected an array with its memory for ${argument}, got a detached one`)
  t.throws(() => DeviceArray.from(detached), refused('data'))
  t.throws(() => x.copyFrom(detached), refused('source'))
  t.throws(() => x.toHost({ out: detached }), refused('options.out'))
  t.throws(
    () => DeviceArray.from(host, { stream: { device: 'x' } as never }),
    type('Expected a Stream for options.stream, got an object'),
  )
  t.end()
})
