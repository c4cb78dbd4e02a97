/** tfjs-node, in the folder that JUMPOUT_TFJS_NODE names or that scripts/get-tfjs-node makes. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { root } from './program'

const { JUMPOUT_TFJS_NODE: named, JUMPOUT_REQUIRE_TFJS_NODE: required } = process.env

/** Holds node_modules/@tensorflow/tfjs-node, and shim.cjs to be required before it. */
export const tfjsNodeFolder = named ?? join(root, 'build', 'tfjs-node')

/** Options of a test. Where tfjs-node is missing it is skipped, or fails if JUMPOUT_REQUIRE_TFJS_NODE=1. */
export const withTfjsNode = {
  skip:
    required !== '1' &&
    !existsSync(join(tfjsNodeFolder, 'shim.cjs')) &&
    `no tfjs-node in ${tfjsNodeFolder}: scripts/get-tfjs-node makes it`,
}

/** What the tests use of it. */
export interface Tensor {
  readonly shape: number[]
  readonly dataId: object
  dataSync(): Float32Array | Int32Array
  dispose(): void
}

export interface TfjsNode {
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype: string): Tensor
  memory(): { readonly numTensors: number }
  backend(): {
    readonly binding: { readonly TF_Version: string; getNumOfTensors(): number }
    executeMultipleOutputs(name: string, attributes: [], inputs: readonly Tensor[], count: number): Tensor[]
  }
}

export function loadTfjsNode(folder = tfjsNodeFolder): TfjsNode {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  require(join(tfjsNodeFolder, 'shim.cjs'))
  return require(join(folder, 'node_modules', '@tensorflow', 'tfjs-node')) as TfjsNode
}
