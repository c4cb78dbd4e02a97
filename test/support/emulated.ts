/**
 * The CUDA sources compiled for the CPU (JUMPOUT_CUDA=EMULATED), one build folder per variant, built at most once at a time:
 * several test files ask for the same one. The plain one is also that of the emulated addon, which configures it.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HANG, root, type Invocation, type Outcome } from './program'

const { whileLocked } = require('../../scripts/lock') as {
  whileLocked(lock: string, work: () => Promise<void>, options: { patience: number }): Promise<void>
}

export const variants = ['plain', 'address', 'thread'] as const
/** What the code is compiled with besides itself: nothing, AddressSanitizer and UBSan, ThreadSanitizer. */
export type Variant = (typeof variants)[number]

export const emulatedFolder = (variant: Variant): string => join(root, 'build', 'emulated', variant)

/** Seconds that configuring and building may take on two cores that others use as well. */
const BUILD_LIMIT = 900

async function configure(variant: Variant, folder: string): Promise<void> {
  if (variant === 'plain') {
    if (!existsSync(join(folder, 'CMakeCache.txt')))
      throw new Error(`${folder} is missing: npm run build:emulated`)
    return
  }
  const options = [
    'JUMPOUT_CUDA=EMULATED',
    'JUMPOUT_BUILD_ADDON=OFF',
    'JUMPOUT_BUILD_TESTS=ON',
    `JUMPOUT_SANITIZE=${variant}`,
    'CMAKE_BUILD_TYPE=RelWithDebInfo',
  ].map((option) => `-D${option}`)
  await cmake(['-S', root, '-B', folder, ...options])
}

/** Runs any program until it ends; after `timeout` milliseconds it is killed, and the signal says so. */
export function execute(
  command: string,
  args: readonly string[],
  { env, cwd = root, timeout = HANG }: Invocation = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    })
    const outcome: Outcome = { code: null, signal: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ ...outcome, code, signal }))
  })
}

async function cmake(args: readonly string[]): Promise<void> {
  const { code, signal, stdout, stderr } = await execute('cmake', args, { timeout: BUILD_LIMIT * 1000 })
  if (code === 0) return
  const end = `${stdout}\n${stderr}`.slice(-6000)
  throw new Error(`cmake ${args.join(' ')} ended with ${signal ?? code}\n${end}`)
}

/**
 * Builds what is out of date of some targets in one variant, and says in which folder. The programs are in its `bin`.
 * The variants are built one after the other, each with both cores.
 */
export async function buildEmulated(variant: Variant, ...targets: readonly string[]): Promise<string> {
  const folder = emulatedFolder(variant)
  const build = async () => {
    await configure(variant, folder)
    await cmake(['--build', folder, '--parallel', '2', '--target', ...targets])
  }
  await whileLocked(join(root, 'build', 'emulated', 'building'), build, { patience: 2 * BUILD_LIMIT })
  return folder
}

/** Builds one program of one variant and gives its path. */
export async function emulatedProgram(variant: Variant, target: string): Promise<string> {
  return join(await buildEmulated(variant, target), 'bin', target)
}
