/** The layer: it counts its calls, has a mode for training and one for evaluation, and reads its options once. */
import { foldIn, Jumpout, jumpoutBackward, jumpoutForward, type JumpoutState } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeGradient, makeInput } from './support/inputs'
import { relu } from './support/reference'

const shape = [10, 20, 5]
const input = makeInput(1000, 'signed')
const gradOutput = makeGradient(1000)
const options = { sigma: 0.3, granularity: 'sample', unit: 'channel', relu: true, shape } as const

t.test('its draws are those of foldIn(seed, layer), call after call', (t) => {
  for (const layer of [undefined, 0, 3]) {
    const net = new Jumpout({ ...options, seed: 7n, ...(layer !== undefined && { layer }) })
    const seed = foldIn(7n, layer ?? 0)
    for (let call = 0; call < 5; ++call) {
      const expected = jumpoutForward(input, { ...options, seed, call })
      equalBits(t, net.forward(input), expected.output, `output of call ${call}`)
      t.strictSame(net.stats, expected.saved.stats())
      equalBits(
        t,
        net.backward(gradOutput),
        jumpoutBackward(gradOutput, expected.saved),
        `gradient of call ${call}`,
      )
    }
  }
  t.end()
})

t.test('calls pass 2^32, and end before 2^63 - 1', (t) => {
  for (const calls of [2 ** 32 - 2, 2 ** 32 - 1, 2 ** 53 - 1, 2n ** 63n - 2n]) {
    const net = new Jumpout({ seed: 7n, rate: 0.5, calls })
    for (let call = BigInt(calls); call < BigInt(calls) + 3n && call < 2n ** 63n - 1n; ++call) {
      const expected = jumpoutForward(input, { seed: foldIn(7n, 0), rate: 0.5, call })
      equalBits(t, net.forward(input), expected.output, `output of call ${call}`)
      t.equal(net.calls, call + 1n)
    }
  }
  const spent = new Jumpout({ seed: 7n, calls: 2n ** 63n - 2n })
  spent.forward(input)
  for (let times = 0; times < 2; ++times)
    t.throws(() => spent.forward(input), {
      name: 'Error',
      code: 'ERR_INVALID_STATE',
      message: /^Expected a call number below 2\^63 - 1 for forward, got a layer that has used them all$/,
    })
  t.equal(spent.calls, 2n ** 63n - 1n)
  const restored = Jumpout.fromJSON(JSON.parse(JSON.stringify(spent)) as JumpoutState)
  t.equal(restored.calls, spent.calls, 'a checkpoint of a layer that has used them all')
  t.throws(() => restored.forward(input), { code: 'ERR_INVALID_STATE' })
  equalBits(t, spent.eval().forward(input), input, 'evaluation needs no call')
  t.end()
})

t.test('layers of one seed differ by their number', (t) => {
  const ones = new Float32Array(1000).fill(1)
  const outputs = [0, 1, 2].map((layer) => new Jumpout({ seed: 7, layer, rate: 0.5 }).forward(ones).join())
  t.equal(new Set(outputs).size, 3)
  t.end()
})

t.test('without a seed, every layer draws its own', (t) => {
  const ones = new Float32Array(1000).fill(1)
  const outputs = [0, 1, 2].map(() => new Jumpout({ rate: 0.5 }).forward(ones).join())
  t.equal(new Set(outputs).size, 3)
  t.end()
})

t.test('out, shape and saveMask of a call', (t) => {
  const net = new Jumpout({ seed: 1, relu: true, granularity: 'sample', shape: [10, 100] })
  const seed = foldIn(1, 0)
  const out = new Float32Array(1000)
  t.equal(net.forward(input, { out }), out)
  const first = jumpoutForward(input, { seed, relu: true, granularity: 'sample', shape: [10, 100] })
  equalBits(t, out, first.output, 'out')

  const half = input.subarray(0, 500)
  const second = jumpoutForward(half, { seed, call: 1, relu: true, granularity: 'sample', shape: [5, 100] })
  equalBits(t, net.forward(half, { shape: [5, 100] }), second.output, 'a smaller batch')
  t.equal(net.stats?.length, 5)

  const third = jumpoutForward(input, { seed, call: 2, relu: true, granularity: 'sample', shape: [10, 100] })
  const { output, saved } = net.call(input, { saveMask: false })
  equalBits(t, output, third.output, 'the shape of the layer again')
  const gradient = net.backward(gradOutput, { saved, output })
  equalBits(t, gradient, jumpoutBackward(gradOutput, third.saved), 'a gradient whose mask was drawn again')
  const grad = gradOutput.slice()
  t.equal(net.backward(grad, { saved, output, out: grad }), grad)
  equalBits(t, grad, gradient, 'in place')
  t.end()
})

