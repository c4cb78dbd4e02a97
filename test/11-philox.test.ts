/** Philox4x32-10: the known answers of Random123, for the reference, and for the library through foldIn and masks. */
import fc from 'fast-check'
import { foldIn, jumpoutForward } from 'jumpout'
import t from 'tap'
import { philox, philoxExact } from './support/philox'
import { holds } from './support/properties'
import { isKept } from './support/reference'

type Words = [number, number, number, number]
const ONES = 0xffffffff

/** Random123 1.14, kat_vectors: philox4x32, 10 rounds. */
const KNOWN: { counter: Words; key: [number, number]; output: Words }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], output: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [ONES, ONES, ONES, ONES],
    key: [ONES, ONES],
    output: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    output: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
]

t.test('the reference gives the known answers', (t) => {
  for (const { counter, key, output } of KNOWN) {
    t.same([...philox(counter, key)], output)
    t.same(philoxExact(counter.map(BigInt), key.map(BigInt)), output.map(BigInt))
  }
  t.end()
})

t.test('its 32-bit arithmetic is exact', (t) => {
  const word = fc.integer({ min: 0, max: ONES })
  holds(
    t,
    fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
      const exact = philoxExact(counter.map(BigInt), key.map(BigInt))
      return philox(counter, key).every((r, i) => BigInt(r) === exact[i])
    }),
    2000,
  )
  t.end()
})

t.test('foldIn of all ones is the all-ones answer', (t) => {
  const { output } = KNOWN[1]
  t.equal(foldIn(2n ** 64n - 1n, 2n ** 64n - 1n), (BigInt(output[1]) << 32n) | BigInt(output[0]))
  t.end()
})

/**
 * A fixed rate of w / 65536 drops exactly the lanes below w, so that bisection over rates reads the 16 bits of all eight
 * lanes of a block out of the masks.
 */
function readBlock(seed: bigint, call: bigint): number[] {
  const lanes = Array.from({ length: 8 }, () => ({ low: 0, high: 65536 }))
  const input = new Float32Array(8).fill(1)
  for (let lane = 0; lane < 8; ++lane) {
    const bounds = lanes[lane]
    while (bounds.high - bounds.low > 1) {
      const middle = (bounds.low + bounds.high) >> 1
      const { saved } = jumpoutForward(input, { seed, call, rate: middle / 65536, normalize: false })
      if (isKept(saved.mask as Uint32Array, lane)) bounds.low = middle
      else bounds.high = middle
    }
  }
  const words = [0, 1, 2, 3]
  return words.map((w) => (lanes[2 * w].low | (lanes[2 * w + 1].low << 16)) >>> 0)
}

t.test('the masks of seed 0, call 0 hold the all-zeros answer', (t) => {
  t.same(readBlock(0n, 0n), KNOWN[0].output)
  t.end()
})

t.test('the masks of any seed and call hold the block that the reference gives', (t) => {
  const seed = 0x299f31d0_a4093822n
  const call = 0x03707344_13198a2en / 2n
  t.same(readBlock(seed, call), [...philox([0, 0, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])])
  t.end()
})
