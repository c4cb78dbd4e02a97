import * as tf from '@tensorflow/tfjs-core'
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm'

/** The tensor's own WebAssembly memory, without a copy; valid until the next tensor is made, which may move it. */
export function memoryOf(tensor: tf.TensorInfo): Float32Array {
  return wasmBackend().typedArrayFromHeap(tensor) as Float32Array
}

/** A new tensor of the shape of `x`, whose memory `fill` writes. */
export function mapMemory<T extends tf.Tensor>(
  x: T,
  fill: (input: Float32Array, out: Float32Array) => void,
): T {
  const output = wasmBackend().makeOutput(x.shape, 'float32')
  fill(memoryOf(x), memoryOf(output))
  return tf.engine().makeTensorFromTensorInfo(output) as T
}

function wasmBackend(): BackendWasm {
  const backend = tf.backend()
  if (!(backend instanceof BackendWasm))
    throw new Error(`the backend of tfjs is ${tf.getBackend()}, not wasm`)
  return backend
}
