/**
 * Jumpout: improved dropout for networks with ReLUs (Wang, Zhou, Bilmes, ICML 2019), over a native core.
 *
 * @packageDocumentation
 */
export type { Tensor } from './arrays'
export { type BackwardOptions, jumpoutBackward, jumpoutBackwardAsync } from './backward'
export { countActive, type CountOptions, type Counts } from './count'
export type { ErrorCode } from './errors'
export { type ForwardResult, jumpoutForward, jumpoutForwardAsync } from './forward'
export { Jumpout, type LayerForwardOptions, type LayerOptions } from './jumpout'
export type { Granularity, Unit } from './layout'
export { allocate } from './memory'
export type { CallOptions, JumpoutOptions } from './options'
export { type DeviceInfo, runtime, type Runtime } from './runtime'
export type { GroupStats, Saved } from './saved'
export { foldIn } from './seed'
export type { Shard } from './shard'
export type { JumpoutState } from './state'
