/** Channels in the last dimension: every number of channels and pixels at which a pattern of decisions could go wrong. */
import { jumpoutBackward, jumpoutForward, jumpoutForwardAsync, Jumpout } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { assertConforms } from './support/conform'
import { type InputKind, makeGradient, makeInput } from './support/inputs'
import { isKept, type ReferenceCall } from './support/reference'

const LAST = { unit: 'channel', dataFormat: 'channelsLast' } as const
const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

function check(kind: InputKind, shape: readonly number[], options: Partial<ReferenceCall>): void {
  const length = product(shape)
  const call = { sigma: 0.3, ...LAST, shape, ...options, seed: BigInt(length) + 2n ** 40n, call: 3n }
  assertConforms(makeInput(length, kind, length), makeGradient(length, length), call)
}

t.test('channels and pixels', (t) => {
  for (const channels of [
    1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 96, 100, 256, 511,
  ]) {
    for (const pixels of [1, 2, 3, 4, 5, 7, 9, 16, 49]) {
      const shape = [3, pixels, channels]
      for (const granularity of ['batch', 'sample'] as const) {
        const what = `[${shape.join(', ')}], ${granularity}`
        t.doesNotThrow(() => check('activations', shape, { granularity }), what)
        t.doesNotThrow(() => check('signed', shape, { granularity, relu: true }), `${what}, relu`)
      }
    }
  }
  t.end()
})

t.test('more channels than are drawn at once, and samples across the parts of threads', (t) => {
  for (const shape of [
    [2, 3, 4095],
    [2, 3, 4096],
    [3, 2, 4097],
    [2, 2, 10_001],
    [1, 2, 70_000],
    [300, 3, 3, 64],
    [7, 32, 32, 10],
    [2000, 2, 33],
    [3000, 2, 8],
    [2000, 5, 3],
    [4000, 2, 1],
  ]) {
    t.doesNotThrow(() => check('signed', shape, { relu: true }), `[${shape.join(', ')}]`)
    t.doesNotThrow(
      () => check('activations', shape, { granularity: 'sample' }),
      `[${shape.join(', ')}], sample`,
    )
  }
  t.end()
})

t.test('shards of tensors up to 2^53 elements', (t) => {
  const length = 777
  const cases: [shape: number[], elementOffset: number][] = [
    [[2 ** 30, 4, 4, 10], 2 ** 32 - 100],
    [[2 ** 30, 4, 4, 10], 2 ** 33 + 5],
    [[2 ** 30, 7, 9], 63 * 2 ** 28 - 3],
    [[3, 2, 2 ** 33 + 8], 2 ** 33 - 300],
    [[3, 2, 2 ** 33 + 8], 2 ** 33 + 8 - 300],
    [[3, 2, 2 ** 33 + 8], 2 * (2 ** 33 + 8) - 300],
    [[2, 2, 2 ** 51 - 1], 2 ** 53 - 4 - length],
    [[2 ** 49, 5, 3], 15 * 2 ** 49 - length],
    [[2 ** 50 - 1, 2, 4], 2 ** 53 - 8 - length],
    [[1, 2 ** 52 - 1, 2], 2 ** 53 - 2 - length],
  ]
  for (const [shape, elementOffset] of cases) {
    for (const granularity of ['batch', 'sample'] as const) {
      const size = granularity === 'batch' ? product(shape) : product(shape.slice(1))
      const groups = Math.floor((elementOffset + length - 1) / size) - Math.floor(elementOffset / size) + 1
      const total = new Array<number>(groups).fill(size)
      const active = total.map((n, g) => Math.floor(n / (2 + (g % 3))))
      const shard = { elementOffset, active, total }
      const call = { ...LAST, granularity, shape, seed: 11n, call: 1n, sigma: 0.3, shard }
      t.doesNotThrow(
        () => assertConforms(makeInput(length), makeGradient(length), call),
        `[${shape.join(', ')}] from ${elementOffset}, ${granularity}`,
      )
    }
  }
  t.end()
})

