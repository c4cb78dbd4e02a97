/** One call on a device, forward and backward, held against the reference in every way it can be made. */
import { DeviceArray, type DType, jumpoutBackward, jumpoutForward } from 'jumpout'
import { assertSame } from './bits'
import { type Expected, expectedOf } from './conform'
import { assertSameGroups } from './groups'
import { storedAll } from './half'
import type { ReferenceCall } from './reference'

export type FloatDType = 'float32' | 'float16' | 'bfloat16'
export const floatDtypes = ['float32', 'float16', 'bfloat16'] as const

const POISON = 0xdeadbeef
const poisoned = (dtype: DType, length: number): Float32Array | Uint32Array => {
  const words = new Uint32Array(length).fill(POISON)
  return dtype === 'uint32' ? words : new Float32Array(words.buffer)
}

/** An array for a result, in the middle of poisoned memory, so that stray and missing writes both show. */
export class GuardedOnDevice<D extends FloatDType | 'uint32'> {
  readonly view: DeviceArray<D>
  readonly #whole: DeviceArray<D>
  readonly #before: ArrayLike<number>
  readonly #offset: number

  constructor(dtype: D, length: number, offset = 1) {
    const values = poisoned(dtype, offset + length + 16)
    this.#whole = DeviceArray.from(values as Float32Array, { dtype: dtype as 'float32' }) as DeviceArray<D>
    this.view = this.#whole.subarray(offset, offset + length)
    this.#offset = offset
    this.#before = this.#whole.toHost()
  }

  /** Nothing was written outside the view. */
  get intact(): boolean {
    const end = this.#offset + this.view.length
    const now = Array.from(this.#whole.toHost() as ArrayLike<number>)
    return now.every((x, i) => (i >= this.#offset && i < end) || Object.is(x, this.#before[i]))
  }

  free(): void {
    this.#whole.free()
  }
}

/** A copy that starts `offset` elements into its memory. */
export function placedOnDevice<D extends FloatDType>(
  values: Float32Array,
  dtype: D,
  offset = 0,
): DeviceArray<D> {
  const whole = DeviceArray.alloc(values.length + offset, { dtype })
  return whole.subarray(offset).copyFrom(values as never)
}

/** What a device makes of these values: 16-bit inputs and outputs are rounded, everything between is as in float32. */
export function expectedOnDevice(
  input: Float32Array,
  gradOutput: Float32Array,
  call: ReferenceCall,
  dtype: FloatDType,
): Expected {
  const expected = expectedOf(storedAll(input, dtype), storedAll(gradOutput, dtype), call)
  return {
    ...expected,
    output: storedAll(expected.output, dtype),
    gradInput: storedAll(expected.gradInput, dtype),
  }
}

/** Throws where any result differs by a bit, or anything outside the given arrays was written. */
export function assertConformsOnDevice(
  input: Float32Array,
  gradOutput: Float32Array,
  call: ReferenceCall,
  dtype: FloatDType = 'float32',
  offset = 0,
  expected: Expected = expectedOnDevice(input, gradOutput, call, dtype),
): void {
  const { output, mask, groups, gradInput } = expected
  const x = placedOnDevice(input, dtype, offset)
  const g = placedOnDevice(gradOutput, dtype, offset)

  const fresh = jumpoutForward(x, call)
  assertSame(fresh.output.toHost(), output, 'fresh output')
  assertSame((fresh.saved.mask as DeviceArray<'uint32'>).toHost(), mask, 'mask of the library')
  assertSameGroups(fresh.saved.stats(), groups, 'stats')
  assertSame(jumpoutBackward(g, fresh.saved).toHost(), gradInput, 'fresh gradient')
  assertSame(x.toHost(), storedAll(input, dtype), 'the input afterwards')

  const out = new GuardedOnDevice(dtype, input.length, offset + 1)
  const ownMask = new GuardedOnDevice('uint32', mask.length)
  const given = jumpoutForward(x, { ...call, out: out.view, mask: ownMask.view })
  if (given.output !== out.view) throw new Error('the output is not the given array')
  if (given.saved.mask !== ownMask.view) throw new Error('the saved mask is not the given array')
  assertSame(out.view.toHost(), output, 'given output')
  assertSame(ownMask.view.toHost(), mask, 'given mask')
  if (!out.intact) throw new Error('written outside out')
  if (!ownMask.intact) throw new Error('written outside mask')

  const inPlace = placedOnDevice(input, dtype, offset)
  const drawn = jumpoutForward(inPlace, { ...call, out: inPlace, saveMask: false })
  assertSame(inPlace.toHost(), output, 'in place')
  if (drawn.saved.mask !== null) throw new Error('a mask was saved although none was wanted')
  assertSameGroups(drawn.saved.stats(), groups, 'stats in place')
  jumpoutBackward(g, drawn.saved, { out: g, output: inPlace })
  assertSame(g.toHost(), gradInput, 'gradient in place, mask drawn again')

  for (const array of [x, g, out, ownMask, inPlace, fresh.output]) array.free()
}
