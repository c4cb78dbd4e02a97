/** The layer on a device: the same results as on the host, also in graphs. */
import './support/device'
import { inspect } from 'node:util'
import { DeviceArray, Jumpout, jumpoutBackward, type LayerOptions, runtime, Stream } from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { floatDtypes } from './support/device-conform'
import { storedAll } from './support/half'
import { makeGradient, makeInput } from './support/inputs'
import { relu } from './support/reference'
import { state } from './support/refusals'

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

t.test('on a stream, in memory that is reused', async (t) => {
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

t.test('the modes keep separate state', (t) => {
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

t.test('two forwards in one graph', async (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 11 })
  const twin = new Jumpout({ seed: 11 })
  const x = DeviceArray.from(input)
  const outs = [DeviceArray.alloc(N), DeviceArray.alloc(N)]
  using graph = stream.capture(() => {
    for (const out of outs) layer.forward(x, { out, stream })
  })
  for (const launch of [1, 2]) {
    graph.launch(stream)
    await stream.synchronize()
    for (const out of outs) equalBits(t, out.toHost(), twin.forward(input), `launch ${launch}`)
  }
})

t.test('without a graph nothing is counted on the device', (t) => {
  const layer = new Jumpout({ seed: 12, calls: 2n ** 63n - 2n })
  const x = DeviceArray.from(input)
  layer.forward(x)
  t.match(inspect(layer), /calls: 9223372036854775807n/, 'no wait is needed')
  const all = { code: 'ERR_INVALID_STATE', message: /a layer that has used them all$/ }
  t.throws(() => layer.forward(x), all)
  t.throws(() => layer.forward(input), all)
  t.end()
})

t.test('counting on one device, and forwards on another', async (t) => {
  const last = runtime.cuda.devices.length - 1
  const layer = new Jumpout({ seed: 5 })
  const twin = new Jumpout({ seed: 5 })
  const stream = new Stream()
  const x = DeviceArray.from(input)
  const elsewhere = DeviceArray.from(input, { device: last })
  const out = DeviceArray.alloc(N)
  using graph = stream.capture(() => void layer.forward(x, { out, stream }))
  for (const launch of [1, 2]) {
    graph.launch(stream)
    await stream.synchronize()
    equalBits(t, out.toHost(), twin.forward(input), `launch ${launch}`)
    equalBits(t, layer.forward(elsewhere).toHost(), twin.forward(input), 'the next draw')
  }
  t.equal(layer.toJSON().call, '4')
  if (last === 0) return
  const other = new Stream({ device: last })
  const refused = { code: 'ERR_INVALID_STATE', message: /one whose calls a graph of device 0 counts$/ }
  other.capture(() => t.throws(() => layer.forward(elsewhere, { stream: other }), refused)).free()
  const moved = Jumpout.fromJSON(layer.toJSON())
  const there = DeviceArray.alloc(N, { device: last })
  other.capture(() => void moved.forward(elsewhere, { out: there, stream: other })).launch(other)
  await other.synchronize()
  equalBits(t, there.toHost(), twin.forward(input), 'a layer made of its state')
})

t.test('a refused call changes nothing', (t) => {
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

t.test('a recording that is refused or discarded changes nothing', async (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 6 })
  const twin = new Jumpout({ seed: 6 })
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  const memory = DeviceArray.alloc(N + 1)
  t.throws(
    () => stream.capture(() => layer.forward(memory.subarray(1), { out: memory.subarray(0, N), stream })),
    { code: 'ERR_INVALID_ARG_VALUE' },
  )
  t.match(inspect(layer), /calls: 0n/, 'no device counts the calls')
  layer.forward(x)
  twin.forward(input)
  const mistake = new Error('mistake')
  const discard = (body: () => void) =>
    t.throws(
      () =>
        stream.capture(() => {
          body()
          throw mistake
        }),
      mistake,
    )
  discard(() => layer.forward(x.subarray(1), { stream }))
  t.strictSame(layer.stats, twin.stats, 'the statistics of the forward before')
  discard(() => layer.backward(g, { stream }))
  discard(() => {
    layer.forward(x.subarray(2), { stream })
    layer.backward(g.subarray(2), { stream })
    layer.forward(x.subarray(3), { stream })
    layer.eval().forward(x.subarray(4), { stream })
    layer.train()
  })
  await stream.synchronize()
  equalBits(t, layer.backward(g).toHost(), twin.backward(gradOutput), 'its gradient')
  t.throws(() => layer.backward(g), { code: 'ERR_INVALID_STATE' }, 'which was made')
  t.throws(() => layer.eval().backward(g), { code: 'ERR_INVALID_STATE' }, 'in evaluation there was none')
  layer.train()
  discard(() => {
    layer.forward(x.subarray(1), { stream })
    layer.forward(input) // is no part of the recording
    layer.backward(gradOutput)
    layer.forward(input)
  })
  twin.forward(input)
  twin.forward(input)
  equalBits(t, layer.backward(gradOutput), twin.backward(gradOutput), 'the gradient of a real forward within')
  t.equal(layer.calls, twin.calls)
})

t.test('statistics of a recorded forward that was never launched', (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 6 })
  const x = DeviceArray.from(input)
  layer.forward(x, { stream })
  using graph = stream.capture(() => layer.forward(x, { stream }))
  t.throws(() => layer.stats, state('Expected a launch of its graph for stats, got none'))
  graph.launch(stream)
  const twin = new Jumpout({ seed: 6, calls: 1 })
  twin.forward(input)
  t.strictSame(layer.stats, twin.stats)
  t.end()
})

