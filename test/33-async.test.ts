/** The asynchronous functions give the results of the synchronous ones, off the main thread. */
/// <reference lib="es2024.arraybuffer" />
/// <reference lib="es2024.sharedmemory" />
import fc from 'fast-check'
import { jumpoutBackward, jumpoutBackwardAsync, jumpoutForward, jumpoutForwardAsync } from 'jumpout'
import { execFileSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { assertSame, equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { holdsAsync, randomCases } from './support/properties'

t.test('async = sync', async (t) => {
  await holdsAsync(
    t,
    fc.asyncProperty(randomCases, async ({ call, input, gradOutput }) => {
      const sync = jumpoutForward(input, call)
      const async = await jumpoutForwardAsync(input, call)
      assertSame(async.output, sync.output, 'output')
      assertSame(async.saved.mask as Uint32Array, sync.saved.mask as Uint32Array, 'mask')
      if (JSON.stringify(async.saved.stats()) !== JSON.stringify(sync.saved.stats())) throw new Error('stats')
      const gradient = jumpoutBackward(gradOutput, sync.saved)
      assertSame(await jumpoutBackwardAsync(gradOutput, async.saved), gradient, 'gradient')
      assertSame(jumpoutBackward(gradOutput, async.saved), gradient, 'gradient, sync')
      const drawn = await jumpoutForwardAsync(input, { ...call, saveMask: false })
      const options = { output: drawn.output, out: gradOutput.slice() }
      const again = await jumpoutBackwardAsync(gradOutput, drawn.saved, options)
      if (again !== options.out) throw new Error('the gradient is not the given array')
      assertSame(again, gradient, 'gradient, drawn again')
    }),
    300,
  )
})

t.test('in place, and into given arrays', async (t) => {
  const input = makeInput(100_000)
  const expected = jumpoutForward(input, { seed: 1 })
  const out = new Float32Array(100_000)
  const mask = new Uint32Array(3125)
  const { output, saved } = await jumpoutForwardAsync(input, { seed: 1, out, mask })
  t.equal(output, out)
  t.equal(saved.mask, mask)
  equalBits(t, out, expected.output, 'output')
  equalBits(t, mask, expected.saved.mask as Uint32Array, 'mask')
  await jumpoutForwardAsync(input, { seed: 1, out: input })
  equalBits(t, input, expected.output, 'in place')
})

t.test('many calls in flight', async (t) => {
  const calls = Array.from({ length: 64 }, (_, i) => ({
    input: makeInput(20_000 + i, 'signed', i),
    gradient: makeGradient(20_000 + i, i),
    options: { seed: i, call: i, relu: i % 2 === 1, sigma: 0.3 },
  }))
  const gradients = await Promise.all(
    calls.map(async ({ input, gradient, options }) => {
      const { output, saved } = await jumpoutForwardAsync(input, options)
      return { output, gradient: await jumpoutBackwardAsync(gradient, saved) }
    }),
  )
  for (const [i, { input, gradient, options }] of calls.entries()) {
    const { output, saved } = jumpoutForward(input, options)
    assertSame(gradients[i].output, output, `output ${i}`)
    assertSame(gradients[i].gradient, jumpoutBackward(gradient, saved), `gradient ${i}`)
  }
  t.pass(`${calls.length} calls`)
})

t.test('arrays live as long as the work on them, without other references', async (t) => {
  const expected = jumpoutForward(new Float32Array(500_000).fill(1), { seed: 5 }).output
  const results = Array.from({ length: 20 }, () =>
    jumpoutForwardAsync(new Float32Array(500_000).fill(1), { seed: 5 }),
  )
  const garbage = Array.from({ length: 50 }, () => new Float32Array(500_000).fill(2))
  for (const { output } of await Promise.all(results)) assertSame(output, expected, 'output')
  t.equal(garbage.length, 50)
})

t.test('the event loop turns meanwhile', async (t) => {
  let settled = false
  const work = jumpoutForwardAsync(new Float32Array(2_000_000), { seed: 1 }).then(() => (settled = true))
  t.notOk(settled, 'the call returned before its work was awaited')
  await work
  t.ok(settled)
})

t.test('argument errors reject, and write nothing', async (t) => {
  const input = makeInput(100)
  const out = new Float32Array(99).fill(7)
  const refusal = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }
  const promise = jumpoutForwardAsync(input, { seed: 1, out })
  t.ok(promise instanceof Promise, 'a promise, not a throw')
  await t.rejects(promise, refusal)
  await t.rejects(jumpoutForwardAsync(input, { seed: -1 }), refusal)
  await t.rejects(jumpoutForwardAsync(null as unknown as Float32Array, { seed: 1 }), { name: 'TypeError' })
  await t.rejects(jumpoutForwardAsync(input, undefined as unknown as { seed: number }), { name: 'TypeError' })
  const { saved } = jumpoutForward(input, { seed: 1 })
  await t.rejects(jumpoutBackwardAsync(makeGradient(99), saved), refusal)
  await t.rejects(jumpoutBackwardAsync(makeGradient(100), saved, { out }), refusal)
  await t.rejects(jumpoutBackwardAsync(makeGradient(100), {} as typeof saved), { name: 'TypeError' })
  t.ok(
    out.every((x) => x === 7),
    'nothing was written',
  )
})

t.test('resizable buffers are refused: they may shrink under the thread', async (t) => {
  const resizable = (length: number) =>
    new Float32Array(new ArrayBuffer(4 * length, { maxByteLength: 8 * length }))
  const growable = (length: number) =>
    new Float32Array(new SharedArrayBuffer(4 * length, { maxByteLength: 8 * length }))
  const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /resizable/ }
  const input = makeInput(64)
  const { saved } = jumpoutForward(input, { seed: 1 })
  for (const make of [resizable, growable]) {
    await t.rejects(jumpoutForwardAsync(make(64), { seed: 1 }), refusal)
    await t.rejects(jumpoutForwardAsync(input, { seed: 1, out: make(64) }), refusal)
    const mask = new Uint32Array(make(2).buffer)
    await t.rejects(jumpoutForwardAsync(input, { seed: 1, mask }), refusal)
    await t.rejects(jumpoutBackwardAsync(make(64), saved), refusal)
    await t.rejects(jumpoutBackwardAsync(input, saved, { out: make(64) }), refusal)
    const late = jumpoutForward(input, { seed: 1, mask })
    await t.rejects(jumpoutBackwardAsync(input, late.saved), refusal, 'a saved mask too')
    const unsaved = jumpoutForward(input, { seed: 1, relu: true, saveMask: false })
    await t.rejects(jumpoutBackwardAsync(input, unsaved.saved, { output: make(64) }), refusal)
  }
})

