/** As 60-types.ts, where AbortSignal is known: by @types/node or by `dom`. */
import {
  type AsyncBackwardOptions,
  type AsyncCallOptions,
  jumpoutBackwardAsync,
  jumpoutForwardAsync,
} from 'jumpout'

export async function calledOff(x: Float32Array): Promise<void> {
  const controller = new AbortController()
  const call: AsyncCallOptions = { seed: 1, signal: controller.signal }
  const { saved } = await jumpoutForwardAsync(x, call)
  const options: AsyncBackwardOptions = { signal: AbortSignal.timeout(1) }
  await jumpoutBackwardAsync(x, saved, options)
  // @ts-expect-error: the signal, not its controller
  await jumpoutForwardAsync(x, { seed: 1, signal: controller })
}
