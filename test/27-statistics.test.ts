/**
 * Rates and means match their expectations. Every bound is five standard errors of the quantity: a correct generator fails
 * one in 1.7 million such comparisons, and the seeds are fixed.
 */
import { jumpoutForward } from 'jumpout'
import t from 'tap'
import { correlation, mean } from './support/distribution'
import { makeInput } from './support/inputs'
import { isKept } from './support/reference'

const SIGMAS = 5
const N = 1_000_000
const ones = new Float32Array(N).fill(1)

const fraction = (array: Float32Array, predicate: (x: number) => boolean) =>
  array.reduce((count, x) => count + Number(predicate(x)), 0) / array.length

t.test('the dropped fraction is the effective rate', (t) => {
  for (const rate of [0.01, 0.1, 0.2, 0.5, 0.6, 0.9, 65535 / 65536]) {
    const { output, saved } = jumpoutForward(ones, {
      seed: 1,
      call: Math.round(rate * 1000),
      rate,
      normalize: false,
    })
    const { effectiveRate } = saved.stats()[0]
    t.ok(Math.abs(effectiveRate - rate) <= 2 ** -17, `${rate} is realised as ${effectiveRate}`)
    const bound = SIGMAS * Math.sqrt((effectiveRate * (1 - effectiveRate)) / N)
    const dropped = fraction(output, (y) => y === 0)
    t.ok(Math.abs(dropped - effectiveRate) <= bound, `${dropped} of ${effectiveRate} +- ${bound} fell`)
  }
  t.end()
})

t.test('a rate of 0 drops nothing and changes nothing', (t) => {
  const input = makeInput(N, 'signed')
  const { output, saved } = jumpoutForward(input, { seed: 1, rate: 0 })
  t.same(saved.stats()[0], {
    active: fraction(input, (x) => x > 0) * N,
    total: N,
    rate: 0,
    effectiveRate: 0,
    scale: 1,
  })
  t.ok(output.every((y, i) => y === input[i]))
  t.end()
})

t.test('normalised, the rate among active elements times their fraction is the base rate (II)', (t) => {
  for (const zeros of [0.2, 0.5, 0.7]) {
    const input = makeInput(N, 'positive').map((x, i) => (i % 10 < 10 * zeros ? 0 : x))
    const rate = 0.15
    const { saved } = jumpoutForward(input, { seed: 2, rate })
    const { active, effectiveRate } = saved.stats()[0]
    t.equal(active, Math.round(N * (1 - zeros)))
    t.ok(Math.abs(effectiveRate - rate / (1 - zeros)) <= 2 ** -17)
    const mask = saved.mask as Uint32Array
    let fallen = 0
    input.forEach((x, i) => (fallen += Number(x > 0 && !isKept(mask, i))))
    const bound = SIGMAS * Math.sqrt((effectiveRate * (1 - effectiveRate)) / active)
    t.ok(
      Math.abs(fallen / active - effectiveRate) <= bound,
      `${fallen / active} of ${effectiveRate} +- ${bound}`,
    )
  }
  t.end()
})

t.test('with exponent 1 the mean is kept, with exponent e it is (1 - p)^(1 - e) of it (III)', (t) => {
  const input = makeInput(N, 'positive')
  const inputMean = mean(input)
  for (const exponent of [0, 0.5, 0.75, 1]) {
    for (const rate of [0.1, 0.5]) {
      const { output, saved } = jumpoutForward(input, {
        seed: 3,
        call: exponent * 4,
        rate,
        normalize: false,
        exponent,
      })
      const { effectiveRate, scale } = saved.stats()[0]
      const expected = inputMean * (1 - effectiveRate) ** (1 - exponent)
      const variance = mean(input.map((x) => (x * scale) ** 2)) * effectiveRate * (1 - effectiveRate)
      const bound = SIGMAS * Math.sqrt(variance / N)
      t.ok(
        Math.abs(mean(output) - expected) <= bound,
        `exponent ${exponent}, rate ${rate}: ${expected} +- ${bound}`,
      )
    }
  }
  t.end()
})

t.test('every lane of a block drops at the same rate', (t) => {
  const rate = 0.3
  const { saved } = jumpoutForward(ones, { seed: 4, rate, normalize: false })
  const mask = saved.mask as Uint32Array
  const fallen = new Array<number>(8).fill(0)
  for (let i = 0; i < N; ++i) fallen[i % 8] += Number(!isKept(mask, i))
  const bound = SIGMAS * Math.sqrt((rate * (1 - rate)) / (N / 8))
  for (const [lane, count] of fallen.entries()) {
    t.ok(Math.abs(count / (N / 8) - rate) <= bound, `lane ${lane}: ${count / (N / 8)}`)
  }
  t.end()
})

t.test('decisions are not correlated over elements, calls, seeds', (t) => {
  const n = 200_000
  const input = new Float32Array(n + 64).fill(1)
  const draw = (seed: bigint, call: bigint) => [
    ...jumpoutForward(input, { seed, call, rate: 0.5, normalize: false }).output.map(Math.sign),
  ]
  const base = draw(5n, 0n)
  const bound = SIGMAS / Math.sqrt(n)
  const check = (other: number[], what: string) => {
    const r = correlation(base.slice(0, n), other.slice(0, n))
    t.ok(Math.abs(r) <= bound, `${what}: ${r}, at most ${bound}`)
  }
  for (const lag of [1, 2, 4, 7, 8, 9, 16, 32, 64]) check(base.slice(lag), `lag ${lag}`)
  for (const call of [1n, 2n, 2n ** 31n, 2n ** 32n]) check(draw(5n, call), `call ${call}`)
  for (const seed of [4n, 6n, 5n + 2n ** 32n, 5n + 2n ** 63n]) check(draw(seed, 0n), `seed ${seed}`)
  t.end()
})

t.test('channels are dropped as a whole, at the rate', (t) => {
  const [samples, channels, plane] = [500, 40, 9]
  const input = ones.subarray(0, samples * channels * plane)
  const rate = 0.3
  const shape = [samples, channels, plane]
  const { output } = jumpoutForward(input, { seed: 6, rate, normalize: false, unit: 'channel', shape })
  let fallen = 0
  let mixed = 0
  for (let unit = 0; unit < samples * channels; ++unit) {
    const kept = output.subarray(unit * plane, (unit + 1) * plane).filter((y) => y !== 0).length
    fallen += Number(kept === 0)
    mixed += Number(kept !== 0 && kept !== plane)
  }
  t.equal(mixed, 0, 'no channel fell in part')
  const units = samples * channels
  const bound = SIGMAS * Math.sqrt((rate * (1 - rate)) / units)
  t.ok(Math.abs(fallen / units - rate) <= bound, `${fallen / units} of ${rate} +- ${bound} fell`)
  t.end()
})
