/** Forward, backward and count on a device: the same bits as the reference and the CPU backend. */
import './support/device'
import fc from 'fast-check'
import { countActive, DeviceArray, jumpoutBackward, jumpoutForward, type Shard } from 'jumpout'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { assertConforms, expectedOf } from './support/conform'
import { assertConformsOnDevice, floatDtypes, placedOnDevice } from './support/device-conform'
import { goldenCases } from './support/golden'
import { assertSameGroups } from './support/groups'
import { inputKinds, makeGradient, makeInput } from './support/inputs'
import { holds, randomCases } from './support/properties'
import { relu } from './support/reference'

t.test('the golden vectors', (t) => {
  for (const { name, call, input, gradOutput, ...expected } of goldenCases) {
    t.doesNotThrow(() => assertConformsOnDevice(input, gradOutput, call, 'float32', 0, expected), name)
  }
  t.ok(goldenCases.length > 0)
  t.end()
})

for (const dtype of floatDtypes) {
  t.test(`random cases, ${dtype}`, (t) => {
    holds(
      t,
      fc.property(randomCases, fc.nat(3), ({ call, input, gradOutput }, offset) =>
        assertConformsOnDevice(input, gradOutput, call, dtype, offset),
      ),
      dtype === 'float32' ? 150 : 75,
    )
    t.end()
  })

  t.test(`every kind of input, ${dtype}`, (t) => {
    for (const kind of inputKinds) {
      for (const relu of [false, true]) {
        const input = makeInput(1000, kind)
        t.doesNotThrow(
          () => assertConformsOnDevice(input, makeGradient(1000), { seed: 5n, relu }, dtype),
          `${kind}${relu ? ', relu' : ''}`,
        )
      }
    }
    t.end()
  })
}

t.test('lengths around the borders of words, blocks and tiles', (t) => {
  for (const length of [1, 2, 31, 32, 33, 255, 256, 257, 8191, 8192, 8193]) {
    const call = { seed: 9n, call: 2n, relu: length % 2 === 0 }
    t.doesNotThrow(
      () => assertConformsOnDevice(makeInput(length, 'signed'), makeGradient(length), call),
      `${length} elements`,
    )
  }
  t.end()
})

t.test('an empty array', (t) => {
  const host = jumpoutForward(new Float32Array(0), { seed: 1 })
  const { output, saved } = jumpoutForward(DeviceArray.alloc(0), { seed: 1 })
  t.equal(output.length, 0)
  t.equal(saved.mask?.length, 0)
  t.strictSame(saved.stats(), host.saved.stats())
  t.equal(jumpoutBackward(output, saved).toHost().length, 0)
  t.end()
})

t.test('a longer array: the same bits as the CPU backend', (t) => {
  const input = makeInput(200_001, 'signed')
  const gradOutput = makeGradient(200_001)
  const call = { seed: 2n ** 64n - 1n, call: 2n ** 63n - 2n, relu: true }
  assertConforms(input, gradOutput, call)
  const host = jumpoutForward(input, call)
  const device = jumpoutForward(DeviceArray.from(input), call)
  equalBits(t, device.output.toHost(), host.output, 'output')
  equalBits(t, (device.saved.mask as DeviceArray<'uint32'>).toHost(), host.saved.mask as Uint32Array, 'mask')
  t.strictSame(device.saved.stats(), host.saved.stats(), 'stats')
  const gradient = jumpoutBackward(DeviceArray.from(gradOutput), device.saved)
  equalBits(t, gradient.toHost(), jumpoutBackward(gradOutput, host.saved), 'gradient')
  t.end()
})

t.test('a call number in the memory of the device', (t) => {
  const input = makeInput(500)
  const x = DeviceArray.from(input)
  const call = DeviceArray.from(BigUint64Array.of(41n, 77n)).subarray(0, 1)
  for (const number of [41n, 42n, 43n]) {
    const expected = jumpoutForward(input, { seed: 3, call: number })
    const { output, saved } = jumpoutForward(x, { seed: 3, call })
    equalBits(t, output.toHost(), expected.output, `call ${number}`)
    t.strictSame(saved.stats(), expected.saved.stats(), 'stats')
    equalBits(t, jumpoutBackward(x, saved).toHost(), jumpoutBackward(input, expected.saved), 'gradient')
  }
  t.equal(call.toHost()[0], 44n, 'advanced once a forward')
  const drawnAgain = jumpoutForward(x, { seed: 3, call, saveMask: false })
  const expected = jumpoutForward(input, { seed: 3, call: 44 })
  equalBits(
    t,
    jumpoutBackward(x, drawnAgain.saved).toHost(),
    jumpoutBackward(input, expected.saved),
    'without a mask, the gradient of that very call',
  )
  t.end()
})

t.test('a call number in the memory of the device ends after the last call', (t) => {
  const last = 2n ** 63n - 2n
  for (const options of [{}, { granularity: 'sample', shape: [5, 100] }, { rate: 0.5 }] as const) {
    const input = makeInput(500)
    const x = DeviceArray.from(input)
    const expected = jumpoutForward(input, { ...options, seed: 3, call: last })
    for (const number of [last, last + 1n, last + 2n, 2n ** 64n - 1n]) {
      const call = DeviceArray.from(BigUint64Array.of(number))
      const { output, saved } = jumpoutForward(x, { ...options, seed: 3, call })
      equalBits(t, output.toHost(), expected.output, `${number}: the last call`)
      t.equal(saved.call, last)
      equalBits(t, jumpoutBackward(x, saved).toHost(), jumpoutBackward(input, expected.saved), 'gradient')
      t.equal(call.toHost()[0], last + 1n)
    }
  }
  t.end()
})

