/** What this build and this machine can do, and where the C library of the build lies. */
import { join } from 'node:path'
import process from 'node:process'
import { binary, native as addon } from './native'

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

/** What this build and this machine can do; plain data, so that reading it never throws. */
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

const LIBRARIES: Partial<Record<NodeJS.Platform, readonly [string, string]>> = {
  darwin: ['lib/libjumpout.dylib', 'lib/libjumpout.a'],
  win32: ['bin/jumpout.dll', 'lib/jumpout_static.lib'],
}

function nativePaths(): NativePaths {
  const [library, staticLibrary] = LIBRARIES[process.platform] ?? ['lib/libjumpout.so', 'lib/libjumpout.a']
  return Object.freeze({
    include: join(RELEASE, 'include'),
    cmake: join(RELEASE, 'lib', 'cmake', 'jumpout'),
    library: join(RELEASE, library),
    staticLibrary: join(RELEASE, staticLibrary),
  })
}

/**
 * Where to find the C API, which does the same as this package and needs no Node: e.g. `jumpout_DIR` of CMake is
 * `native.cmake`.
 */
export const native: NativePaths = nativePaths()
