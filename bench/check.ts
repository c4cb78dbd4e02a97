import { jumpoutBackward, jumpoutForward, type Saved } from 'jumpout'
import { assertSame } from '../test/support/bits'
import * as reference from '../test/support/reference'
import { poison, reusedArray } from './data'

/** Compares forward, in place, and backward from mask and seed with the reference, by bits, at default options. */
export function checkAgainstReference(input: Float32Array, seed: number): void {
  const call = 7
  const expected = reference.forward(input, { seed: BigInt(seed), call: BigInt(call) })
  const check = (what: string, actual: Float32Array, saved: Saved, wanted: Float32Array) => {
    assertSame(actual, wanted, what)
    if (saved.mask !== null) assertSame(saved.mask as Uint32Array, expected.mask, `${what}: mask`)
  }
  const out = reusedArray(input.length)
  const forward = jumpoutForward(input, { seed, call, out })
  check('forward', forward.output, forward.saved, expected.output)

  const grad = reference.backward(input, expected)
  check('backward', jumpoutBackward(input, forward.saved, { out: poison(out) }), forward.saved, grad)

  const redrawn = jumpoutForward(input, { seed, call, out: poison(out), saveMask: false })
  check('forward without mask', redrawn.output, redrawn.saved, expected.output)
  check(
    'backward from the seed',
    jumpoutBackward(input, redrawn.saved, { out: poison(out) }),
    redrawn.saved,
    grad,
  )

  out.set(input)
  const inPlace = jumpoutForward(out, { seed, call, out })
  check('in place', inPlace.output, inPlace.saved, expected.output)
}

/** Checks plain dropout of another library: about `rate` of the elements are 0, the others scaled by 1 / (1 - rate). */
export function checkDropout(what: string, input: Float32Array, output: Float32Array, rate: number): void {
  let dropped = 0
  for (let i = 0; i < input.length; i++) {
    const expected = input[i] / (1 - rate)
    if (output[i] === 0) dropped++
    else if (!(Math.abs(output[i] - expected) <= 1e-6 * Math.abs(expected)))
      throw new Error(`${what}: element ${i} is ${output[i]}, neither 0 nor ${expected}`)
  }
  // 6 standard deviations of a binomial count
  if (!(Math.abs(dropped - input.length * rate) <= 6 * Math.sqrt(input.length * rate * (1 - rate)) + 1))
    throw new Error(`${what}: ${dropped} of ${input.length} elements were dropped at rate ${rate}`)
}
