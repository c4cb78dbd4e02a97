/**
 * Jumpout in TensorFlow.js: a layer for models, and a differentiable function for training loops of one's own.
 *
 * @packageDocumentation
 */
import { registerLayer } from './tfjs/layer'
import { loadCore } from './tfjs/peers'

loadCore()
registerLayer()

export type { ErrorCode } from './errors'
export type { DataFormat, Granularity, Unit } from './layout'
export type { JumpoutOptions } from './options'
export type { GroupStats } from './saved'
export { jumpout, type JumpoutLayer, type JumpoutLayerOptions } from './tfjs/layer'
export { jumpoutOp, type JumpoutOpOptions, type TensorOptions } from './tfjs/op'
