/**
 * Chooses the device that a test runs on, and must be imported before the package: a real one where there is one, else
 * CUDA executed on the CPU (npm run build:emulated), which is another binary of the same sources. Where a real one is
 * demanded (JUMPOUT_REQUIRE_CUDA=1) the other does not count, and the tests fail without a GPU.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program'

interface Binary {
  runtime(): { cudaAvailable: boolean }
}

const built = join(root, 'build', 'Release', 'jumpout.node')
const emulatedBinary = join(root, 'build', 'emulated', 'Release', 'jumpout.node')

/** Whether the kernels run on a GPU. */
export const onGpu =
  process.env.JUMPOUT_REQUIRE_CUDA === '1' || (require(built) as Binary).runtime().cudaAvailable

if (!onGpu) {
  if (!existsSync(emulatedBinary)) throw new Error(`${emulatedBinary} is missing: npm run build:emulated`)
  process.env.JUMPOUT_BINARY = emulatedBinary
}

/** For child processes, which start without the variables of this package. */
export const deviceEnvironment: Record<string, string> = onGpu ? {} : { JUMPOUT_BINARY: emulatedBinary }
