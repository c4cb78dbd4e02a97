/** calls.ts <failing.node>, preloaded: each call of the addon, while its n-th native allocation fails. */
import {
  countActive,
  jumpoutBackward,
  jumpoutForward,
  jumpoutForwardAsync,
  jumpoutBackwardAsync,
  runtime,
} from 'jumpout'
import { at, descriptor, native } from '../../../lib/native'
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'

interface Failing {
  /** From now on the n-th allocation fails; 0: none. Gives how many have failed so far. */
  letFail(n: number): number
  /** Blocks that the addon has in use. */
  blocks(): number
}

const failing = require(process.argv[2]) as Failing
const input = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i))
const wrong = new Float32Array(999)
const options = { seed: 1n, call: 2n }
const { saved } = jumpoutForward(input, options)
/** Its value is refused below TypeScript: the addon makes the sentence. */
const overlapping = () => {
  const memory = new Float32Array(1001)
  return { from: memory.subarray(0, 1000), to: memory.subarray(1) }
}

type Outcome = { result: unknown } | { code: string; name: string; message: string }

const outcomeOf = async (call: () => unknown): Promise<Outcome> => {
  try {
    return { result: await call() }
  } catch (error) {
    const { code, name, message } = error as Error & { code: string }
    return { code, name, message }
  }
}

const addon = require(runtime.binary) as { keepPages(): void }

/** Refused where the addon reads the numbers of a call. */
function outsideItsRange(): void {
  jumpoutForward(input, options)
  descriptor[at.unitSize] = -1
  native.forward(input, input, undefined, undefined)
}

const calls: Record<string, () => unknown> = {
  forward: () => jumpoutForward(input, options).output,
  backward: () => jumpoutBackward(input, saved),
  count: () => countActive(input),
  runtime: () => runtime.cpu,
  keepPages: () => addon.keepPages(),
  'forward, refused': () =>
    jumpoutForward(overlapping().from, { ...options, out: overlapping().to, mask: new Uint32Array(3) }),
  'forward, refused natively': () => {
    const { from, to } = overlapping()
    return jumpoutForward(from, { ...options, out: to })
  },
  'forward, outside the range': outsideItsRange,
  forwardAsync: async () => (await jumpoutForwardAsync(input, options)).output,
  backwardAsync: async () => jumpoutBackwardAsync(input, saved),
  'forwardAsync, refused natively': async () => {
    const { from, to } = overlapping()
    return jumpoutForwardAsync(from, { ...options, out: to })
  },
  'backwardAsync, another length': async () => jumpoutBackwardAsync(wrong, saved),
}

async function main(): Promise<void> {
  let total = 0
  for (const [name, call] of Object.entries(calls)) {
    const expected = await outcomeOf(call)
    for (let n = 1; ; ++n) {
      const blocks = failing.blocks()
      const before = failing.letFail(n)
      const outcome = await outcomeOf(call)
      const failed = failing.letFail(0) > before
      if (failed && 'code' in outcome && outcome.code === 'ERR_OUT_OF_MEMORY') {
        strictEqual(outcome.name, 'RangeError', name)
        ok(outcome.message.startsWith('Expected enough free memory for '), outcome.message)
      } else {
        deepStrictEqual(outcome, expected, `${name}, allocation ${n}`)
      }
      deepStrictEqual(await outcomeOf(call), expected, `${name}, after allocation ${n}`)
      await new Promise(setImmediate)
      ok(failing.blocks() <= blocks, `${name}, allocation ${n}: ${failing.blocks() - blocks} blocks stay`)
      if (!failed) {
        total += n - 1
        console.log(`${name}: ${n - 1} allocations`)
        break
      }
    }
  }
  ok(total > 10, 'there are allocations')
  console.log('done')
}

void main()
