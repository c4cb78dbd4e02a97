/** The features of this build and this machine, and the paths of its C library. */
import { join } from 'node:path'
import process from 'node:process'
import { binary, native as addon } from './native'

/** A CUDA device; `runtime.cuda.reason` names those that this build cannot use. */
export interface DeviceInfo {
  /** The value of the option `device`. */
  readonly index: number
  readonly name: string
  /** Major and minor version: '9.0'. */
  readonly computeCapability: string
  readonly multiprocessors: number
  readonly memoryBytes: number
  readonly l2Bytes: number
}

export interface Runtime {
  /** 'cuda' if a device can be used. Each call runs where its arrays lie all the same. */
  readonly backend: 'cuda' | 'cpu'
  readonly cpu: {
    /** The vector instructions in use; `JUMPOUT_CPU_ISA` forces one. */
    readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
    /** The most threads per call: `JUMPOUT_NUM_THREADS`, or one per processor of the process, at most 16. */
    readonly threads: number
  }
  readonly cuda: {
    readonly compiled: boolean
    readonly available: boolean
    /** In words, why there is no CUDA, or which devices this build has no code for; absent if it can use all. */
    readonly reason?: string
    readonly devices: readonly DeviceInfo[]
  }
  /** Version of the native part. */
  readonly version: string
  /** Path of the loaded addon. */
  readonly binary: string
}

function readRuntime(): Runtime {
  const { version, isa, threads, cudaCompiled, cudaAvailable, cudaReason, devices } = addon.runtime()
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

/** The features of this build and this machine: plain frozen data, so that reading it never throws. */
export const runtime: Runtime = readRuntime()

/** Absolute paths; the C API is described in its headers. */
export interface NativePaths {
  /** The folder of `jumpout.h` and `jumpout_cuda.h`. */
  readonly include: string
  /** The folder of the CMake package: `jumpout_DIR`, for `find_package(jumpout)`. */
  readonly cmake: string
  /** The shared library; needs nothing but a C++ runtime, and a driver where CUDA is to be used. */
  readonly library: string
  /** The static library; `find_package(jumpout)` knows what else it has to be linked with. */
  readonly staticLibrary: string
}

const RELEASE = join(__dirname, '..', 'build', 'Release')

/** The shared and the static library. The version in a name keeps the libraries of two versions in one process apart. */
const LIBRARIES: Partial<Record<NodeJS.Platform, readonly [string, string]>> = {
  darwin: [`lib/libjumpout.${runtime.version}.dylib`, 'lib/libjumpout.a'],
  win32: [`jumpout-${runtime.version}.dll`, 'lib/jumpout_static.lib'],
}

function nativePaths(): NativePaths {
  const [library, staticLibrary] = LIBRARIES[process.platform] ?? [
    `lib/libjumpout.so.${runtime.version}`,
    'lib/libjumpout.a',
  ]
  return Object.freeze({
    include: join(RELEASE, 'include'),
    cmake: join(RELEASE, 'lib', 'cmake', 'jumpout'),
    library: join(RELEASE, library),
    staticLibrary: join(RELEASE, staticLibrary),
  })
}

/**
 * The paths of the C API, which does the same as this package without Node. For CMake, set `jumpout_DIR` to
 * `native.cmake`.
 */
export const native: NativePaths = nativePaths()