t.test('counts that the producer made', (t) => {
  const input = makeInput(600, 'signed')
  const shape = [4, 150]
  const x = DeviceArray.from(input)
  for (const granularity of ['batch', 'sample'] as const) {
    const options = { seed: 1n, granularity, shape, relu: true }
    const expected = expectedOf(input, input, options)
    const counts = countActive(input, { granularity, shape }).active
    const active = DeviceArray.from(BigUint64Array.from(counts, BigInt))
    const { output, saved } = jumpoutForward(x, { ...options, active })
    equalBits(t, output.toHost(), expected.output, granularity)
    assertSameGroups(saved.stats(), expected.groups, granularity)
    // Given counts are not checked against the input.
    const wrong = DeviceArray.from(new BigUint64Array(counts.length).fill(1n))
    t.ok(
      jumpoutForward(x, { ...options, active: wrong })
        .saved.stats()
        .every((group) => group.active === 1),
      'other counts, other statistics',
    )
  }
  t.end()
})

t.test('countActive', (t) => {
  const input = makeInput(1200, 'signed')
  const shape = [6, 200]
  for (const dtype of floatDtypes) {
    const x = placedOnDevice(input, dtype, 3)
    const rounded = x.toHost()
    t.strictSame(countActive(x), countActive(rounded), dtype)
    t.strictSame(
      countActive(x, { granularity: 'sample', shape }),
      countActive(rounded, { granularity: 'sample', shape }),
      `${dtype}, samples`,
    )
    const part = { granularity: 'sample', shape, elementOffset: 150n } as const
    t.strictSame(
      countActive(x.subarray(150, 900), part),
      countActive(rounded.subarray(150, 900), part),
      `${dtype}, a part`,
    )
  }
  const x = DeviceArray.from(input)
  const out = DeviceArray.alloc(6, { dtype: 'uint64' })
  t.equal(countActive(x, { granularity: 'sample', shape, out }), out, 'into memory of the device')
  t.strictSame(
    Array.from(out.toHost(), Number),
    countActive(input, { granularity: 'sample', shape }).active,
    'the same counts',
  )
  t.strictSame(countActive(x.subarray(0, 0)), { active: [0], total: [0] }, 'nothing')
  t.end()
})

t.test('shards', (t) => {
  const shape = [5, 4, 60]
  const input = makeInput(1200, 'signed')
  const gradOutput = makeGradient(1200)
  for (const granularity of ['batch', 'sample'] as const) {
    for (const unit of [
      { unit: 'element' },
      { unit: 'channel' },
      { unit: 'channel', dataFormat: 'channelsLast' },
    ] as const) {
      const options = { seed: 8n, call: 1n, granularity, ...unit, shape, relu: true }
      const whole = expectedOf(input, gradOutput, options)
      const { active, total } = countActive(input, { granularity, shape })
      for (const [begin, end] of [
        [0, 512],
        [512, 777],
        [777, 1200],
      ]) {
        const first = granularity === 'sample' ? Math.floor(begin / 240) : 0
        const last = granularity === 'sample' ? Math.floor((end - 1) / 240) : 0
        const shard: Shard = {
          elementOffset: begin,
          active: active.slice(first, last + 1),
          total: total.slice(first, last + 1),
        }
        const x = DeviceArray.from(input.subarray(begin, end))
        const g = DeviceArray.from(gradOutput.subarray(begin, end))
        const counts = DeviceArray.from(BigUint64Array.from(shard.active, BigInt))
        const what = `${granularity}, ${JSON.stringify(unit)}, ${begin} to ${end}`
        for (const result of [
          jumpoutForward(x, { ...options, shard }),
          jumpoutForward(x, {
            ...options,
            shard: { elementOffset: begin, total: shard.total },
            active: counts,
          }),
        ]) {
          equalBits(t, result.output.toHost(), whole.output.slice(begin, end), what)
          assertSameGroups(result.saved.stats(), whole.groups.slice(first, last + 1), what)
          const gradient = jumpoutBackward(g, result.saved).toHost()
          assertSame(gradient, whole.gradInput.slice(begin, end), `${what}, gradient`)
        }
      }
    }
  }
  t.end()
})

t.test('more groups than fit a slab', (t) => {
  const shape = [1000, 3]
  const input = makeInput(3000, 'signed')
  const call = { seed: 4n, granularity: 'sample', shape } as const
  assertConformsOnDevice(input, makeGradient(3000), call)
  const { active, total } = countActive(input, { granularity: 'sample', shape })
  const { output } = jumpoutForward(DeviceArray.from(input), {
    ...call,
    shard: { elementOffset: 0, active, total },
  })
  equalBits(t, output.toHost(), expectedOf(input, input, call).output, 'counts of a thousand groups')
  t.end()
})

t.test('a fused ReLU is ReLU and then jumpout', (t) => {
  const input = makeInput(700, 'signed')
  const fused = jumpoutForward(DeviceArray.from(input), { seed: 6, relu: true })
  const apart = jumpoutForward(DeviceArray.from(relu(input)), { seed: 6 })
  equalBits(t, fused.output.toHost(), apart.output.toHost(), 'output')
  t.end()
})

t.test('many calls keep separate saved state', (t) => {
  const input = makeInput(64)
  const x = DeviceArray.from(input)
  const results = Array.from({ length: 500 }, (_, call) => jumpoutForward(x, { seed: 1, call }).saved)
  for (const [call, saved] of results.entries()) {
    const expected = jumpoutForward(input, { seed: 1, call }).saved
    assertSameGroups(saved.stats(), [...expected.stats()], `call ${call}`)
    assertSame(
      (saved.mask as DeviceArray<'uint32'>).toHost(),
      expected.mask as Uint32Array,
      `mask of call ${call}`,
    )
  }
  t.end()
})