t.test('without a saved mask, a fused ReLU needs the output', (t) => {
  const net = new Jumpout({ seed: 1, relu: true })
  const output = net.forward(input, { saveMask: false })
  const out = new Float32Array(1000).fill(7)
  t.throws(() => net.backward(gradOutput, { out }), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
  t.ok(
    out.every((x) => x === 7),
    'nothing was written',
  )
  t.doesNotThrow(() => net.backward(gradOutput, { out, output }))
  t.end()
})

t.test('backward belongs to the last training forward', (t) => {
  const net = new Jumpout({ seed: 1 })
  const refusal = { name: 'Error', code: 'ERR_INVALID_STATE' }
  t.equal(net.stats, null)
  t.throws(() => net.backward(gradOutput), refusal, 'before the first forward')
  net.forward(input.subarray(0, 10))
  net.forward(input)
  t.throws(() => net.backward(gradOutput.subarray(1)), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  equalBits(
    t,
    net.backward(gradOutput),
    jumpoutBackward(gradOutput, jumpoutForward(input, { seed: foldIn(1, 0), call: 1 }).saved),
    'gradient',
  )
  t.end()
})

t.test('evaluation is the identity, with relu ReLU, and draws nothing', (t) => {
  for (const fused of [false, true]) {
    const net = new Jumpout({ seed: 1, relu: fused })
    t.equal(net.training, true)
    t.equal(net.eval(), net)
    t.equal(net.training, false)
    const expected = fused ? relu(input) : input
    const output = net.forward(input)
    equalBits(t, output, expected, 'output')
    t.equal(net.stats, null)
    const gradient = gradOutput.map((g, i) => (fused && !(input[i] > 0) ? 0 : g))
    equalBits(t, net.backward(gradOutput), gradient, 'gradient')
    const inPlace = input.slice()
    t.equal(net.forward(inPlace, { out: inPlace }), inPlace)
    equalBits(t, inPlace, expected, 'in place')
    const special = makeInput(1000, 'special')
    equalBits(t, net.forward(special), fused ? relu(special) : special, 'special values')

    t.equal(net.train(), net)
    t.equal(net.training, true)
    const first = jumpoutForward(input, { seed: foldIn(1, 0), call: 0, relu: fused })
    equalBits(t, net.forward(input), first.output, 'evaluation used up no call')
    t.equal(net.train(false).training, false)
    t.equal(net.train(true).training, true)
  }
  t.end()
})

t.test('a refused forward uses up no call and changes no state', (t) => {
  const net = new Jumpout({ seed: 1 })
  net.forward(input)
  const { stats } = net
  t.throws(() => net.forward(input, { out: new Float32Array(1) }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => net.forward([] as unknown as Float32Array), { code: 'ERR_INVALID_ARG_TYPE' })
  t.strictSame(net.stats, stats)
  equalBits(
    t,
    net.forward(input),
    jumpoutForward(input, { seed: foldIn(1, 0), call: 1 }).output,
    'the next draw',
  )
  t.end()
})

t.test('options are read once, when the layer is made', (t) => {
  const mutable = { seed: 1, rate: 0.5, shape: [10, 100], granularity: 'sample' as const }
  const net = new Jumpout(mutable)
  const twin = new Jumpout({ ...mutable, shape: [10, 100] })
  mutable.rate = 0
  mutable.shape[0] = 1
  equalBits(t, net.forward(input), twin.forward(input), 'output')
  t.end()
})

t.test('an empty tensor', (t) => {
  const net = new Jumpout({ seed: 1 })
  t.equal(net.forward(new Float32Array(0)).length, 0)
  t.match(net.stats, [{ active: 0, total: 0, effectiveRate: 0, scale: 1 }])
  t.equal(net.backward(new Float32Array(0)).length, 0)
  t.end()
})

t.test('a getter that uses the layer', (t) => {
  const refused = { name: 'Error', code: 'ERR_INVALID_STATE' }
  const net = new Jumpout({ seed: 1, relu: true })
  const whenRead = (use: () => unknown) => ({
    get out() {
      use()
      return undefined
    },
  })
  net.forward(input)
  t.throws(
    () =>
      net.backward(
        gradOutput,
        whenRead(() => net.backward(gradOutput)),
      ),
    refused,
    'backward in backward',
  )
  net.forward(input)
  t.throws(
    () =>
      net.backward(
        gradOutput,
        whenRead(() => net.forward(input)),
      ),
    refused,
    'forward in backward',
  )
  const expected = (call: number) => jumpoutForward(input, { seed: foldIn(1, 0), relu: true, call })
  equalBits(
    t,
    net.backward(gradOutput),
    jumpoutBackward(gradOutput, expected(2).saved),
    'of the inner forward',
  )
  const outer = net.forward(
    input,
    whenRead(() => net.forward(input.slice(0, 10))),
  )
  equalBits(t, outer, expected(4).output, 'forward in forward: the inner one is counted first')
  equalBits(t, net.backward(gradOutput), jumpoutBackward(gradOutput, expected(4).saved), 'of the outer one')
  t.end()
})

t.test('a subclass with a strange name that loses its options', (t) => {
  class Lost extends Jumpout {
    static override get name(): never {
      return Symbol('lost') as never
    }
    constructor() {
      super({ seed: 5 })
    }
  }
  const { fromJSON } = Lost as unknown as { fromJSON: (state: object) => Jumpout }
  t.throws(() => fromJSON.call(Lost, new Jumpout().toJSON()), { code: 'ERR_INVALID_ARG_VALUE' })
  t.end()
})
