/** Matrix products with transposed operands, as gradients need them, at the speed of those without. */
import * as tf from '@tensorflow/tfjs-core'

type Product = { a: tf.TensorInfo; b: tf.TensorInfo }
type Transposed = { transposeA: boolean; transposeB: boolean }

/**
 * The WebAssembly backend multiplies transposed operands ten times slower than others. This replaces its kernel by one that
 * transposes first. Its packed operands are cached by tensor, so variables must never be written in place.
 */
export function transposeBeforeProducts(): void {
  const product = kernel('BatchMatMul')
  const transpose = kernel('Transpose')
  tf.unregisterKernel('BatchMatMul', 'wasm')
  tf.registerKernel({
    ...product,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const made: tf.TensorInfo[] = []
      const straight = (x: tf.TensorInfo, transposed: boolean): tf.TensorInfo => {
        if (!transposed) return x
        const perm = x.shape.map((_, axis) => axis)
        perm.push(...perm.splice(-2).reverse())
        const y = transpose.kernelFunc({ inputs: { x }, attrs: { perm }, backend }) as tf.TensorInfo
        made.push(y)
        return y
      }
      const { a, b } = inputs as Product
      const { transposeA, transposeB } = attrs as unknown as Transposed
      const straightened = { a: straight(a, transposeA), b: straight(b, transposeB) }
      const result = product.kernelFunc({
        inputs: straightened,
        attrs: { transposeA: false, transposeB: false },
        backend,
      })
      for (const { dataId } of made) tf.backend().disposeData(dataId)
      return result
    },
  })
}

function kernel(name: string): tf.KernelConfig {
  const config = tf.getKernel(name, 'wasm')
  if (!config) throw new Error(`the WebAssembly backend of tfjs has no kernel ${name}`)
  return config
}
