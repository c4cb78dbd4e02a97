/**
 * Jumpout: improved dropout for networks with ReLUs (Wang, Zhou, Bilmes, ICML 2019), over a native core.
 *
 * @packageDocumentation
 */
export type { AbortSignalLike } from './abort'
export type { Tensor } from './arrays'
export {
  type AsyncBackwardOptions,
  type BackwardOptions,
  jumpoutBackward,
  jumpoutBackwardAsync,
} from './backward'
export { countActive, type CountOptions, type Counts, type DeviceCountOptions } from './count'
export type { CudaMemory } from './cuda-memory'
export { DeviceArray, type DeviceArrayOptions, type StreamedOptions, type WrapOptions } from './device-array'
export type { DType, HostArrayOf } from './dtype'
export { CudaError, type ErrorCode } from './errors'
export { type ForwardResult, jumpoutForward, jumpoutForwardAsync } from './forward'
export { Jumpout } from './jumpout'
export type {
  LayerBackwardOptions,
  LayerCallOptions,
  LayerForwardOptions,
  LayerOptions,
} from './layer-options'
export type { Granularity, Unit } from './layout'
export { allocate, allocPinned } from './memory'
export { native, type NativePaths } from './native-paths'
export type { AsyncCallOptions, CallOptions, JumpoutOptions } from './options'
export { release } from './release'
export { type DeviceInfo, runtime, type Runtime } from './runtime'
export type { GroupStats, Saved } from './saved'
export { foldIn } from './seed'
export type { DeviceShard, Shard } from './shard'
export type { JumpoutState, StateOptions } from './state'
export { Graph, Stream, type StreamOptions } from './stream'