t.test('the last call, counted on the device', (t) => {
  const all = state('Expected a call number below 2^63 - 1 for forward, got a layer that has used them all')
  const calls = 2n ** 63n - 4n
  const stream = new Stream()
  const layer = new Jumpout({ seed: 12, calls })
  const twin = new Jumpout({ seed: 12, calls })
  const x = DeviceArray.from(input)
  const out = DeviceArray.alloc(N)
  using graph = stream.capture(() => layer.forward(x, { out, stream }))
  for (const launch of [1, 2]) {
    graph.launch(stream)
    equalBits(t, out.toHost({ stream }), twin.forward(input), `launch ${launch}`)
  }
  const expected = twin.forward(input)
  equalBits(t, layer.forward(x, { stream }).toHost({ stream }), expected, 'the last call')
  for (const launch of [3, 4]) {
    graph.launch(stream)
    equalBits(t, out.toHost({ stream }), expected, `launch ${launch} repeats it`)
    t.equal(layer.calls, 2n ** 63n - 1n)
    for (const [what, forward] of Object.entries({
      device: () => layer.forward(x),
      host: () => layer.forward(input),
      call: () => layer.call(x),
      graph: () => stream.capture(() => layer.forward(x, { stream })),
      'a checkpoint': () => Jumpout.fromJSON(layer.toJSON()).forward(x),
      'a graph of a checkpoint': () =>
        stream.capture(() => Jumpout.fromJSON(twin.toJSON()).forward(x, { stream })),
    }))
      t.throws(forward, all, what)
  }
  equalBits(
    t,
    layer.call(x, { call: calls }).output.toHost(),
    twin.call(input, { call: calls }).output,
    'repeated',
  )
  t.end()
})

