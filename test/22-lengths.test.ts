/** Every length at which the end of a vector loop could go wrong. */
import t from 'tap'
import { assertConforms } from './support/conform'
import { type InputKind, makeGradient, makeInput } from './support/inputs'
import type { ReferenceCall } from './support/reference'

const short = Array.from({ length: 300 }, (_, i) => i + 1)
const aroundPowers = Array.from({ length: 10 }, (_, i) => 2 ** (i + 9)).flatMap((n) => [n - 1, n, n + 1])

function check(length: number, kind: InputKind, options: Partial<ReferenceCall>): void {
  const call = { sigma: 0.3, ...options, seed: BigInt(length) + 2n ** 40n, call: BigInt(length) }
  assertConforms(makeInput(length, kind, length), makeGradient(length, length), call)
}

t.test('elements', (t) => {
  for (const length of [...short, ...aroundPowers]) {
    t.doesNotThrow(() => check(length, 'activations', {}), `${length}`)
    t.doesNotThrow(() => check(length, 'signed', { relu: true }), `${length}, relu`)
  }
  t.end()
})

t.test('channels: planes of every length', (t) => {
  for (const plane of short) {
    const shape = [2, 9, plane]
    t.doesNotThrow(() => check(18 * plane, 'activations', { unit: 'channel', shape }), `${plane}`)
    t.doesNotThrow(
      () => check(18 * plane, 'signed', { unit: 'channel', shape, relu: true }),
      `${plane}, relu`,
    )
  }
  t.end()
})

t.test('samples of every length', (t) => {
  for (const size of short) {
    const shape = [5, size]
    t.doesNotThrow(() => check(5 * size, 'activations', { granularity: 'sample', shape }), `${size}`)
    t.doesNotThrow(
      () => check(5 * size, 'signed', { granularity: 'sample', shape, relu: true }),
      `${size}, relu`,
    )
  }
  t.end()
})

t.test('samples of channels', (t) => {
  for (const plane of [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49, 63, 64, 65, 196]) {
    for (const channels of [1, 2, 3, 7, 8, 9, 16, 17]) {
      const shape = [4, channels, plane]
      const options = { granularity: 'sample', unit: 'channel', shape } as const
      t.doesNotThrow(() => check(4 * channels * plane, 'activations', options), `[${shape.join(', ')}]`)
    }
  }
  t.end()
})
