/** Small addons that tests need beside the package's own, compiled when they are asked for. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { root } from './program'

/** Compiles one C file of test/programs into `folder` and gives the addon's path. */
export function buildAddon(source: string, folder: string): string {
  const path = join(folder, `${basename(source, '.c')}.node`)
  const headers = createRequire(__filename)('node-api-headers') as { include_dir: string }
  const flags = ['-shared', '-fPIC', '-DNAPI_VERSION=8', `-I${headers.include_dir}`]
  if (process.platform === 'darwin') flags.push('-undefined', 'dynamic_lookup')
  execFileSync(process.env.CC ?? 'cc', [...flags, join(root, 'test', 'programs', source), '-o', path])
  return path
}
