/**
 * Jumpout: improved dropout for networks with ReLUs (Wang, Zhou, Bilmes, ICML 2019), over a native core.
 *
 * @packageDocumentation
 */
export {
  type AbortSignalLike,
  type AsyncCallOptions,
  type CallOptions,
  type ForwardResult,
  jumpoutForward,
  jumpoutForwardAsync,
  type LayerCallOptions,
  type LayerForwardOptions,
} from './forward'
export {
  type AsyncBackwardOptions,
  type BackwardOptions,
  jumpoutBackward,
  jumpoutBackwardAsync,
  type LayerBackwardOptions,
} from './backward'
export { countActive, type CountOptions, type Counts, type DeviceCountOptions } from './count'
export {
  type CudaMemory,
  DeviceArray,
  type DeviceArrayOptions,
  type DType,
  type HostArrayOf,
  type StreamedOptions,
  type Tensor,
  type WrapOptions,
} from './cuda/array'
export { Graph, Stream, type StreamOptions } from './cuda/stream'
export { CudaError, type ErrorCode } from './errors'
export { allocate, allocPinned, release } from './host/memory'
export { Jumpout } from './jumpout'
export type { JumpoutState, LayerOptions, StateOptions } from './layer'
export type { DataFormat, DeviceShard, Granularity, Shard, Unit } from './layout'
export type { JumpoutOptions } from './options'
export { type DeviceInfo, native, type NativePaths, runtime, type Runtime } from './runtime'
export type { GroupStats, Saved } from './saved'
export { foldIn } from './seed'
