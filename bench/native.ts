import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { flushBytes, root } from './machine'

const buildFolder = join(root, 'build', 'bench')
const program = join(buildFolder, 'bin', process.platform === 'win32' ? 'jumpout_bench.exe' : 'jumpout_bench')

/** One line of bench/native/kernels.cpp: median seconds of one call by pass. */
export interface NativeRow {
  elements: number
  caches: 'warm' | 'cold'
  seconds: Record<string, number>
}

/** Why the native benchmark cannot be built here, or undefined. */
export function nativeUnavailable(): string | undefined {
  const found = spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status === 0
  return found ? undefined : 'cmake was not found; install CMake and a C++ compiler'
}

export function buildNative(): void {
  const options = [
    'CMAKE_BUILD_TYPE=Release',
    'JUMPOUT_BUILD_ADDON=OFF',
    'JUMPOUT_BUILD_BENCH=ON',
    'JUMPOUT_CUDA=OFF',
  ]
  const run = (...args: string[]) =>
    execFileSync('cmake', args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: root })
  run('-S', '.', '-B', buildFolder, ...options.map((option) => `-D${option}`))
  run('--build', buildFolder, '--config', 'Release', '--target', 'jumpout_bench', '--parallel', '2')
}

export interface NativeRun {
  lengths: readonly number[]
  caches: 'warm' | 'cold'
  threads: number
  /** Seconds for one length. */
  budget: number
  passes?: readonly string[]
  /** Bytes that are read before each cold call. */
  flush?: number
}

/** One fresh process. */
export function runNative({
  lengths,
  caches,
  threads,
  budget,
  passes = [],
  flush = flushBytes,
}: NativeRun): NativeRow[] {
  const args = [
    '--lengths',
    lengths.join(),
    '--caches',
    caches,
    '--budget',
    `${budget}`,
    '--flush',
    `${flush}`,
  ]
  if (passes.length > 0) args.push('--passes', passes.join())
  const output = execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, JUMPOUT_NUM_THREADS: `${threads}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as NativeRow)
}
