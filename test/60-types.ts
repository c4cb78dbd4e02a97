/**
 * Never run: the test of the types is that this compiles, with errors where they are expected. It needs no more than
 * ES2022; scripts/check-types.js compiles it against the packed declarations with many compilers.
 */
import {
  type AbortSignalLike,
  allocate,
  allocPinned,
  type CallOptions,
  countActive,
  type Counts,
  type CudaError,
  type CudaMemory,
  type DataFormat,
  DeviceArray,
  type DType,
  foldIn,
  type Graph,
  Jumpout,
  type JumpoutOptions,
  type JumpoutState,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  type LayerOptions,
  runtime,
  type Saved,
  type Shard,
  Stream,
  type Tensor,
} from 'jumpout'

type Same<A, B> = [A, B] extends [B, A] ? true : false
/** Float32Array<ArrayBuffer>, where the compiler knows of it. */
type New = ReturnType<typeof Float32Array.of>
const is = <A, B>(_: Same<A, B>): void => undefined

export async function types(x: Float32Array, mask: Uint32Array): Promise<void> {
  const { output, saved } = jumpoutForward(x, { seed: 1 })
  is<typeof output, New>(true)
  is<typeof saved, Saved>(true)
  is<Saved['length'], number>(true)
  const [group] = saved.stats()
  const numbers: number[] = [group.active, group.total, group.rate, group.effectiveRate, group.scale]
  is<ReturnType<typeof jumpoutBackwardAsync<Float32Array>>, Promise<Float32Array>>(true)
  const gradient: Float32Array = jumpoutBackward(x, saved, { out: x, output })

  const shard: Shard = { elementOffset: 0n, active: [1], total: [2] }
  const options: JumpoutOptions = { granularity: 'sample', unit: 'channel', shape: [1, 2, 3] as const }
  const call: CallOptions = {
    ...options,
    dataFormat: 'channelsLast' satisfies DataFormat,
    seed: 1n,
    call: 2,
    out: x,
    mask,
    saveMask: true,
    shard,
  }
  const result = await jumpoutForwardAsync(x, call)
  is<typeof result, ReturnType<typeof jumpoutForward<Float32Array>>>(true)
  const later: Promise<Float32Array> = jumpoutBackwardAsync(gradient, result.saved)
  await later

  const shared: Tensor = new Float32Array(new SharedArrayBuffer(4))
  const _ofShared = jumpoutForward(shared, { seed: 1 }).output
  is<typeof _ofShared, New>(true)
  const _intoShared = jumpoutBackward(x, saved, { out: shared })
  is<typeof _intoShared, typeof shared | New>(true)
  class Marked extends Float32Array {
    readonly mark = 1
  }
  const marked = new Marked(1)
  const _ofMarked = [
    jumpoutForward(marked, { seed: 1 }).output,
    jumpoutBackward(marked, saved),
    (await jumpoutForwardAsync(marked, { seed: 1 })).output,
    await jumpoutBackwardAsync(marked, saved),
    new Jumpout().forward(marked),
    new Jumpout().call(marked).output,
    new Jumpout().backward(marked),
  ] as const
  is<(typeof _ofMarked)[number], New>(true)
  const _intoMarked = jumpoutForward(x, { seed: 1, out: marked }).output
  is<typeof _intoMarked, Marked | New>(true)
  const _wherever = (tensor: Tensor) => jumpoutForward(tensor, { seed: 1 }).output
  is<ReturnType<typeof _wherever>, Tensor>(true)
  const _alike = <T extends Tensor>(tensor: T): T => jumpoutForward(tensor, { seed: 1 }).output
  is<ReturnType<typeof _alike<DeviceArray<'float16'>>>, DeviceArray<'float16'>>(true)

  const counted: { active: number[]; total: number[] } = countActive(x, { granularity: 'sample', shape: [1] })
  const seed: bigint = foldIn(1, 2n)
  const array: Float32Array = allocate(counted.total.length + numbers.length)
  is<ReturnType<typeof allocate>, New>(true)
  is<ReturnType<typeof allocPinned>, New>(true)
  array.set(output.subarray(1))
  const longest: number = Math.max(...output, ...gradient.map((value) => value + 1))
  new DataView(array.buffer, array.byteOffset, array.byteLength).setFloat32(0, longest)

  const layer = new Jumpout({ seed, layer: 1, ...options })
  const forward: Float32Array = layer.forward(x, { out: array, shape: [1], saveMask: false })
  layer.backward(forward, { out: array, output: x })
  is<ReturnType<typeof layer.train>, Jumpout>(true)
  is<typeof layer.training, boolean>(true)
  const state: JumpoutState = layer.eval().toJSON()
  Jumpout.fromJSON(state).stats?.[0]?.effectiveRate.toFixed()

  const applied = layer.call(x, { out: array, shape: [1], saveMask: false, call: 1n })
  is<typeof applied.output, Float32Array>(true)
  is<typeof applied.saved.call, bigint | undefined>(true)
  layer.call(x, { call: applied.saved.call })
  layer.backward(x, { saved: applied.saved, out: x, output: x }) satisfies Float32Array
  is<typeof layer.calls, bigint>(true)
  new Jumpout({ calls: 3n, reuse: true })
  class Mine extends Jumpout {
    tag = 1
  }
  is<ReturnType<typeof Mine.fromJSON<Mine>>, Mine>(true)
  Mine.fromJSON(state).tag.toFixed()
  class Named extends Jumpout {
    constructor(
      readonly title: string,
      options: LayerOptions,
    ) {
      super(options)
    }
    static override fromJSON({ seed, layer, call, options }: JumpoutState): Named {
      return new Named('', { ...options, seed: BigInt(seed), layer, calls: BigInt(call) })
    }
  }
  Named.fromJSON(state).title.trim()
  const signal: AbortSignalLike = {
    aborted: false,
    reason: undefined,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }
  await jumpoutForwardAsync(x, { seed: 1, signal })
  await jumpoutBackwardAsync(x, saved, { signal })
  // @ts-expect-error: a synchronous call cannot be called off
  jumpoutForward(x, { seed: 1, signal })
  // @ts-expect-error: no signal
  await jumpoutForwardAsync(x, { seed: 1, signal: {} })
  // @ts-expect-error: the call of a forward is the layer's
  layer.forward(x, { call: 1n })
  // @ts-expect-error: saved, not just anything
  layer.backward(x, { saved: {} })

  is<typeof runtime.cpu.isa, 'avx512' | 'avx2' | 'neon' | 'scalar'>(true)
  is<typeof runtime.backend, 'cuda' | 'cpu'>(true)
  const reason: string | undefined = runtime.cuda.reason
  reason?.trim()

  // @ts-expect-error: a seed is needed
  jumpoutForward(x, {})
  // @ts-expect-error: options are needed
  jumpoutForward(x)
  // @ts-expect-error: no plain array
  jumpoutForward([1, 2], { seed: 1 })
  // @ts-expect-error: float32 only
  jumpoutForward(new Float64Array(1), { seed: 1 })
  // @ts-expect-error: no seed in words
  jumpoutForward(x, { seed: '1' })
  // @ts-expect-error: no such option
  jumpoutForward(x, { seed: 1, sigmas: 0.1 })
  // @ts-expect-error: no such granularity
  jumpoutForward(x, { seed: 1, granularity: 'batches' })
  // @ts-expect-error: a mask is of 32-bit words
  jumpoutForward(x, { seed: 1, mask: new Uint8Array(1) })
  // @ts-expect-error: null is not absent
  jumpoutForward(x, { seed: 1, rate: null })
  // @ts-expect-error: what forward saved is needed
  jumpoutBackward(x)
  // @ts-expect-error: read-only
  saved.length = 1
  // @ts-expect-error: read-only
  layer.training = false
  // @ts-expect-error: read-only
  runtime.cpu.threads = 3
  // @ts-expect-error: a layer keeps its own call
  layer.forward(x, { call: 1 })
  // @ts-expect-error: backward gives an array, its promise does not
  const notYet: Float32Array = jumpoutBackwardAsync(x, saved)
  notYet.fill(0)
}

