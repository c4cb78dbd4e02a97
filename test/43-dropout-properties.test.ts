/**
 * What ONNX's and PyTorch's own tests ask of dropout, asked of jumpout without its three modifications: docs/reliability.md
 * (Differential) lists them, and those that do not apply.
 */
import { Jumpout, jumpoutBackward, jumpoutForward, type JumpoutOptions } from 'jumpout'
import t, { type Test } from 'tap'
import { equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { isKept } from './support/reference'

const PLAIN = { normalize: false, exponent: 1 } as const
const LARGEST = 65535 / 65536

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
const allKept = (mask: Uint32Array, length: number) =>
  Array.from({ length }, (_, i) => i).every((i) => isKept(mask, i))

const draw = (x: Float32Array, options: JumpoutOptions & { seed: number; out?: Float32Array }) => {
  const { output, saved } = jumpoutForward(x, { ...PLAIN, ...options })
  return { output, saved, mask: saved.mask as Uint32Array }
}

/** ONNX: training, with a ratio of 0.5 and of 0.75, with and without a mask as second output. */
t.test('training: x / (1 - ratio) where the mask says so, else 0', (t) => {
  const x = makeInput(60, 'signed').map((value) => value || 1)
  for (const rate of [0.5, 0.75]) {
    const options = { seed: 1, rate, shape: [3, 4, 5] }
    const { output, mask } = draw(x, options)
    const expected = x.map((value, i) => (isKept(mask, i) ? value * Math.fround(1 / (1 - rate)) : 0))
    equalBits(t, output, expected, `ratio ${rate}`)
    t.ok(output.includes(0) && output.some((y) => y !== 0), 'some are dropped, some are not')
    const maskless = jumpoutForward(x, { ...PLAIN, ...options, saveMask: false })
    t.equal(maskless.saved.mask, null)
    equalBits(t, maskless.output, output, 'without a mask')
    equalBits(t, draw(x, options).output, output, 'the same seed')
    t.notSame([...draw(x, { ...options, seed: 2 }).output], [...output], 'another seed')
  }
  t.end()
})

/** ONNX: training with a ratio of 0. PyTorch: corner cases. */
t.test('training with a rate of 0: the identity, and a mask of ones', (t) => {
  for (const kind of ['signed', 'special'] as const) {
    const x = makeInput(60, kind)
    const { output, saved, mask } = draw(x, { seed: 1, rate: 0, shape: [3, 4, 5] })
    equalBits(t, output, x, kind)
    t.ok(allKept(mask, 60))
    const gradient = makeGradient(60)
    equalBits(t, jumpoutBackward(gradient, saved), gradient, 'gradient')
  }
  t.end()
})

/** ONNX: inference, with and without a ratio; its old operator. PyTorch: evaluation, also in place. */
t.test('evaluation: the identity, whatever the rate', (t) => {
  const old = Float32Array.of(-1, 0, 1)
  for (const x of [old, makeInput(60, 'signed'), makeInput(60, 'special')]) {
    for (const rate of [undefined, 0.1, 0.2, 0.5, LARGEST]) {
      const layer = new Jumpout({ ...PLAIN, ...(rate !== undefined && { rate }), seed: 1 }).eval()
      equalBits(t, layer.forward(x), x, `rate ${rate}`)
      const inPlace = x.slice()
      t.equal(layer.forward(inPlace, { out: inPlace }), inPlace)
      equalBits(t, inPlace, x, 'in place')
      const gradient = makeGradient(x.length)
      equalBits(t, layer.backward(gradient), gradient, 'gradient')
      t.equal(layer.calls, 0n, 'nothing was drawn')
    }
  }
  t.end()
})

/** PyTorch: test_native_dropout_corner_case, test_invalid_dropout_p. */
t.test('rates up to the largest; not 1, and not what is no rate', (t) => {
  const x = new Float32Array(1000).fill(1)
  const { output } = draw(x, { seed: 1, rate: LARGEST })
  t.ok(
    output.every((y) => y === 0 || y === 65536),
    'the scale is 65536',
  )
  for (const rate of [-0.1, 1, 1.1, NaN, Infinity]) {
    const error = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: /options\.rate/ }
    for (const shape of [[1000], [10, 10, 10], [10, 10, 5, 2], [10, 5, 5, 2, 2]]) {
      const unit = shape.length > 1 ? 'channel' : 'element'
      t.throws(() => draw(x, { seed: 1, rate, shape, unit }), error, `${rate}, ${unit}`)
    }
    t.throws(() => new Jumpout({ rate }), error)
  }
  t.end()
})

