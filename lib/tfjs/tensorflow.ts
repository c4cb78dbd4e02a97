/** jumpout's operations in the TensorFlow that tfjs-node has loaded (csrc/tensorflow). */
import { native, type TensorFlowOps } from '../native'

let ops: TensorFlowOps | undefined

/**
 * The names under which TensorFlow runs them, in this process alone. Throws ERR_NO_TENSORFLOW where no TensorFlow is loaded,
 * one that lacks what is needed, or more than one; a later call looks again.
 */
export const tensorflowOps = (): TensorFlowOps => (ops ??= { ...native.tensorflowOps() })
