/** The outputs of shards, cut anywhere, equal the output of the whole tensor. */
import fc from 'fast-check'
import { countActive, jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { holds, randomCases, type RandomCase } from './support/properties'
import { isKept } from './support/reference'

const UNITS = [
  { unit: 'element' },
  { unit: 'channel' },
  { unit: 'channel', dataFormat: 'channelsLast' },
] as const

interface Piece {
  begin: number
  end: number
}

function pieces(length: number, cuts: readonly number[]): Piece[] {
  const ends = [...new Set([0, length, ...cuts.map((cut) => Math.floor(cut * length))])].sort((a, b) => a - b)
  return ends.slice(1).map((end, i) => ({ begin: ends[i], end }))
}

/** Steps of a real engine: count every shard, sum the counts of each group, hand each shard the groups it touches. */
function assertSplits({ call, input, gradOutput }: RandomCase, cuts: readonly number[]): void {
  const { granularity = 'batch', shape } = call
  const groupSize = granularity === 'sample' ? input.length / shape[0] : input.length
  const groupCount = granularity === 'sample' ? shape[0] : 1
  const layout = { granularity, shape }
  const shards = pieces(input.length, cuts).map(({ begin, end }) => {
    const firstGroup = Math.floor(begin / groupSize)
    const lastGroup = Math.floor((end - 1) / groupSize)
    return { begin, end, firstGroup, lastGroup }
  })

  const active = new Array<number>(groupCount).fill(0)
  const total = new Array<number>(groupCount).fill(0)
  for (const { begin, end, firstGroup } of shards) {
    const counted = countActive(input.subarray(begin, end), { ...layout, elementOffset: begin })
    counted.active.forEach((count, g) => (active[firstGroup + g] += count))
    counted.total.forEach((count, g) => (total[firstGroup + g] += count))
  }

  const whole = jumpoutForward(input, call)
  const wholeMask = whole.saved.mask as Uint32Array
  const wholeGradient = jumpoutBackward(gradOutput, whole.saved)
  for (const { begin, end, firstGroup, lastGroup } of shards) {
    const where = `elements ${begin} to ${end}`
    const shard = {
      elementOffset: begin,
      active: active.slice(firstGroup, lastGroup + 1),
      total: total.slice(firstGroup, lastGroup + 1),
    }
    const { output, saved } = jumpoutForward(input.subarray(begin, end), { ...call, shard })
    assertSame(output, whole.output.subarray(begin, end), `output, ${where}`)
    const mask = saved.mask as Uint32Array
    for (let i = begin; i < end; ++i) {
      if (isKept(mask, i - begin) !== isKept(wholeMask, i)) throw new Error(`mask of element ${i}, ${where}`)
    }
    const gradient = gradOutput.subarray(begin, end)
    const expected = wholeGradient.subarray(begin, end)
    assertSame(jumpoutBackward(gradient, saved), expected, `gradient, ${where}`)
    const drawn = jumpoutForward(input.subarray(begin, end), { ...call, shard, saveMask: false })
    assertSame(jumpoutBackward(gradient, drawn.saved, { output }), expected, `gradient drawn again, ${where}`)
    const statistics = whole.saved.stats().slice(firstGroup, lastGroup + 1)
    if (JSON.stringify(saved.stats()) !== JSON.stringify(statistics)) throw new Error(`stats, ${where}`)
  }
}

t.test('any layout, cut anywhere', (t) => {
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 0, maxLength: 6 })
  holds(t, fc.property(randomCases, cuts, assertSplits), 600)
  t.end()
})

t.test('every cut of a small tensor, channels and samples included', (t) => {
  const shape = [3, 4, 5]
  for (const granularity of ['batch', 'sample'] as const) {
    for (const unit of UNITS) {
      const call = { granularity, ...unit, shape, seed: 8n, call: 2n, sigma: 0.4 }
      for (let cut = 1; cut < 60; ++cut) {
        t.doesNotThrow(
          () => assertSplits({ call, input: makeInput(60), gradOutput: makeGradient(60) }, [cut / 60 + 1e-9]),
          `${granularity}, ${JSON.stringify(unit)}, ${cut}`,
        )
      }
    }
  }
  t.end()
})

t.test('masks of shards whose lengths are multiples of 32 concatenate', (t) => {
  const input = makeInput(320)
  const whole = jumpoutForward(input, { seed: 6, shape: [320] }).saved.mask as Uint32Array
  const { active, total } = countActive(input)
  const masks = [0, 96, 224].map((begin, i, begins) => {
    const part = input.subarray(begin, begins[i + 1] ?? 320)
    const { saved } = jumpoutForward(part, {
      seed: 6,
      shape: [320],
      shard: { elementOffset: begin, active, total },
    })
    return [...(saved.mask as Uint32Array)]
  })
  t.strictSame(masks.flat(), [...whole])
  t.end()
})

t.test('a shape is not needed where the whole is one group of elements', (t) => {
  const input = makeInput(100)
  const expected = jumpoutForward(input, { seed: 6 })
  const { active, total } = countActive(input)
  const part = input.subarray(37)
  const { output, saved } = jumpoutForward(part, { seed: 6, shard: { elementOffset: 37, active, total } })
  equalBits(t, output, expected.output.subarray(37), 'output')
  t.strictSame(saved.stats(), expected.saved.stats())
  t.end()
})

t.test('an offset as bigint is the same offset', (t) => {
  const input = makeInput(100)
  const shard = { active: [500], total: [2 ** 40] }
  const call = { seed: 6, shape: [2 ** 40] }
  const asNumber = jumpoutForward(input, { ...call, shard: { ...shard, elementOffset: 2 ** 35 + 3 } })
  const asBigint = jumpoutForward(input, { ...call, shard: { ...shard, elementOffset: 2n ** 35n + 3n } })
  equalBits(t, asBigint.output, asNumber.output, 'output')
  t.end()
})