export async function deviceTypes(host: Float32Array, other: CudaMemory, error: CudaError): Promise<void> {
  const stream = new Stream({ device: 0 })
  const x = DeviceArray.from(host, { stream })
  is<typeof x, DeviceArray<'float32'>>(true)
  const half = DeviceArray.alloc(1, { dtype: 'float16' })
  is<typeof half, DeviceArray<'float16'>>(true)
  const words = DeviceArray.from(new Uint32Array(1))
  is<typeof words, DeviceArray<'uint32'>>(true)
  const longs = DeviceArray.from(BigUint64Array.of(0n))
  is<typeof longs, DeviceArray<'uint64'>>(true)
  DeviceArray.wrap(x.pointer, 1, {
    dtype: 'bfloat16',
    device: 1,
    owner: {},
  }) satisfies DeviceArray<'bfloat16'>
  is<ReturnType<typeof DeviceArray.fromDLPack>, DeviceArray>(true)

  const { output, saved } = jumpoutForward(half, { seed: 1, call: longs, mask: words, active: longs, stream })
  is<typeof output, DeviceArray<'float16'>>(true)
  jumpoutBackward(half, saved, { out: half, output, stream }) satisfies DeviceArray<'float16'>
  is<typeof saved.mask, Uint32Array | DeviceArray<'uint32'> | null>(true)
  jumpoutForward(other, { seed: 1, out: x }).output satisfies DeviceArray<'float32'>
  new Jumpout().call(half, { out: half, stream }).output satisfies DeviceArray<'float16'>
  new Jumpout().forward(x, { out: x, stream }) satisfies DeviceArray<'float32'>

  is<ReturnType<typeof x.toHost>, Float32Array>(true)
  is<ReturnType<typeof half.toHost>, Float32Array>(true)
  is<ReturnType<typeof words.toHost>, Uint32Array>(true)
  is<ReturnType<typeof longs.toHost>, BigUint64Array>(true)
  const copied: Float32Array = await (
    await x.copyFromAsync(allocPinned(1), { stream })
  ).toHostAsync({ stream })
  x.copyFrom(copied).copyFrom(x)
  is<DeviceArray['dtype'], DType>(true)

  const graph: Graph = stream.wait(Stream.wrap(0n)).capture(() => x.clear({ stream }))
  graph.launch(stream).free()
  const done: Promise<void> = stream.synchronize()
  await done
  const counts: Counts = countActive(host)
  counts.active.at(0)?.toFixed()
  const what: [string, number, boolean] = [error.cudaName, error.number, error.sticky]
  what.reverse()

  // @ts-expect-error: out is where the input is
  jumpoutForward(x, { seed: 1, out: host })
  // @ts-expect-error: and of its dtype
  jumpoutForward(x, { seed: 1, out: half })
  // @ts-expect-error: what is saved for the host
  jumpoutForward(host, { seed: 1, out: x })
  // @ts-expect-error: no such dtype
  DeviceArray.alloc(1, { dtype: 'float64' })
  // @ts-expect-error: a pointer is a bigint
  DeviceArray.wrap(1, 1)
  // @ts-expect-error: halves are floats on the host
  half.copyFrom(new Uint32Array(1))
  // @ts-expect-error: memory is found, not made up
  new DeviceArray()
  // @ts-expect-error: a stream, not its handle
  jumpoutForward(x, { seed: 1, stream: 0n })
  // @ts-expect-error: asynchronous calls are for the host, streams for devices
  await jumpoutForwardAsync(x, { seed: 1 })
  // @ts-expect-error: the same
  await jumpoutForwardAsync(host, { seed: 1, stream })
  // @ts-expect-error: the same
  await jumpoutBackwardAsync(host, saved, { stream })
  // @ts-expect-error: read-only
  x.length = 2
}
