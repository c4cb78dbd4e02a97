/** Random cases for fast-check. One seed for every run, so that a failure is a failure tomorrow too. */
import fc from 'fast-check'
import type { Test } from 'tap'
import { inputKinds, makeGradient, makeInput } from './inputs'
import type { ReferenceCall } from './reference'

const SEED = Number(process.env.JUMPOUT_TEST_SEED ?? 20190609)
const SCALE = Number(process.env.JUMPOUT_TEST_SCALE ?? 1)

/** Asserts a property over random cases, and says which: JUMPOUT_TEST_SEED, and JUMPOUT_TEST_SCALE times as many. */
export function holds<T>(t: Test, property: fc.IProperty<T>, cases: number): void {
  const numRuns = cases * SCALE
  t.doesNotThrow(
    () => fc.assert(property, { seed: SEED, numRuns }),
    `${numRuns} cases of JUMPOUT_TEST_SEED=${SEED}`,
  )
}

export async function holdsAsync<T>(t: Test, property: fc.IAsyncProperty<T>, cases: number): Promise<void> {
  const numRuns = cases * SCALE
  await t.resolves(
    () => fc.assert(property, { seed: SEED, numRuns }),
    `${numRuns} cases of JUMPOUT_TEST_SEED=${SEED}`,
  )
}

const MAX_RATE = 65535 / 65536
const MAX_ELEMENTS = 2048

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const rates = fc.oneof(between(0, MAX_RATE), fc.constantFrom(0, 0.2, 0.5, 2 ** -17, MAX_RATE))

const options = fc
  .record(
    {
      sigma: fc.oneof(between(0, 0.5), between(0, 5), fc.constant(0)),
      truncation: fc.tuple(rates, between(0, 1)),
      rate: rates,
      normalize: fc.boolean(),
      exponent: fc.oneof(fc.constantFrom(0, 0.5, 0.75, 1, 2), between(0, 12)),
      maxRate: rates,
      relu: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map(({ truncation, ...rest }) => ({
    ...rest,
    ...(truncation && { pMax: truncation[0], pMin: truncation[0] * truncation[1] }),
  }))

const sized = (rank: { minLength: number; maxLength: number }, max: number) =>
  fc
    .array(fc.integer({ min: 1, max }), rank)
    .filter((shape) => shape.reduce((a, b) => a * b, 1) <= MAX_ELEMENTS)

const layouts = fc.oneof(
  fc.record({
    shape: fc.oneof(
      sized({ minLength: 1, maxLength: 1 }, MAX_ELEMENTS),
      sized({ minLength: 2, maxLength: 4 }, 40),
    ),
  }),
  fc.record({
    shape: sized({ minLength: 1, maxLength: 4 }, 40),
    granularity: fc.constantFrom('batch', 'sample'),
  }),
  fc.record({
    shape: sized({ minLength: 2, maxLength: 4 }, 40),
    granularity: fc.constantFrom('batch', 'sample'),
    unit: fc.constantFrom('element', 'channel'),
    dataFormat: fc.constantFrom('channelsFirst', 'channelsLast'),
  }),
)

export interface RandomCase {
  call: ReferenceCall & { shape: number[] }
  input: Float32Array<ArrayBuffer>
  gradOutput: Float32Array<ArrayBuffer>
}

/** Options, layout, seed, call and input together. */
export const randomCases: fc.Arbitrary<RandomCase> = fc
  .record({
    options,
    layout: layouts,
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    call: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 2n }), fc.bigInt({ min: 0n, max: 3n })),
    kind: fc.constantFrom(...inputKinds),
    inputSeed: fc.integer(),
  })
  .map(({ options, layout, seed, call, kind, inputSeed }) => {
    const length = layout.shape.reduce((a, b) => a * b, 1)
    return {
      call: { ...options, ...layout, seed, call },
      input: makeInput(length, kind, inputSeed),
      gradOutput: makeGradient(length, inputSeed + 1),
    }
  })
