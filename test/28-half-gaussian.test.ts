/** The drawn base rates (I) follow the truncated half-Gaussian. */
import { jumpoutForward } from 'jumpout'
import t from 'tap'
import { correlation, halfGaussianCdf, kolmogorovSmirnov } from './support/distribution'

const N = 20_000
/** Kolmogorov and Smirnov's bound at a significance of 0.001: sqrt(ln(2 / 0.001) / 2) / sqrt(n). */
const BOUND = Math.sqrt(Math.log(2000) / 2 / N)
const one = Float32Array.of(1)
const WIDEST = { pMin: 0, pMax: 65535 / 65536 }

const ratesOverCalls = (seed: bigint, options: object) =>
  Array.from(
    { length: N },
    (_, call) => jumpoutForward(one, { seed, call, ...options }).saved.stats()[0].rate,
  )

const ratesOverSamples = (seed: bigint, options: object) =>
  jumpoutForward(new Float32Array(N).fill(1), { seed, granularity: 'sample', shape: [N, 1], ...options })
    .saved.stats()
    .map(({ rate }) => rate)

for (const [what, draw] of [
  ['over calls', ratesOverCalls],
  ['over samples', ratesOverSamples],
] as const) {
  t.test(`${what}: half-Gaussian`, (t) => {
    // At sigma 0.1 the truncation at 65535/65536 lies ten deviations out.
    const rates = draw(11n, { sigma: 0.1, ...WIDEST })
    const distance = kolmogorovSmirnov(rates, (rate) => halfGaussianCdf(rate / 0.1))
    t.ok(distance <= BOUND, `distance ${distance}, at most ${BOUND}`)
    t.end()
  })

  t.test(`${what}: shifted by pMin, truncated at pMax`, (t) => {
    const [sigma, pMin, pMax] = [0.3, 0.05, 0.35]
    const rates = draw(12n, { sigma, pMin, pMax })
    t.ok(rates.every((rate) => rate >= pMin && rate <= pMax))
    const below = rates.filter((rate) => rate < pMax)
    const share = halfGaussianCdf((pMax - pMin) / sigma)
    const bound = 5 * Math.sqrt((share * (1 - share)) / N)
    t.ok(
      Math.abs(below.length / N - share) <= bound,
      `${below.length / N} of ${share} +- ${bound} below pMax`,
    )
    const distance = kolmogorovSmirnov(below, (rate) => halfGaussianCdf((rate - pMin) / sigma) / share)
    t.ok(distance <= Math.sqrt(Math.log(2000) / 2 / below.length), `distance ${distance}`)
    t.end()
  })

  t.test(`${what}: successive draws are uncorrelated`, (t) => {
    const rates = draw(13n, { sigma: 0.1, ...WIDEST })
    const bound = 5 / Math.sqrt(N)
    for (const lag of [1, 2, 8]) {
      const r = correlation(rates.slice(0, N - lag), rates.slice(lag))
      t.ok(Math.abs(r) <= bound, `lag ${lag}: ${r}`)
    }
    t.end()
  })
}

t.test('sigma 0 draws pMin', (t) => {
  t.ok(ratesOverCalls(14n, { sigma: 0, pMin: 0.2 }).every((rate) => rate === 0.2))
  t.end()
})

t.test('a fixed rate is reported as it was given', (t) => {
  t.ok(ratesOverCalls(15n, { rate: 0.2 }).every((rate) => rate === 0.2))
  t.end()
})
