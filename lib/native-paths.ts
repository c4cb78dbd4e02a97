/** Where the C library lies that was built with this package, for addons and programs of others. */
import { join } from 'node:path'
import process from 'node:process'

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
