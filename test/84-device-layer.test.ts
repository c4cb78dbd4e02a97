/** The layer on a device: what it does on the host, and in graphs. */
import './support/device'
import { DeviceArray, Jumpout, type LayerOptions, runtime, Stream } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { floatDtypes } from './support/device-conform'
import { storedAll } from './support/half'
import { makeGradient, makeInput } from './support/inputs'
import { relu } from './support/reference'

const N = 600
const input = makeInput(N, 'signed')
const gradOutput = makeGradient(N)

const KINDS: Record<string, LayerOptions> = {
  default: {},
  relu: { relu: true },
  'per sample': { granularity: 'sample', shape: [6, 100] },
  'per channel': { relu: true, granularity: 'sample', unit: 'channel', shape: [3, 10, 20] },
}

for (const [name, options] of Object.entries(KINDS)) {
  t.test(`${name}: training and evaluation as on the host`, (t) => {
    const onHost = new Jumpout({ ...options, seed: 5 })
    const onDevice = new Jumpout({ ...options, seed: 5 })
    const x = DeviceArray.from(input)
    const g = DeviceArray.from(gradOutput)
    for (let step = 0; step < 6; ++step) {
      const training = step % 3 !== 2
      const saveMask = step !== 1
      onHost.train(training)
      onDevice.train(training)
      const what = `step ${step}`
      const expected = onHost.forward(input, { saveMask })
      const output = onDevice.forward(x, { saveMask })
      equalBits(t, output.toHost(), expected, what)
      t.strictSame(onDevice.stats, onHost.stats, `${what}, stats`)
      equalBits(
        t,
        onDevice.backward(g, { output }).toHost(),
        onHost.backward(gradOutput, { output: expected }),
        `${what}, gradient`,
      )
    }
    t.strictSame(onDevice.toJSON(), onHost.toJSON())
    t.end()
  })
}

t.test('evaluation is the identity, or ReLU', (t) => {
  for (const dtype of floatDtypes) {
    const rounded = storedAll(input, dtype)
    const x = DeviceArray.from(input, { dtype })
    const out = DeviceArray.alloc(N, { dtype })
    t.equal(new Jumpout().eval().forward(x, { out }), out)
    equalBits(t, out.toHost(), rounded, dtype)
    equalBits(t, new Jumpout({ relu: true }).eval().forward(x).toHost(), relu(rounded), `${dtype}, ReLU`)
    const inPlace = DeviceArray.from(input, { dtype })
    new Jumpout().eval().forward(inPlace, { out: inPlace })
    equalBits(t, inPlace.toHost(), rounded, `${dtype}, in place`)
  }
  t.end()
})

t.test('on a stream, in memory that is used again', async (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 1, relu: true })
  const twin = new Jumpout({ seed: 1, relu: true })
  const out = DeviceArray.alloc(N)
  const grad = DeviceArray.alloc(N)
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  // Shorter ones, longer ones: the masks lie in the same memory, the other results of the layer do not.
  for (const length of [N, 100, N, 37, 320]) {
    layer.forward(x.subarray(0, length), { out: out.subarray(0, length), stream })
    layer.backward(g.subarray(0, length), { out: grad.subarray(0, length), stream })
    const expected = twin.forward(input.subarray(0, length))
    equalBits(t, out.subarray(0, length).toHost({ stream }), expected, `${length} elements`)
    equalBits(
      t,
      grad.subarray(0, length).toHost({ stream }),
      twin.backward(gradOutput.subarray(0, length)),
      `${length} elements, gradient`,
    )
    t.strictSame(layer.stats, twin.stats)
  }
})

t.test('one mode does not disturb the other', (t) => {
  const layer = new Jumpout({ seed: 2, relu: true })
  const twin = new Jumpout({ seed: 2, relu: true })
  const x = DeviceArray.from(input)
  layer.forward(x)
  twin.forward(input)
  layer.eval().forward(DeviceArray.from(gradOutput))
  layer.backward(x)
  layer.train()
  equalBits(
    t,
    layer.backward(DeviceArray.from(gradOutput)).toHost(),
    twin.backward(gradOutput),
    'the gradient of the forward in training',
  )
  t.strictSame(layer.stats, twin.stats)
  t.end()
})

