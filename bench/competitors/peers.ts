import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../machine'

const folder = join(root, 'bench', 'peers')
const requirePeer = createRequire(join(folder, 'package.json'))

/** npm writes this file once all packages are installed. */
export const peersInstalled = (): boolean => existsSync(join(folder, 'node_modules', '.package-lock.json'))

/** Their install scripts stay off: onnxruntime-node's downloads GPU libraries, and its CPU binaries ship in the package. */
export function installPeers(): void {
  console.error('Installing the peers into bench/peers/node_modules (about 360 MB, once) ...')
  const options = { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' } as const
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options)
}

export function loadPeer(name: string): unknown {
  return requirePeer(name)
}

export function resolvePeer(file: string): string {
  return requirePeer.resolve(file)
}

export function peerVersions(): Record<string, string> {
  if (!peersInstalled()) return {}
  const { dependencies } = requirePeer('./package.json') as { dependencies: Record<string, string> }
  return dependencies
}
