/** Any arguments from JavaScript end in a result or in an error with a code. */
import fc from 'fast-check'
import * as jumpout from 'jumpout'
import t from 'tap'
import { holdsAsync } from './support/properties'

const OPTIONS = [
  ...[
    'sigma',
    'pMin',
    'pMax',
    'rate',
    'normalize',
    'exponent',
    'maxRate',
    'relu',
    'granularity',
    'unit',
    'shape',
  ],
  ...[
    'seed',
    'call',
    'out',
    'saveMask',
    'mask',
    'shard',
    'stream',
    'active',
    'output',
    'layer',
    'elementOffset',
  ],
]

const memory = new ArrayBuffer(256)
/** Arrays of every type, many of them in one memory, so that they overlap in all ways. */
const arrays = fc.oneof(
  fc.float32Array({ maxLength: 40 }),
  fc.uint32Array({ maxLength: 3 }),
  fc
    .tuple(fc.nat(31), fc.nat(31))
    .chain(([start, length]) =>
      fc.constantFrom(
        new Float32Array(memory, 4 * start, length),
        new Uint32Array(memory, 4 * start, length),
      ),
    ),
)
const numbers = fc.oneof(
  fc.nat(64),
  fc.double(),
  fc.bigInt(),
  fc.constantFrom(2 ** 32, 2 ** 53 - 1, 2n ** 64n - 1n),
)
const lists = fc.array(fc.oneof(fc.nat(40), numbers), { maxLength: 4 })
const values = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(arrays, numbers, lists, fc.boolean()) },
  { weight: 1, arbitrary: fc.constantFrom('batch', 'sample', 'element', 'channel', undefined) },
  { weight: 1, arbitrary: fc.record({ elementOffset: numbers, active: lists, total: lists }) },
  {
    weight: 1,
    arbitrary: fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withMap: true }),
  },
)
const options = fc.oneof(
  { weight: 5, arbitrary: fc.dictionary(fc.constantFrom(...OPTIONS), values, { maxKeys: 5 }) },
  { weight: 1, arbitrary: values },
)
const seeded = options.map((wild): unknown =>
  typeof wild === 'object' && wild !== null && !ArrayBuffer.isView(wild) ? { seed: 1, ...wild } : wild,
)

/** Throws if an error is not of this package. */
async function survives(run: () => unknown): Promise<void> {
  try {
    await run()
  } catch (error) {
    const { name, code } = error as { name?: string; code?: string }
    const known = name === 'TypeError' || name === 'RangeError' || code === 'ERR_INVALID_STATE'
    if (!known || !/^ERR_(INVALID|OUT_OF)_/.test(String(code))) throw error
  }
}

type Wild = (...args: unknown[]) => unknown
const wild = jumpout as unknown as Record<string, Wild>
const { saved } = jumpout.jumpoutForward(new Float32Array(32), { seed: 1 })
const unsaved = jumpout.jumpoutForward(new Float32Array(32), { seed: 1, relu: true, saveMask: false }).saved

t.test('functions', async (t) => {
  const states = fc.oneof(fc.constantFrom(saved, unsaved), values)
  await holdsAsync(
    t,
    fc.asyncProperty(fc.oneof(arrays, values), seeded, states, async (array, wildOptions, state) => {
      await survives(() => wild.jumpoutForward(array, wildOptions))
      await survives(() => wild.jumpoutForwardAsync(array, wildOptions))
      await survives(() => wild.jumpoutBackward(array, state, wildOptions))
      await survives(() => wild.jumpoutBackwardAsync(array, state, wildOptions))
      await survives(() => wild.countActive(array, wildOptions))
      await survives(() => wild.foldIn(array, wildOptions))
    }),
    3000,
  )
})

t.test('layers', async (t) => {
  const layers: jumpout.Jumpout[] = [new jumpout.Jumpout({ seed: 1 }), new jumpout.Jumpout({ relu: true })]
  await holdsAsync(
    t,
    fc.asyncProperty(fc.oneof(arrays, values), options, fc.nat(1), async (array, wildOptions, which) => {
      await survives(() => new jumpout.Jumpout(wildOptions as object))
      await survives(() => jumpout.Jumpout.fromJSON(wildOptions as jumpout.JumpoutState))
      const state = { ...layers[which].toJSON(), ...(wildOptions as object) }
      await survives(() => jumpout.Jumpout.fromJSON(state))
      await survives(() => layers[which].train(array as boolean))
      await survives(() => layers[which].forward(array as Float32Array, wildOptions as object))
      await survives(() => layers[which].backward(array as Float32Array, wildOptions as object))
      layers[which].train(which === 0)
    }),
    2000,
  )
})

t.test('methods on objects of other classes', async (t) => {
  const layer = new jumpout.Jumpout({ seed: 1 })
  for (const method of ['forward', 'backward', 'train', 'eval', 'toJSON'] as const) {
    t.throws(() => (layer[method] as Wild).call({}, new Float32Array(1)), { name: 'TypeError' }, method)
  }
  t.throws(() => (saved.stats as Wild).call({}), { name: 'TypeError' }, 'stats')
  t.end()
})
