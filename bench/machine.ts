import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { runtime } from 'jumpout'

export const root = join(__dirname, '..')

export interface Machine {
  cpu: string
  cores: number
  /** Bytes of each cache level that the first core sees, such as { L1d: 32768, L2: 524288, L3: 33554432 }. */
  caches: Record<string, number>
  memory: number
}

/** Read on Linux. Elsewhere the record is empty, and `lastLevelCache` assumes a size. */
function caches(): Record<string, number> {
  const folder = '/sys/devices/system/cpu/cpu0/cache'
  const sizes: Record<string, number> = {}
  try {
    for (const index of readdirSync(folder).filter((name) => name.startsWith('index'))) {
      const read = (name: string) => readFileSync(join(folder, index, name), 'utf8').trim()
      const type = read('type')
      if (type === 'Instruction') continue
      sizes[`L${read('level')}${type === 'Data' ? 'd' : ''}`] = parseInt(read('size'), 10) * 1024
    }
  } catch {
    // no such folder
  }
  return sizes
}

export const machine: Machine = {
  cpu: (cpus()[0]?.model ?? 'unknown CPU').replace(/\((R|TM)\)/g, '').trim(),
  cores: cpus().length,
  caches: caches(),
  memory: totalmem(),
}

/** Bytes to read so that nothing else is left in the caches. */
export const flushBytes = 2 * Math.max(32 << 20, ...Object.values(machine.caches))

/** The part of a file name that names this machine. */
export const machineSlug = `${machine.cpu}-${machine.cores}-cores-${runtime.cpu.isa}`
  .toLowerCase()
  .replace(/[^a-z0-9]+/g, '-')

export function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results') !== ''
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? ' + changes' : '')
  } catch {
    return 'unknown'
  }
}
