/** `layer.call`: a layer applied more than once in one graph, repeated calls; and `reuse`. */
import { foldIn, Jumpout, jumpoutBackward, jumpoutBackwardAsync, jumpoutForward, type Saved } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { relu } from './support/reference'

const N = 1000
const input = makeInput(N, 'signed')
const other = makeInput(N, 'signed', 2)
const gradOutput = makeGradient(N)
const options = { seed: 7, relu: true, granularity: 'sample', shape: [10, 100] } as const
const spent = { name: 'Error', code: 'ERR_INVALID_STATE', message: /layer\.call\(input\)/ }

const expected = (x: Float32Array, call: number) =>
  jumpoutForward(x, { ...options, seed: foldIn(7, 0), call })

t.test('applied twice, then backward twice, in any order and as often as wanted', async (t) => {
  const layer = new Jumpout(options)
  const calls = [layer.call(input), layer.call(other)]
  for (const [i, x] of [input, other].entries()) {
    const { output, saved } = calls[i]
    const { output: y, saved: s } = expected(x, i)
    equalBits(t, output, y, `output ${i}`)
    equalBits(t, saved.mask as Uint32Array, s.mask as Uint32Array, `mask ${i}`)
    t.strictSame(saved.stats(), s.stats())
    t.equal(saved.call, BigInt(i))
    t.equal(saved.length, N)
  }
  for (const i of [1, 0, 1]) {
    const { saved } = calls[i]
    const gradient = jumpoutBackward(gradOutput, expected([input, other][i], i).saved)
    equalBits(t, layer.backward(gradOutput, { saved }), gradient, `gradient ${i}`)
    equalBits(t, jumpoutBackward(gradOutput, saved), gradient, `gradient ${i}, by the function`)
    equalBits(t, await jumpoutBackwardAsync(gradOutput, saved), gradient, `gradient ${i}, async`)
    const out = new Float32Array(N)
    t.equal(layer.backward(gradOutput, { saved, out }), out)
    equalBits(t, out, gradient, 'out')
  }
})

t.test('forward and call count together, and leave each other alone', (t) => {
  const layer = new Jumpout(options)
  t.equal(layer.calls, 0n)
  layer.forward(input)
  const { stats } = layer
  layer.call(other)
  t.equal(layer.calls, 2n)
  t.strictSame(layer.stats, stats)
  equalBits(t, layer.backward(gradOutput), jumpoutBackward(gradOutput, expected(input, 0).saved), 'gradient')
  equalBits(t, layer.forward(input), expected(input, 2).output, 'the next draw')
  layer.eval().call(input)
  layer.forward(input)
  t.equal(layer.calls, 3n, 'evaluation counts nothing')
  const restored = Jumpout.fromJSON(layer.toJSON())
  t.equal(restored.calls, 3n)
  layer.train().forward(input, Object.create({ call: 0 }) as object)
  t.equal(layer.calls, 4n, 'forward makes no call again, not by an inherited option either')
  t.end()
})

