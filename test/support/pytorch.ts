/** Python with PyTorch, for tests that skip where it is not installed and fail instead where JUMPOUT_REQUIRE_PYTORCH is 1. */
import { join } from 'node:path'
import { buildEmulated } from './emulated'
import { isInstalled, needs } from './requirement'

/** Debian's Python finds Debian's PyTorch; another one may come first on PATH. */
const pythons = ['python3', '/usr/bin/python3']
const found = pythons.find((name) => isInstalled(name, '-c', 'import numpy, torch'))

export const pytorch = needs(found !== undefined, 'PyTorch', 'JUMPOUT_REQUIRE_PYTORCH')
export const python = found ?? 'python3'

/** The shared library whose kernels are emulated. */
export const emulatedLibrary = async (): Promise<string> =>
  join(await buildEmulated('plain', 'jumpout_shared'), 'Release', 'libjumpout.so') // where cmake-js puts libraries
