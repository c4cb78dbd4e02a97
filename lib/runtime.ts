/** The features of this build and this machine, and the paths of its C library. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { binary, native as addon } from './native'

/** A CUDA device; `runtime.cuda.reason` names those that this build cannot use. */
export interface DeviceInfo {
  /** The value of the option `device`. */
  readonly index: number
  /** As the driver calls it. */
  readonly name: string
  /** Major and minor version: '9.0'. */
  readonly computeCapability: string
  /** How many streaming multiprocessors it has. */
  readonly multiprocessors: number
  /** The size of its memory. */
  readonly memoryBytes: number
  /** The size of its L2 cache. */
  readonly l2Bytes: number
}

/**
 * The type of {@link runtime}. Reading `backend` or `cuda` asks the CUDA driver, at the first time; nothing else here does, and
 * loading does not.
 */
export interface Runtime {
  /** 'cuda' if a device can be used. Each call runs where its arrays lie all the same. */
  readonly backend: 'cuda' | 'cpu'
  /** The backend of arrays on the host. */
  readonly cpu: {
    /** The vector instructions in use; `JUMPOUT_CPU_ISA` forces one. */
    readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
    /** The most threads per call: `JUMPOUT_NUM_THREADS`, or one per processor of the process, at most 16. */
    readonly threads: number
  }
  /** The backend of arrays on devices. */
  readonly cuda: {
    /** Whether the binary has it. */
    readonly compiled: boolean
    /** Whether a device can be used. */
    readonly available: boolean
    /** In words, why there is no CUDA, or which devices this build has no code for; absent if it can use all. */
    readonly reason?: string
    /** The devices that this build can use. */
    readonly devices: readonly DeviceInfo[]
  }
  /** Version of the native part. */
  readonly version: string
  /** The path of the file that was loaded: what `JUMPOUT_BINARY` names, a build in the package, or a prebuilt one. */
  readonly binary: string
}

function readCuda(): Runtime['cuda'] {
  const { cudaCompiled, cudaAvailable, cudaReason, devices } = addon.runtime()
  return Object.freeze({
    compiled: cudaCompiled,
    available: cudaAvailable,
    ...(cudaReason === undefined ? {} : { reason: cudaReason }),
    devices: Object.freeze(Array.from(devices, (device) => Object.freeze({ ...device }))),
  })
}

function readRuntime(): Runtime {
  const { version, isa, threads } = addon.host()
  let cuda: Runtime['cuda'] | undefined
  const made = {
    get backend() {
      return made.cuda.available ? 'cuda' : 'cpu'
    },
    cpu: Object.freeze({ isa, threads }),
    get cuda() {
      return (cuda ??= readCuda())
    },
    version,
    binary,
  } as const
  // Printed as the plain data that it is read as.
  Object.defineProperty(made, Symbol.for('nodejs.util.inspect.custom'), { value: () => ({ ...made }) })
  return Object.freeze(made)
}

/** The features of this build and this machine; reading it never throws. */
export const runtime: Runtime = readRuntime()

/** The type of {@link native}: absolute paths; the C API is described in its headers. */
export interface NativePaths {
  /** The folder of `jumpout.h` and `jumpout_cuda.h`. */
  readonly include: string
  /** The folder of the CMake package: `jumpout_DIR`, for `find_package(jumpout)`. */
  readonly cmake: string
  /** The shared library; needs a C++ runtime if it was built on the machine, and for CUDA a driver. */
  readonly library: string
  /**
   * The static library; `find_package(jumpout)` adds the other libraries that it needs. Undefined where the binary is a
   * prebuilt one: `npx jumpout build` makes it.
   */
  readonly staticLibrary: string | undefined
  /** TensorFlow's operations over `library`, for `tf.load_op_library` in Python; jumpout/tfjs does without. */
  readonly tensorflow: string
}

/**
 * The shared and the static library, and that for TensorFlow. The version in a name keeps the libraries of two versions in
 * one process apart.
 */
const LIBRARIES: Partial<Record<NodeJS.Platform, readonly [string, string, string]>> = {
  darwin: [`lib/libjumpout.${runtime.version}.dylib`, 'lib/libjumpout.a', 'lib/libjumpout_tensorflow.dylib'],
  win32: [`jumpout-${runtime.version}.dll`, 'lib/jumpout_static.lib', 'jumpout_tensorflow.dll'],
}

function nativePaths(): NativePaths {
  const folder = dirname(binary)
  const [library, staticName, tensorflow] = LIBRARIES[process.platform] ?? [
    `lib/libjumpout.so.${runtime.version}`,
    'lib/libjumpout.a',
    'lib/libjumpout_tensorflow.so',
  ]
  const staticLibrary = join(folder, staticName)
  return Object.freeze({
    include: join(folder, 'include'),
    cmake: join(folder, 'lib', 'cmake', 'jumpout'),
    library: join(folder, library),
    staticLibrary: existsSync(staticLibrary) ? staticLibrary : undefined,
    tensorflow: join(folder, tensorflow),
  })
}

/**
 * The paths of the C API, which does the same as this package without Node. For CMake, set `jumpout_DIR` to
 * `native.cmake`. They lie beside the loaded addon.
 */
export const native: NativePaths = nativePaths()
