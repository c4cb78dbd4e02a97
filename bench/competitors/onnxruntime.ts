import { onnxDropout } from './onnx-dropout'
import { loadPeer } from './peers'

/** The part of onnxruntime-node that is used here. */
interface OnnxRuntime {
  Tensor: new (type: string, data: Float32Array | Uint8Array, dims: readonly number[]) => object
  InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: object, fetches: object): Promise<unknown>
    }>
  }
}

/** Dropout in training mode on one thread, from `input` into `output`; its mask, one byte per element, is kept too. */
export async function onnxruntimeDropout(rate: number, input: Float32Array, output: Float32Array) {
  const { InferenceSession, Tensor } = loadPeer('onnxruntime-node') as OnnxRuntime
  const session = await InferenceSession.create(onnxDropout(rate), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  })
  const dims = [input.length]
  const feeds = { x: new Tensor('float32', input, dims) }
  const fetches = {
    y: new Tensor('float32', output, dims),
    mask: new Tensor('bool', new Uint8Array(input.length), dims),
  }
  return () => session.run(feeds, fetches)
}