/** PyTorch: _test_dropout, on an input of 1 - p, whose mean output and mean gradient are 1 - p; not in place, and in place. */
function keepsTheMean(t: Test, options: JumpoutOptions, length: number, units: number): void {
  const p = 0.2
  const x = new Float32Array(length).fill(1 - p)
  const bound = 5 * Math.sqrt((p * (1 - p)) / units) // of a mean of units that are 0 or 1, with a fixed seed
  const { output, saved } = draw(x, { seed: 1, rate: p, ...options })
  t.ok(Math.abs(mean(output) - (1 - p)) < bound, `mean output ${mean(output)}`)
  const gradient = jumpoutBackward(x, saved)
  t.ok(Math.abs(mean(gradient) - (1 - p)) < bound, `mean gradient ${mean(gradient)}`)
  const [inPlace, gradientInPlace] = [x.slice(), x.slice()]
  const again = draw(inPlace, { seed: 1, rate: p, ...options, out: inPlace })
  t.equal(again.output, inPlace)
  equalBits(t, inPlace, output, 'in place')
  jumpoutBackward(gradientInPlace, again.saved, { out: gradientInPlace })
  equalBits(t, gradientInPlace, gradient, 'gradient in place')
}

/** Where each element's decision is that of its channel, as the rank of its plane says. */
const FORMATS = ['channelsFirst', 'channelsLast'] as const
const channelOf = (shape: readonly number[], format: (typeof FORMATS)[number], i: number): number => {
  const [channels, sample] = [
    shape[format === 'channelsFirst' ? 1 : shape.length - 1],
    product(shape.slice(1)),
  ]
  const within = i % sample
  const channel = format === 'channelsFirst' ? Math.floor(within / (sample / channels)) : within % channels
  return Math.floor(i / sample) * channels + channel
}

t.test('elements', (t) => {
  keepsTheMean(t, {}, 1000, 1000)
  t.end()
})

/** PyTorch: test_Dropout1d, 2d, 3d, and memory formats of channels first and last; ones, whose channels fall as a whole. */
for (const plane of [[14], [5, 3], [2, 3, 4]]) {
  t.test(`channels of ${plane.length} dimensions`, (t) => {
    for (const dataFormat of FORMATS) {
      const shaped = (samples: number, channels: number) =>
        dataFormat === 'channelsFirst' ? [samples, channels, ...plane] : [samples, ...plane, channels]
      const big = shaped(1000, 4)
      keepsTheMean(t, { unit: 'channel', dataFormat, shape: big }, product(big), 4000)

      const shape = shaped(10, 4)
      const x = new Float32Array(product(shape)).fill(1)
      for (const out of [undefined, x.slice()]) {
        const options = { seed: 3, rate: 0.5, unit: 'channel', dataFormat, shape } as const
        const { output } = draw(out ?? x, { ...options, ...(out && { out }) })
        const fallen = new Map<number, Set<boolean>>()
        output.forEach((y, i) => {
          const channel = channelOf(shape, dataFormat, i)
          fallen.set(channel, (fallen.get(channel) ?? new Set()).add(y === 0))
        })
        t.equal(fallen.size, 40)
        t.ok(
          [...fallen.values()].every(({ size }) => size === 1),
          'a channel is whole',
        )
        t.equal(new Set([...fallen.values()].flatMap((set) => [...set])).size, 2, 'some fall, some do not')
      }

      // No batch dimension: a batch of one, which is what the first sample of any batch is.
      const [single, batch] = [shaped(1, 50), shaped(3, 50)]
      const values = makeInput(product(batch), 'positive')
      const options = { seed: 4, rate: 0.5, unit: 'channel', dataFormat } as const
      const alone = draw(values.subarray(0, product(single)), { ...options, shape: single })
      const among = draw(values, { ...options, shape: batch })
      equalBits(t, alone.output, among.output.slice(0, product(single)), 'without a batch')
    }
    t.end()
  })
}

t.test('a shape without channels is refused', (t) => {
  const x = new Float32Array(8).fill(1)
  t.throws(() => draw(x, { seed: 1, rate: 0.5, unit: 'channel', shape: [8] }), { name: 'RangeError' })
  t.throws(() => draw(x, { seed: 1, rate: 0.5, unit: 'channel' }))
  t.end()
})

/** PyTorch: _test_dropout_discontiguous, _test_dropout_stride_mean_preserve: a rate that is almost 0 on views. */
t.test('rates next to 0, and views', (t) => {
  const arena = makeInput(300, 'signed').map((value) => value || 1)
  for (const rate of [0, 1e-10, 2 ** -17 - 2 ** -60]) {
    for (const offset of [0, 1, 2, 3]) {
      const x = arena.subarray(offset, offset + 54)
      equalBits(
        t,
        draw(x, { seed: 5, rate, shape: [2, 3, 3, 3] }).output,
        x,
        `rate ${rate}, offset ${offset}`,
      )
    }
  }
  const x = arena.subarray(1, 121)
  for (const rate of [0.3, 0.5, 0.7])
    t.notSame([...draw(x, { seed: 5, rate, shape: [2, 3, 4, 5] }).output], [...x], `rate ${rate} drops`)
  t.end()
})

/** PyTorch: test_empty_dropout. */
t.test('nothing in, nothing out', (t) => {
  const none = new Float32Array(0)
  for (const options of [{}, { shape: [0, 3] }, { shape: [0, 3, 4], unit: 'channel' }] as JumpoutOptions[]) {
    const { output, saved, mask } = draw(none, { seed: 1, rate: 0.5, ...options })
    t.same([output.length, mask.length, jumpoutBackward(none, saved).length], [0, 0, 0])
  }
  t.end()
})
