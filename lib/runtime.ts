/** What this build and this machine can do. */
import { binary, native } from './native'

/** A CUDA device; `reason` names those that this build cannot use. */
export interface DeviceInfo {
  /** What `device` is in options. */
  readonly index: number
  readonly name: string
  /** '9.0' and the like. */
  readonly computeCapability: string
  readonly multiprocessors: number
  readonly memoryBytes: number
  readonly l2Bytes: number
}

export interface Runtime {
  /** The best there is; an array is always worked on where it lies. */
  readonly backend: 'cuda' | 'cpu'
  readonly cpu: {
    /** The vector instructions in use; `JUMPOUT_CPU_ISA` forces one. */
    readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
    /** The most threads that one call uses: `JUMPOUT_NUM_THREADS`, or one per processor that the process may use, at most 16. */
    readonly threads: number
  }
  readonly cuda: {
    readonly compiled: boolean
    readonly available: boolean
    /** Why there is no CUDA, or which devices this build has no code for, in words; absent where it can use them all. */
    readonly reason?: string
    readonly devices: readonly DeviceInfo[]
  }
  /** Of the native part. */
  readonly version: string
  /** The file that was loaded. */
  readonly binary: string
}

function readRuntime(): Runtime {
  const { version, isa, threads, cudaCompiled, cudaAvailable, cudaReason, devices } = native.runtime()
  return Object.freeze({
    backend: cudaAvailable ? 'cuda' : 'cpu',
    cpu: Object.freeze({ isa, threads }),
    cuda: Object.freeze({
      compiled: cudaCompiled,
      available: cudaAvailable,
      ...(cudaReason === undefined ? {} : { reason: cudaReason }),
      devices: Object.freeze(Array.from(devices, (device) => Object.freeze({ ...device }))),
    }),
    version,
    binary,
  })
}

/** What this build and this machine can do; plain data, so that reading it never throws. */
export const runtime: Runtime = readRuntime()
