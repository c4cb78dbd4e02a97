/** As 60-types.ts, where Symbol.dispose is known: by `esnext.disposable` or by @types/node. */
import { DeviceArray, type Graph, Stream } from 'jumpout'

export function scoped(host: Float32Array): void {
  using stream = new Stream({ device: 0 })
  using x = DeviceArray.from(host, { stream })
  using graph: Graph = stream.capture(() => x.clear({ stream }))
  const disposables: Disposable[] = [stream, x, graph]
  for (const each of disposables) each[Symbol.dispose]()
  // @ts-expect-error: host arrays need none
  using array = x.toHost()
  array.fill(0)
}
