/** Backward is the derivative of forward, with a saved mask and with one that is drawn again. */
import fc from 'fast-check'
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { makeInput, uniform } from './support/inputs'
import { holds, randomCases } from './support/properties'

const LAYOUTS = [
  {},
  { relu: true },
  { granularity: 'sample' },
  { unit: 'channel' },
  { granularity: 'sample', unit: 'channel', relu: true },
  { unit: 'channel', dataFormat: 'channelsLast', relu: true },
] as const

/**
 * The weighted sum of the outputs, with one input changed by +-step. Inputs are multiples of 1/64 at least 1/4 from zero and
 * the step is 1/8, so no element changes sign: mask, count and rate stay what they were.
 */
for (const layout of LAYOUTS) {
  t.test(`finite differences, ${JSON.stringify(layout)}`, (t) => {
    const shape = [3, 5, 4]
    const next = uniform(7)
    const value = () => (next() < 0.5 ? -1 : 1) * (0.25 + Math.floor(next() * 128) / 64)
    const input = Float32Array.from({ length: 60 }, value)
    const weights = Float32Array.from({ length: 60 }, value)
    const call = { ...layout, shape, seed: 5, sigma: 0.4 }
    const loss = (x: Float32Array) =>
      jumpoutForward(x, call).output.reduce((sum, y, i) => sum + y * weights[i], 0)

    const gradient = jumpoutBackward(weights, jumpoutForward(input, call).saved)
    const step = 1 / 8
    let worst = 0
    for (const i of input.keys()) {
      const moved = (by: number) => loss(input.map((x, j) => (i === j ? x + by : x)))
      const slope = (moved(step) - moved(-step)) / (2 * step)
      worst = Math.max(worst, Math.abs(slope - gradient[i]))
    }
    // Two roundings to float32 of values below 2^3, divided by 2 step: 2 * 2^-22 * 4 = 2^-19, and the gradient's own.
    t.ok(worst <= 2 ** -18, `largest deviation ${worst}`)
    t.ok(gradient.some((g) => g === 0) && gradient.some((g) => g !== 0), 'some elements fell, some stayed')
    t.end()
  })
}

t.test('a mask that is drawn again is the mask that was saved', (t) => {
  holds(
    t,
    fc.property(randomCases, ({ call, input, gradOutput }) => {
      const kept = jumpoutForward(input, call)
      const drawn = jumpoutForward(input, { ...call, saveMask: false })
      const options = call.relu ? { output: drawn.output } : {}
      assertSame(
        jumpoutBackward(gradOutput, drawn.saved, options),
        jumpoutBackward(gradOutput, kept.saved),
        'gradient',
      )
    }),
    500,
  )
  t.end()
})

t.test('a saved state serves many backward calls', (t) => {
  const { saved } = jumpoutForward(makeInput(1000), { seed: 1 })
  const gradients = [3, 4].map((seed) => makeInput(1000, 'signed', seed))
  const [first, second] = gradients.map((gradient) => jumpoutBackward(gradient, saved))
  equalBits(t, jumpoutBackward(gradients[0], saved), first, 'the first again')
  equalBits(t, jumpoutBackward(gradients[1], saved), second, 'the second again')
  t.end()
})

t.test('a NaN or an infinity in the gradient of a dropped element is dropped', (t) => {
  const input = new Float32Array(4096).fill(1)
  for (const saveMask of [true, false]) {
    const { output, saved } = jumpoutForward(input, { seed: 2, rate: 0.5, normalize: false, saveMask })
    for (const poison of [NaN, Infinity, -Infinity]) {
      const gradient = jumpoutBackward(new Float32Array(4096).fill(poison), saved)
      t.ok(gradient.every((g, i) => (output[i] === 0 ? Object.is(g, 0) : Object.is(g, poison))))
    }
  }
  t.end()
})