const POOL_THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4)

t.test(
  'a signal cancels calls that have not begun',
  { skip: process.platform === 'win32' && 'POSIX' },
  async (t) => {
    const small = makeInput(1000)
    const reason = new Error('enough')
    const { saved } = jumpoutForward(small, { seed: 1 })
    await t.rejects(jumpoutForwardAsync(small, { seed: 1, signal: AbortSignal.abort(reason) }), reason)
    await t.rejects(jumpoutBackwardAsync(small, saved, { signal: AbortSignal.abort(reason) }), reason)

    // Opening a FIFO blocks a thread of the pool until a writer opens it too, so that no call can begin before.
    const folder = mkdtempSync(join(tmpdir(), 'jumpout-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', [fifo])
    const blocked = Array.from({ length: POOL_THREADS }, () => open(fifo, 'r'))
    const controller = new AbortController()
    const { signal } = controller
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    const out = new Float32Array(1000).fill(7)
    const mask = new Uint32Array(32).fill(7)
    const grad = new Float32Array(1000).fill(7)
    const waiting: Promise<unknown>[] = [
      ...Array.from({ length: 20 }, () => jumpoutForwardAsync(small, { seed: 1, out, mask, signal })),
      jumpoutBackwardAsync(small, saved, { out: grad, signal }),
    ]
    controller.abort(reason)
    await Promise.all(waiting.map((work) => t.rejects(work, reason)))
    t.equal(getEventListeners(signal, 'abort').length, 0, 'no listener is left')
    const writer = openSync(fifo, 'w')
    for (const reader of await Promise.all(blocked)) await reader.close()
    closeSync(writer)
    await jumpoutForwardAsync(small, { seed: 1 })
    process.off('warning', onWarning)
    t.strictSame(warnings, [])
    for (const array of [out, mask, grad])
      t.ok(
        array.every((x) => x === 7),
        'nothing was written',
      )
  },
)

t.test('a signal that comes too late, or never, changes nothing', async (t) => {
  const input = makeInput(1000)
  const expected = jumpoutForward(input, { seed: 1 })
  const controller = new AbortController()
  const { signal } = controller
  const { output, saved } = await jumpoutForwardAsync(input, { seed: 1, signal })
  equalBits(t, output, expected.output, 'output')
  equalBits(
    t,
    await jumpoutBackwardAsync(input, saved, { signal }),
    jumpoutBackward(input, saved),
    'gradient',
  )
  t.equal(getEventListeners(signal, 'abort').length, 0)
  controller.abort()
  await t.rejects(jumpoutForwardAsync(input, { seed: -1, signal }), { code: 'ERR_OUT_OF_RANGE' })
  for (const wrong of [null, 1, {}, 'abort', { aborted: 1 }]) {
    const refusal = { code: 'ERR_INVALID_ARG_TYPE', message: /an AbortSignal for options\.signal/ }
    await t.rejects(jumpoutForwardAsync(input, { seed: 1, signal: wrong as never }), refusal)
  }
})

t.test('a signal whose code throws or aborts at once', async (t) => {
  const input = makeInput(1000)
  const mine = new Error('mine')
  const fail = (): never => {
    throw mine
  }
  const silent = (): void => undefined
  const signals = {
    'throws when it is asked to listen': {
      aborted: false,
      addEventListener: fail,
      removeEventListener: silent,
    },
    'aborts while it is asked to listen': {
      aborted: false,
      addEventListener: (_: string, listener: () => void) => listener(),
      removeEventListener: silent,
    },
  }
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  for (const [what, signal] of Object.entries(signals)) {
    const out = new Float32Array(1000).fill(7)
    await t.rejects(
      jumpoutForwardAsync(input, { seed: 1, out, signal: { ...signal, reason: mine } }),
      mine,
      what,
    )
    await jumpoutForwardAsync(input, { seed: 1 }) // the work, if it had begun, would be done
    t.ok(
      out.every((x) => x === 7),
      'nothing was written',
    )
    const overlapping = { seed: 1, out: input.subarray(1), signal: { ...signal, reason: mine } }
    await t.rejects(jumpoutForwardAsync(input, overlapping), `${what}, refused`)
  }
  await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  t.strictSame(unhandled, [])
  const half = { aborted: false, reason: mine, addEventListener: silent } as never
  await t.rejects(jumpoutForwardAsync(input, { seed: 1, signal: half }), { code: 'ERR_INVALID_ARG_TYPE' })
})

t.test(
  'a gradient that a promise would take for a thenable is refused, and nothing is written',
  async (t) => {
    const { saved } = jumpoutForward(new Float32Array(100).fill(1), { seed: 1 })
    const gradOutput = new Float32Array(100).fill(1)
    const refused = {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: "Expected an array without a property 'then' for the value of a promise, got one that has it",
    }
    const thens: PropertyDescriptor[] = [
      { value: () => undefined },
      { value: (fulfil: (value: unknown) => void) => fulfil('stolen') },
      { get: () => t.fail('a getter') },
    ]
    for (const then of thens) {
      const inherited = Object.create(Float32Array.prototype, { then }) as object
      for (const make of [
        (out: Float32Array) => Object.defineProperty<Float32Array>(out, 'then', then),
        (out: Float32Array) => Object.setPrototypeOf(out, inherited) as Float32Array,
      ]) {
        const out = make(new Float32Array(100))
        await t.rejects(jumpoutBackwardAsync(gradOutput, saved, { out }), refused)
        t.ok(Float32Array.prototype.every.call(out, (element) => element === 0))
        await t.rejects(jumpoutBackwardAsync(out, saved, { out }), refused, 'in place')
        t.equal(jumpoutBackward(gradOutput, saved, { out }), out, 'without a promise it may have one')
        t.equal((await jumpoutForwardAsync(gradOutput, { seed: 1, out })).output, out, 'or within a result')
      }
    }
    Object.defineProperty(Float32Array.prototype, 'then', { ...thens[0], configurable: true })
    const rejected = t.rejects(jumpoutBackwardAsync(gradOutput, saved), refused, 'a new one')
    Reflect.deleteProperty(Float32Array.prototype, 'then')
    await rejected
  },
)