for (const [name, options] of Object.entries(KINDS)) {
  t.test(`${name}: applied twice, repeated, and evaluated, as on the host`, (t) => {
    const layer = new Jumpout({ ...options, seed: 8 })
    const twin = new Jumpout({ ...options, seed: 8 })
    const x = DeviceArray.from(input)
    const g = DeviceArray.from(gradOutput)
    layer.forward(x)
    twin.forward(input)
    const calls = [false, true, true].map((training) => {
      layer.train(training)
      twin.train(training)
      return { device: layer.call(x), host: twin.call(input) }
    })
    t.equal(layer.calls, 3n)
    for (const { device, host } of [calls[2], calls[1], calls[0], calls[1]]) {
      equalBits(t, device.output.toHost(), host.output, 'output')
      t.strictSame(device.saved.stats(), host.saved.stats())
      t.equal(device.saved.call, host.saved.call)
      const gradient = twin.backward(gradOutput, { saved: host.saved })
      for (const mode of [false, true]) {
        layer.train(mode)
        equalBits(t, layer.backward(g, { saved: device.saved }).toHost(), gradient, 'gradient')
        equalBits(t, jumpoutBackward(g, device.saved).toHost(), gradient, 'gradient, by the function')
      }
    }
    const again = layer.call(x, { call: calls[1].device.saved.call })
    equalBits(t, again.output.toHost(), calls[1].host.output, 'made again')
    t.equal(layer.calls, 3n)
    equalBits(t, layer.backward(g).toHost(), twin.backward(gradOutput), 'of the forward before')
    t.throws(() => layer.backward(g), { code: 'ERR_INVALID_STATE', message: /layer\.call/ })
    const { saved } = calls[1].device
    t.throws(() => layer.backward(gradOutput, { saved }), { code: 'ERR_INVALID_ARG_TYPE' }, 'host, device')
    t.throws(() => twin.backward(g, { saved: calls[1].host.saved }), { code: 'ERR_INVALID_ARG_TYPE' })
    t.end()
  })
}

t.test('a captured backward counts once, a captured call counts on the device', async (t) => {
  const stream = new Stream()
  const layer = new Jumpout({ seed: 9, relu: true })
  const twin = new Jumpout({ seed: 9, relu: true })
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  const grad = DeviceArray.alloc(N)
  const graph = stream.capture(() => {
    layer.forward(x, { stream })
    t.throws(() => layer.backward(g.subarray(1), { stream }), { code: 'ERR_OUT_OF_RANGE' })
    layer.backward(g, { out: grad, stream })
    t.throws(() => layer.backward(g, { out: grad, stream }), { code: 'ERR_INVALID_STATE' })
  })
  graph.launch(stream)
  twin.forward(input)
  await stream.synchronize()
  equalBits(t, grad.toHost(), twin.backward(gradOutput), 'gradient')
  t.equal(layer.calls, 1n)
  const { output, saved } = layer.call(x, { stream })
  await stream.synchronize()
  const expected = twin.call(input)
  t.equal(saved.call, 1n, 'the number comes from the device')
  equalBits(t, output.toHost(), expected.output, 'output')
  const again = layer.call(x, { call: saved.call, stream })
  await stream.synchronize()
  equalBits(t, again.output.toHost(), expected.output, 'made again')
  t.equal(layer.calls, 2n)
})

t.test('reuse: outputs and gradients of the layer', (t) => {
  const layer = new Jumpout({ seed: 10, relu: true, reuse: true })
  const twin = new Jumpout({ seed: 10, relu: true })
  const x = DeviceArray.from(input)
  const g = DeviceArray.from(gradOutput)
  const y = layer.forward(x)
  const dx = layer.backward(g)
  const { pointer } = y
  equalBits(t, y.toHost(), twin.forward(input), 'output')
  equalBits(t, dx.toHost(), twin.backward(gradOutput), 'gradient')
  t.equal(layer.forward(x).pointer, pointer, 'handed out again')
  t.equal(layer.backward(g).pointer, dx.pointer)
  t.not(layer.forward(y).pointer, pointer, 'its own output as an input')
  t.not(layer.call(x).output.pointer, layer.call(x).output.pointer)
  layer.forward(x).free()
  t.equal(layer.forward(x).toHost().length, N, 'freed by hand')
  t.end()
})