t.test('captured, it draws anew at each launch, and goes on counting on the device', async (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 3, relu: true })
  const twin = new Jumpout({ seed: 3, relu: true })
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  const out = DeviceArray.alloc(N)
  const grad = DeviceArray.alloc(N)
  const same = async (what: string) => {
    await stream.synchronize()
    const expected = twin.forward(input)
    equalBits(t, out.toHost(), expected, what)
    t.strictSame(layer.stats, twin.stats, `${what}, stats`)
    t.strictSame(layer.toJSON(), twin.toJSON(), `${what}, state`)
  }
  layer.forward(x, { out, stream })
  await same('before')
  using graph = stream.capture(() => {
    layer.forward(x, { out, stream })
    layer.backward(g, { out: grad, stream })
    t.throws(() => layer.stats, { name: 'CudaError', cudaName: 'cudaErrorStreamCaptureUnsupported' })
  })
  t.strictSame(layer.toJSON(), twin.toJSON(), 'recording counts no call')
  for (const launch of [1, 2]) {
    graph.launch(stream)
    await same(`launch ${launch}`)
    equalBits(t, grad.toHost(), twin.backward(gradOutput), `launch ${launch}, gradient`)
  }
  layer.forward(x, { out, stream })
  await same('a call between')
  equalBits(t, layer.forward(input), twin.forward(input), 'a call on the host between')
  graph.launch(stream)
  await stream.synchronize()
  equalBits(t, out.toHost(), twin.forward(input), 'launched again')
  t.strictSame(layer.toJSON(), twin.toJSON())
  const restored = Jumpout.fromJSON(layer.toJSON())
  equalBits(t, restored.forward(input), Jumpout.fromJSON(twin.toJSON()).forward(input), 'a checkpoint')
})

t.test('a layer goes from the host to a device, to another, and back', (t) => {
  const layer = new Jumpout({ seed: 4 })
  const twin = new Jumpout({ seed: 4 })
  const last = runtime.cuda.devices.length - 1
  for (const device of [undefined, 0, last, undefined, last, 0]) {
    const x = device === undefined ? input : DeviceArray.from(input, { device })
    const output = layer.forward(x)
    const host = output instanceof DeviceArray ? output.toHost() : output
    equalBits(t, host, twin.forward(input), `device ${device}`)
    t.strictSame(layer.stats, twin.stats)
  }
  t.end()
})

t.test('counting on one device goes on on another', async (t) => {
  const last = runtime.cuda.devices.length - 1
  const layer = new Jumpout({ seed: 5 })
  const twin = new Jumpout({ seed: 5 })
  const stream = new Stream()
  const x = DeviceArray.from(input)
  stream.capture(() => void layer.forward(x, { stream })).launch(stream)
  twin.forward(input)
  equalBits(
    t,
    layer.forward(DeviceArray.from(input, { device: last })).toHost(),
    twin.forward(input),
    'the next draw',
  )
  t.equal(layer.toJSON().call, '2')
})

t.test('a call that is refused changes nothing', (t) => {
  const layer = new Jumpout({ seed: 6 })
  const twin = new Jumpout({ seed: 6 })
  const x = DeviceArray.from(input)
  layer.forward(x)
  twin.forward(input)
  const memory = DeviceArray.alloc(N + 1)
  for (const [what, call] of Object.entries({
    overlap: () => layer.forward(memory.subarray(1), { out: memory.subarray(0, N) }),
    length: () => layer.forward(x, { out: DeviceArray.alloc(N - 1) }),
    host: () => layer.forward(x, { out: new Float32Array(N) as never }),
    shape: () => layer.forward(x, { shape: [N + 1] }),
  })) {
    t.throws(call, { code: /^ERR_/ }, what)
  }
  equalBits(
    t,
    layer.backward(DeviceArray.from(gradOutput)).toHost(),
    twin.backward(gradOutput),
    'the gradient of the forward before',
  )
  equalBits(t, layer.forward(x).toHost(), twin.forward(input), 'the next draw')
  t.end()
})
