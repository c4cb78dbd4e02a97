/** Never run: that this compiles, errors where errors are expected included, is the test of the types. */
import {
  allocate,
  type CallOptions,
  countActive,
  foldIn,
  Jumpout,
  type JumpoutOptions,
  type JumpoutState,
  jumpoutBackward,
  jumpoutBackwardAsync,
  jumpoutForward,
  jumpoutForwardAsync,
  runtime,
  type Saved,
  type Shard,
  type Tensor,
} from 'jumpout'

type Same<A, B> = [A, B] extends [B, A] ? true : false
const is = <A, B>(_: Same<A, B>): void => undefined

export async function types(x: Float32Array, mask: Uint32Array): Promise<void> {
  const { output, saved } = jumpoutForward(x, { seed: 1 })
  is<typeof output, Float32Array>(true)
  is<typeof saved, Saved>(true)
  is<Saved['length'], number>(true)
  const [group] = saved.stats()
  const numbers: number[] = [group.active, group.total, group.rate, group.effectiveRate, group.scale]
  is<ReturnType<typeof jumpoutBackwardAsync>, Promise<Float32Array>>(true)
  const gradient: Float32Array = jumpoutBackward(x, saved, { out: x, output })

  const shard: Shard = { elementOffset: 0n, active: [1], total: [2] }
  const options: JumpoutOptions = { granularity: 'sample', unit: 'channel', shape: [1, 2, 3] as const }
  const call: CallOptions = {
    ...options,
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
  jumpoutForward(shared, { seed: 1 })

  const counted: { active: number[]; total: number[] } = countActive(x, { granularity: 'sample', shape: [1] })
  const seed: bigint = foldIn(1, 2n)
  const array: Float32Array = allocate(counted.total.length + numbers.length)

  const layer = new Jumpout({ seed, layer: 1, ...options })
  const forward: Float32Array = layer.forward(x, { out: array, shape: [1], saveMask: false })
  layer.backward(forward, { out: array, output: x })
  is<ReturnType<typeof layer.train>, Jumpout>(true)
  is<typeof layer.training, boolean>(true)
  const state: JumpoutState = layer.eval().toJSON()
  Jumpout.fromJSON(state).stats?.[0]?.effectiveRate.toFixed()

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
