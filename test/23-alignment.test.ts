/** Views at all offsets in their buffers: input, output and mask, each against the others. */
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { assertSame } from './support/bits'
import { expectedOf } from './support/conform'
import { Guarded, makeGradient, makeInput, placed } from './support/inputs'

const LENGTHS = [1, 3, 8, 31, 32, 33, 64, 100, 257, 1000]
const OFFSETS = Array.from({ length: 17 }, (_, i) => i)

for (const relu of [false, true]) {
  t.test(relu ? 'with relu' : 'without relu', (t) => {
    for (const length of LENGTHS) {
      const call = { seed: 3n, call: BigInt(length), sigma: 0.3, relu }
      const input = makeInput(length, 'signed', length)
      const gradOutput = makeGradient(length)
      const expected = expectedOf(input, gradOutput, call)
      for (const from of OFFSETS) {
        const x = placed(input, from)
        const g = placed(gradOutput, from)
        for (const to of OFFSETS) {
          const out = new Guarded(Float32Array, length, to)
          const mask = new Guarded(Uint32Array, expected.mask.length, (from + to) % 8)
          const { saved } = jumpoutForward(x, { ...call, out: out.view, mask: mask.view })
          assertSame(out.view, expected.output, `output, ${from} to ${to}`)
          assertSame(mask.view, expected.mask, `mask, ${from} to ${to}`)
          const grad = new Guarded(Float32Array, length, to)
          jumpoutBackward(g, saved, { out: grad.view })
          assertSame(grad.view, expected.gradInput, `gradient, ${from} to ${to}`)
          if (!out.intact || !mask.intact || !grad.intact)
            throw new Error(`written outside, ${from} to ${to}`)
        }
      }
      t.pass(`length ${length}: ${OFFSETS.length ** 2} pairs of offsets`)
    }
    t.end()
  })
}
