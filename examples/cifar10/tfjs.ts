/** tfjs-node, with its backend in use. */
import type * as core from '@tensorflow/tfjs-core'
import { loadTfjsNode } from '../../test/support/tfjs-node'
import { fusedOperations } from '../tfjs/fused'

export type { Optimizer, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'

interface TfjsNode {
  readonly node: { decodePng(bytes: Uint8Array, channels: number): core.Tensor3D }
}

export const tf = loadTfjsNode() as unknown as typeof core & TfjsNode
tf.enableProdMode() // says nothing of the platform that another copy has set
export const fused = fusedOperations(tf)
export const tensorFlowVersion = loadTfjsNode().backend().binding.TF_Version
