/** One call of the library, forward and backward, held against the reference in every way it can be made. */
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import { assertSame } from './bits'
import { assertSameGroups } from './groups'
import { Guarded } from './inputs'
import { backward, forward, type ReferenceCall, type ReferenceResult } from './reference'

export interface Expected extends ReferenceResult {
  gradInput: Float32Array
}

export function expectedOf(input: Float32Array, gradOutput: Float32Array, call: ReferenceCall): Expected {
  const result = forward(input, call)
  return { ...result, gradInput: backward(gradOutput, result, call, call.shard?.elementOffset) }
}

/** Throws where any result differs by a bit, or anything outside the given arrays was written. */
export function assertConforms(
  input: Float32Array,
  gradOutput: Float32Array,
  call: ReferenceCall,
  expected: Expected = expectedOf(input, gradOutput, call),
): void {
  const { output, mask, groups, gradInput } = expected

  const fresh = jumpoutForward(input, call)
  assertSame(fresh.output, output, 'fresh output')
  assertSame(fresh.saved.mask as Uint32Array, mask, 'mask of the library')
  assertSameGroups(fresh.saved.stats(), groups, 'stats')
  assertSame(jumpoutBackward(gradOutput, fresh.saved), gradInput, 'fresh gradient')

  const out = new Guarded(Float32Array, input.length)
  const ownMask = new Guarded(Uint32Array, mask.length)
  const given = jumpoutForward(input, { ...call, out: out.view, mask: ownMask.view })
  if (given.output !== out.view) throw new Error('the output is not the given array')
  if (given.saved.mask !== ownMask.view) throw new Error('the saved mask is not the given array')
  assertSame(out.view, output, 'given output')
  assertSame(ownMask.view, mask, 'given mask')
  if (!out.intact) throw new Error('written outside out')
  if (!ownMask.intact) throw new Error('written outside mask')

  const grad = new Guarded(Float32Array, input.length)
  assertSame(jumpoutBackward(gradOutput, given.saved, { out: grad.view }), gradInput, 'given gradient')
  if (!grad.intact) throw new Error('written outside the gradient')

  const inPlace = input.slice()
  const drawn = jumpoutForward(inPlace, { ...call, out: inPlace, saveMask: false })
  assertSame(inPlace, output, 'in place')
  if (drawn.saved.mask !== null) throw new Error('a mask was saved although none was wanted')
  assertSameGroups(drawn.saved.stats(), groups, 'stats in place')
  const gradInPlace = gradOutput.slice()
  jumpoutBackward(gradInPlace, drawn.saved, { out: gradInPlace, output: inPlace })
  assertSame(gradInPlace, gradInput, 'gradient in place, mask drawn again')
}