t.test('a repeated call: the same bits, and no call is counted', (t) => {
  const layer = new Jumpout(options)
  const first = layer.call(input)
  layer.forward(other)
  for (const call of [first.saved.call, 0, 0n]) {
    const again = layer.call(input, { call })
    equalBits(t, again.output, first.output, 'output')
    equalBits(t, again.saved.mask as Uint32Array, first.saved.mask as Uint32Array, 'mask')
    t.not(again.saved.mask, first.saved.mask, 'memory of its own')
    t.equal(again.saved.call, 0n)
  }
  t.equal(layer.calls, 2n)
  equalBits(
    t,
    layer.call(input, { call: 2n ** 63n - 2n }).output,
    jumpoutForward(input, {
      ...options,
      seed: foldIn(7, 0),
      call: 2n ** 63n - 2n,
    }).output,
    'the last call there is',
  )
  t.throws(() => layer.call(input, { call: 2n ** 63n - 1n }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => layer.call(input, { call: null as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  const { output, saved } = layer.eval().call(input, { call: 0 })
  equalBits(t, output, relu(input), 'evaluation draws nothing')
  t.equal(saved.call, undefined)
  t.end()
})

t.test('the options of a call', (t) => {
  const layer = new Jumpout(options)
  const out = new Float32Array(500)
  const half = input.subarray(0, 500)
  const { output, saved } = layer.call(half, { out, shape: [5, 100], saveMask: false })
  t.equal(output, out)
  t.equal(saved.mask, null)
  t.equal(saved.stats().length, 5)
  const grad = gradOutput.subarray(0, 500)
  t.throws(() => layer.backward(grad, { saved }), { code: 'ERR_INVALID_ARG_TYPE', message: /output/ })
  const whole = jumpoutForward(half, { ...options, shape: [5, 100], seed: foldIn(7, 0) })
  equalBits(t, layer.backward(grad, { saved, output }), jumpoutBackward(grad, whole.saved), 'gradient')
  t.throws(() => layer.call(input, { out }), { code: 'ERR_OUT_OF_RANGE' })
  t.equal(layer.calls, 1n, 'what throws counts nothing')
  t.end()
})

t.test('saved in evaluation: both backwards accept it in either mode', async (t) => {
  for (const fused of [false, true]) {
    for (const saveMask of [false, true]) {
      const layer = new Jumpout({ seed: 1, relu: fused })
      const { output, saved } = layer.eval().call(input, { saveMask })
      equalBits(t, output, fused ? relu(input) : input, 'output')
      t.strictSame(saved.stats(), [])
      const gradient = gradOutput.map((g, i) => (fused && !(input[i] > 0) ? 0 : g))
      for (const mode of [false, true]) {
        layer.train(mode)
        for (let i = 0; i < 2; ++i) {
          equalBits(t, layer.backward(gradOutput, { saved, output }), gradient, `layer, ${mode}`)
          equalBits(t, jumpoutBackward(gradOutput, saved, { output }), gradient, `function, ${mode}`)
          equalBits(t, await jumpoutBackwardAsync(gradOutput, saved, { output }), gradient, 'async')
        }
      }
      const special = makeInput(N, 'special')
      if (!fused) equalBits(t, layer.backward(special, { saved }), special, 'every bit of it')
    }
  }
})

t.test('backward without saved: once for each forward of a mode', (t) => {
  const layer = new Jumpout(options)
  for (const mode of [true, false]) {
    layer.train(mode).forward(input)
    const short = gradOutput.subarray(1)
    t.throws(() => layer.backward(short), { code: 'ERR_OUT_OF_RANGE' })
    t.throws(() => layer.backward(gradOutput, { out: short }), { code: 'ERR_OUT_OF_RANGE' })
    const memory = new Float32Array(N + 1)
    const overlap = { out: memory.subarray(1) }
    t.throws(() => layer.backward(memory.subarray(0, N), overlap), { code: 'ERR_INVALID_ARG_VALUE' })
    layer.backward(gradOutput)
    t.throws(() => layer.backward(gradOutput), spent)
    t.throws(() => layer.backward(gradOutput, {}), spent)
    t.throws(() => layer.backward(gradOutput, { saved: undefined }), spent)
    if (mode) t.not(layer.stats, null, 'the statistics stay')
  }
  t.throws(() => layer.train().backward(gradOutput), spent, 'each mode by itself')
  layer.forward(input)
  t.doesNotThrow(() => layer.backward(gradOutput))
  t.end()
})

t.test('values that are no Saved, and one of another layer', (t) => {
  const layer = new Jumpout(options)
  layer.forward(input)
  for (const saved of [null, {}, 1, 'x', structuredClone({}), Object.create(layer.call(input).saved)])
    t.throws(() => layer.backward(gradOutput, { saved: saved as Saved }), { code: 'ERR_INVALID_ARG_TYPE' })
  const { saved } = new Jumpout({ seed: 3 }).call(input.subarray(0, 10))
  t.throws(() => layer.backward(gradOutput, { saved }), { code: 'ERR_OUT_OF_RANGE' }, 'of another length')
  const misplaced = { code: 'ERR_INVALID_ARG_TYPE', message: /got what a forward saved/ }
  t.throws(() => layer.backward(gradOutput, saved as never), misplaced)
  const foreign = jumpoutForward(input, { seed: 5 })
  equalBits(
    t,
    layer.backward(gradOutput, { saved: foreign.saved }),
    jumpoutBackward(gradOutput, foreign.saved),
    'the gradient is that of the forward which made it',
  )
  t.doesNotThrow(() => layer.backward(gradOutput), 'nothing was used up')
  t.end()
})

t.test('fromJSON of a subclass', (t) => {
  class Mine extends Jumpout {
    tag = 'mine'
  }
  class Named extends Jumpout {
    constructor(
      options: object,
      readonly name = 'unnamed',
    ) {
      super(options)
    }
  }
  class Wrapped extends Jumpout {
    constructor(
      readonly name: string,
      options: object,
    ) {
      super(options)
    }
    static override fromJSON({ seed, layer, call, options }: ReturnType<Jumpout['toJSON']>): Wrapped {
      return new Wrapped('again', { ...options, seed: BigInt(seed), layer, calls: BigInt(call) })
    }
  }
  class Deaf extends Jumpout {
    constructor(_: unknown) {
      super({ rate: 0.5 })
    }
  }
  const original = new Mine({ ...options, layer: 2 })
  original.forward(input)
  const state = original.toJSON()
  const next = original.forward(input)
  const mine = Mine.fromJSON(state)
  t.ok(mine instanceof Mine)
  t.equal(mine.tag, 'mine')
  equalBits(t, mine.forward(input), next, 'the next draw')
  const named = Named.fromJSON(state)
  t.equal(named.name, 'unnamed')
  equalBits(t, named.forward(input), next, 'the next draw')
  equalBits(t, Wrapped.fromJSON(state).forward(input), next, 'the next draw')
  t.throws(() => Deaf.fromJSON(state), { name: 'TypeError', message: /class Deaf/ })
  const { fromJSON } = Jumpout
  t.equal(Object.getPrototypeOf(fromJSON(state)), Jumpout.prototype, 'unbound')
  t.end()
})

t.test('reuse: the layer owns what forward and backward return', (t) => {
  const layer = new Jumpout({ ...options, shape: undefined, granularity: 'batch', reuse: true })
  const twin = new Jumpout({ ...options, shape: undefined, granularity: 'batch' })
  const step = (x: Float32Array) => {
    const y = layer.forward(x)
    equalBits(t, y, twin.forward(x), 'output')
    const g = gradOutput.subarray(0, x.length)
    const dx = layer.backward(g)
    equalBits(t, dx, twin.backward(g), 'gradient')
    return [y, dx]
  }
  const [y, dx] = step(input)
  t.strictSame(
    step(other).map((array, i) => array === [y, dx][i]),
    [true, true],
    'handed out again',
  )
  const [short] = step(input.subarray(0, 300))
  t.equal(short.buffer, y.buffer, 'a shorter one lies in the same memory')
  const evaluated = layer.eval().forward(input)
  t.not(evaluated.buffer, y.buffer, 'modes do not share')
  layer.train()
  twin.train()
  const before = layer.forward(input)
  const kept = before.slice()
  twin.forward(input)
  equalBits(t, layer.forward(before), twin.forward(kept), 'its own output as an input')
  equalBits(t, before, kept, 'is left alone')
  const a = layer.call(input)
  const b = layer.call(input)
  t.not(a.output.buffer, b.output.buffer, 'call makes new ones')
  const { saved } = a
  t.not(layer.backward(gradOutput, { saved }).buffer, layer.backward(gradOutput, { saved }).buffer)
  const posted = layer.forward(input)
  structuredClone(posted.buffer, { transfer: [posted.buffer] })
  t.equal(posted.length, 0)
  t.equal(layer.forward(input).length, N, 'memory that was transferred is replaced')
  t.equal(Jumpout.fromJSON(layer.toJSON()).toJSON().options.reuse, true)
  t.throws(() => new Jumpout({ reuse: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.end()
})

t.test('reuse: properties of a result that lie or run code', (t) => {
  const foreign = new Float32Array(N)
  const lies: [string, (layer: Jumpout, input: Float32Array, y: Float32Array) => PropertyDescriptorMap][] = [
    ['another length', () => ({ length: { value: 2 * N } })],
    ['a length of 0', () => ({ length: { value: 0 } })],
    ['another subarray', () => ({ subarray: { value: () => foreign } })],
    ['another buffer', () => ({ buffer: { value: foreign.buffer }, byteOffset: { value: 0 } })],
    ['a class of its own', () => ({ constructor: { value: { [Symbol.species]: Uint8Array } } })],
    ['a throwing length', () => ({ length: { get: () => t.fail('a getter') } })],
    ['a length that uses the layer', (layer, x) => ({ length: { get: () => (layer.call(x), N) } })],
    [
      'a length that detaches',
      (_, x, y) => ({
        length: { get: () => structuredClone(0, { transfer: [x.buffer, y.buffer] as never }) },
      }),
    ],
  ]
  for (const first of [N, 0]) {
    for (const [what, lie] of lies) {
      const [layer, twin] = [true, false].map((reuse) => new Jumpout({ seed: 3, reuse }))
      const y = layer.forward(input.slice(0, first))
      const dx = layer.backward(gradOutput.slice(0, first))
      twin.forward(input.slice(0, first))
      const x = input.slice()
      for (const array of [y, dx]) Object.defineProperties(array, lie(layer, x, array))
      for (const length of [N, 300, 0, N]) {
        const options = { saveMask: length !== 300 }
        const part = x.subarray(0, length)
        const again = new Float32Array(layer.forward(part, options)) // which reads no property
        equalBits(t, again, twin.forward(part, options), `${what}, ${first}, then ${length}`)
        layer.backward(gradOutput.subarray(0, length))
      }
      t.equal(layer.calls, 5n, what)
    }
  }
  t.ok(foreign.every((element) => element === 0))
  t.end()
})
