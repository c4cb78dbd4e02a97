/** Ways to make a call on the host. Each throws unless it gives the bits of the plain call. */
import {
  countActive,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  release,
  type Saved,
} from 'jumpout'
import { setImmediate } from 'node:timers/promises'
import { assertBits, type Case, statsOf } from './cases'
import type { Lane } from './lane'

export type Way = (lane: Lane) => Promise<void> | void

export function assertForward(
  { expected }: Pick<Case, 'expected'>,
  output: Float32Array,
  saved: Saved,
  what: string,
): void {
  assertBits(output, expected.output, `output, ${what}`)
  if (saved.mask !== null) assertBits(saved.mask as Uint32Array, expected.mask, `mask, ${what}`)
  if (statsOf(saved) !== expected.stats) throw new Error(`statistics, ${what}: ${statsOf(saved)}`)
}

export const assertGradient = ({ expected }: Case, gradient: Float32Array, what: string): void =>
  assertBits(gradient, expected.gradient, `gradient, ${what}`)

const POISON = new Float32Array(Uint32Array.of(0xdeadbeef).buffer)[0]

const splits = (length: number, parts: number): { begin: number; end: number }[] =>
  Array.from({ length: parts }, (_, part) => ({
    begin: Math.floor((length * part) / parts),
    end: Math.floor((length * (part + 1)) / parts),
  })).filter(({ begin, end }) => end > begin)

export const hostWays: Record<string, Way> = {
  /** Looked at after other calls of this thread: no memory may be handed out twice. */
  async fresh(lane) {
    const one = lane.case()
    const { output, saved } = jumpoutForward(one.input, one.call)
    const gradient = jumpoutBackward(one.gradient, saved)
    await setImmediate()
    assertForward(one, output, saved, 'fresh')
    assertGradient(one, gradient, 'fresh')
    if (lane.chance(0.5)) release(output)
    if (lane.chance(0.5)) release(gradient)
  },
  given(lane) {
    const one = lane.case()
    const out = lane.memory(one.input.length)
    const mask = new Uint32Array(one.expected.mask.length)
    const { saved } = jumpoutForward(one.input, { ...one.call, out, mask })
    assertForward(one, out, saved, 'given memory')
    assertGradient(one, jumpoutBackward(one.gradient, saved, { out }), 'given memory')
  },
  inPlace(lane) {
    const one = lane.case()
    const array = lane.memory(one.input.length)
    array.set(one.input)
    const { saved } = jumpoutForward(array, { ...one.call, out: array })
    assertForward(one, array, saved, 'in place')
    array.set(one.gradient)
    assertGradient(one, jumpoutBackward(array, saved, { out: array }), 'in place')
  },
  withoutMask(lane) {
    const one = lane.case()
    const { output, saved } = jumpoutForward(one.input, { ...one.call, saveMask: false })
    assertForward(one, output, saved, 'without a mask')
    assertGradient(one, jumpoutBackward(one.gradient, saved, { output }), 'without a mask')
  },
  shards(lane) {
    const one = lane.case()
    const { input, call, gradient, expected } = one
    const { granularity = 'batch', shape } = call
    const groupSize = granularity === 'sample' ? input.length / shape[0] : input.length
    const groups = input.length / groupSize
    const active = new Array<number>(groups).fill(0)
    const parts = splits(input.length, 1 + lane.below(4)).map((part) => ({
      ...part,
      first: Math.floor(part.begin / groupSize),
      last: Math.floor((part.end - 1) / groupSize),
    }))
    for (const { begin, end, first } of parts) {
      const counted = countActive(input.subarray(begin, end), { granularity, shape, elementOffset: begin })
      counted.active.forEach((count, g) => (active[first + g] += count))
    }
    for (const { begin, end, first, last } of parts) {
      const shard = {
        elementOffset: begin,
        active: active.slice(first, last + 1),
        total: new Array<number>(last - first + 1).fill(groupSize),
      }
      const { output, saved } = jumpoutForward(input.subarray(begin, end), { ...call, shard })
      assertBits(output, expected.output.subarray(begin, end), 'output, shards')
      const ofPart = jumpoutBackward(gradient.subarray(begin, end), saved)
      assertBits(ofPart, expected.gradient.subarray(begin, end), 'gradient, shards')
    }
  },
  layer(lane) {
    const held = lane.layer()
    const one = held.next()
    const { layer } = held
    assertBits(layer.forward(one.input), one.expected.output, 'output, layer')
    if (JSON.stringify(layer.stats) !== one.expected.stats) throw new Error('statistics, layer')
    assertGradient(one, layer.backward(one.gradient), 'layer')
    if (layer.calls !== one.call.call + 1n) throw new Error(`calls of a layer: ${layer.calls}`)
  },
  /** A forward, other calls of this thread, then its backward. */
  async layerCall(lane) {
    const held = lane.layer()
    const one = held.next()
    const { output, saved } = held.layer.call(one.input)
    await setImmediate()
    assertForward(one, output, saved, 'call of a layer')
    const again = held.layer.call(one.input, { call: saved.call })
    assertForward(one, again.output, again.saved, 'repeated call of a layer')
    assertGradient(one, held.layer.backward(one.gradient, { saved }), 'call of a layer')
  },
  async asynchronous(lane) {
    const one = lane.case()
    const { signal } = new AbortController()
    const options = lane.chance(0.5) ? { signal } : {}
    const { output, saved } = await jumpoutForwardAsync(one.input, { ...one.call, ...options })
    assertForward(one, output, saved, 'asynchronous')
    const withOutput = lane.chance(0.5) ? { out: output } : {}
    const gradient = await jumpoutBackwardAsync(one.gradient, saved, { ...withOutput, ...options })
    assertGradient(one, gradient, 'asynchronous')
  },
  async asynchronousInPlace(lane) {
    const one = lane.case()
    const array = one.input.slice()
    const { saved } = await jumpoutForwardAsync(array, { ...one.call, out: array, saveMask: false })
    assertForward(one, array, saved, 'asynchronous, in place')
    const gradient = await jumpoutBackwardAsync(one.gradient, saved, { output: array })
    assertGradient(one, gradient, 'asynchronous, in place')
  },
  /** It rejects with the reason and has written nothing, or it is done. */
  async aborted(lane) {
    const one = lane.caseWithin(100_000)
    const out = new Float32Array(one.input.length).fill(POISON)
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('aborted')
    const early = lane.chance(0.2)
    if (early) controller.abort(reason)
    const result = jumpoutForwardAsync(one.input, { ...one.call, out, signal })
    result.catch(() => undefined)
    if (lane.chance(0.5)) await setImmediate()
    controller.abort(reason)
    try {
      assertForward(one, out, (await result).saved, 'aborted too late')
      if (early) throw new Error('an aborted signal was ignored')
    } catch (error) {
      if (error !== reason) throw error
      assertBits(out, new Float32Array(out.length).fill(POISON), 'output of a call that was aborted')
    }
  },
  count(lane) {
    const { input, call, expected } = lane.case()
    const { granularity, shape } = call
    const { active } = countActive(input, { granularity, shape })
    const groups = JSON.parse(expected.stats) as { active: number }[]
    if (groups.some((group, g) => group.active !== active[g])) throw new Error('counts')
  },
}
