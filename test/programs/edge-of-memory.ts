/**
 * WebAssembly memory is followed by pages without access, so that arrays at its very end turn an access of one
 * element too many into a crash.
 */
import { countActive, jumpoutBackward, jumpoutForward } from 'jumpout'
import { assertSame } from '../support/bits'
import { expectedOf } from '../support/conform'
import { makeGradient, makeInput } from '../support/inputs'
import { PAGE_BYTES, wasmMemory } from '../support/webassembly'

const ends = Array.from({ length: 5 }, () => wasmMemory({ initial: 1 }).buffer)

const floatsAtEnd = (index: number, length: number) =>
  new Float32Array(ends[index], PAGE_BYTES - 4 * length, length)

for (const relu of [false, true]) {
  for (let length = 1; length <= 300; ++length) {
    const call = { seed: 1n, call: BigInt(length), relu, sigma: 0.3 }
    const [x, y, g, grad] = [0, 1, 2, 3].map((i) => floatsAtEnd(i, length)) as Float32Array[] as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    x.set(makeInput(length, 'signed', length))
    g.set(makeGradient(length))
    const expected = expectedOf(x, g, call)
    const mask = new Uint32Array(ends[4], PAGE_BYTES - 4 * expected.mask.length, expected.mask.length)
    countActive(x)
    const { saved } = jumpoutForward(x, { ...call, out: y, mask })
    assertSame(y, expected.output, `output, ${length}`)
    assertSame(mask, expected.mask, `mask, ${length}`)
    assertSame(jumpoutBackward(g, saved, { out: grad }), expected.gradInput, `gradient, ${length}`)
    const drawn = jumpoutForward(x, { ...call, out: y, saveMask: false })
    assertSame(
      jumpoutBackward(g, drawn.saved, { out: grad, output: y }),
      expected.gradInput,
      `drawn, ${length}`,
    )
  }
}
console.log('done')