t.test('the same channels fall as with channels first', (t) => {
  const [samples, pixels, channels] = [4, 35, 13]
  const length = samples * pixels * channels
  const call = { seed: 3, call: 2, rate: 0.4, normalize: false, unit: 'channel' } as const
  const input = new Float32Array(length).fill(1)
  const shape = [samples, channels, 5, 7]
  const first = jumpoutForward(input, { ...call, shape }).saved.mask as Uint32Array
  const explicit = jumpoutForward(input, { ...call, shape, dataFormat: 'channelsFirst' })
  t.strictSame([...(explicit.saved.mask as Uint32Array)], [...first], 'the default is channelsFirst')
  const last = jumpoutForward(input, {
    ...call,
    shape: [samples, 5, 7, channels],
    dataFormat: 'channelsLast',
  })
  const kept = new Set<string>()
  for (let n = 0; n < samples; ++n)
    for (let c = 0; c < channels; ++c)
      for (let k = 0; k < pixels; ++k)
        kept.add(
          [
            isKept(first, (n * channels + c) * pixels + k),
            isKept(last.saved.mask as Uint32Array, (n * pixels + k) * channels + c),
          ].join(),
        )
  t.strictSame([...kept].sort(), ['false,false', 'true,true'])
  t.end()
})

t.test('without channels of several elements it is element by element', (t) => {
  const input = makeInput(600, 'signed')
  const call = { seed: 5, relu: true } as const
  const elements = jumpoutForward(input, call)
  for (const [what, options] of Object.entries({
    'two dimensions': { ...LAST, shape: [20, 30] },
    'one pixel': { ...LAST, shape: [20, 1, 1, 30] },
    'unit element': { dataFormat: 'channelsLast' },
    'unit element with a shape': { dataFormat: 'channelsLast', shape: [600] },
    'unit element, channels first': { unit: 'element', dataFormat: 'channelsFirst', shape: [2, 3, 100] },
  } as const)) {
    const { output, saved } = jumpoutForward(input, { ...call, ...options })
    equalBits(t, output, elements.output, what)
    t.strictSame([...(saved.mask as Uint32Array)], [...(elements.saved.mask as Uint32Array)], what)
  }
  t.end()
})

t.test('nothing', (t) => {
  const nothing = new Float32Array(0)
  for (const shape of [
    [0, 3],
    [3, 0],
    [0, 2, 3],
    [3, 0, 2],
    [3, 2, 0],
    [0, 0, 0],
  ])
    for (const granularity of ['batch', 'sample'] as const) {
      const what = `[${shape.join(', ')}], ${granularity}`
      const { output, saved } = jumpoutForward(nothing, { ...LAST, granularity, shape, seed: 1n })
      t.equal(output.length, 0, what)
      t.strictSame(saved.stats(), jumpoutForward(nothing, { seed: 1n }).saved.stats(), what)
      t.equal(jumpoutBackward(nothing, saved).length, 0, what)
    }
  t.end()
})

t.test('off the main thread, and as a layer', async (t) => {
  const shape = [6, 5, 5, 24]
  const input = makeInput(product(shape), 'signed')
  const gradient = makeGradient(product(shape))
  const options = { ...LAST, shape, relu: true, granularity: 'sample', sigma: 0.3 } as const
  const layer = new Jumpout({ ...options, seed: 4 })
  const copy = Jumpout.fromJSON(JSON.parse(JSON.stringify(layer)) as ReturnType<typeof layer.toJSON>)
  t.equal(layer.toJSON().options.dataFormat, 'channelsLast')
  t.equal(new Jumpout().toJSON().options.dataFormat, 'channelsFirst')
  const { output, saved } = layer.call(input)
  equalBits(t, copy.forward(input), output, 'a layer from its state')
  equalBits(t, copy.backward(gradient), jumpoutBackward(gradient, saved), 'its gradient')
  const smaller = input.subarray(0, 3 * 600)
  const call = { ...options, seed: 9, shape: [3, 5, 5, 24] }
  const there = await jumpoutForwardAsync(smaller, call)
  equalBits(t, there.output, jumpoutForward(smaller, call).output, 'in another thread')
  layer.eval()
  equalBits(
    t,
    layer.forward(gradient),
    gradient.map((g) => (g > 0 ? g : 0)),
    'evaluation',
  )
})
