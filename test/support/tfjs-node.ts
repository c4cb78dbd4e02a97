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
