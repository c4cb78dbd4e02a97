/** Child processes, for tests of whole processes: a crash is one of the outcomes. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

export const root = join(__dirname, '..', '..')

/** Node's arguments before the name of a TypeScript file. */
export const typescript = [join(root, 'test', 'support', 'run.js')]

/** The build in the tree, with its links as they are. */
export const copyBuild = (to: string): void =>
  cpSync(join(root, 'build', 'Release'), to, { recursive: true, verbatimSymlinks: true })

/** Files that git tracks, or will, of these patterns. */
export const filesInTree = (...patterns: readonly string[]): string[] =>
  execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', ...patterns],
    { cwd: root, encoding: 'utf8' },
  )
    .trimEnd()
    .split('\n')
    .filter((name) => existsSync(join(root, name)))

export const programPath = (name: string): string => join(root, 'test', 'programs', name)

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Invocation {
  env?: Record<string, string | undefined>
  cwd?: string
  timeout?: number
}

/** Milliseconds after which a process hangs, on any machine and beside any load. */
export const HANG = 600_000

/** Runs Node with these arguments until it ends; after `timeout` milliseconds it is killed, and the signal says so. */
export function runNode(
  args: readonly string[],
  { env, cwd = root, timeout = HANG }: Invocation = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...cleanEnvironment(), ...env },
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

/** Runs test/programs/<name>. */
export function runProgram(
  name: string,
  args: readonly string[] = [],
  invocation?: Invocation,
): Promise<Outcome> {
  return runNode([...typescript, programPath(name), ...args], invocation)
}

/** The environment without the variables that the test runner or its parent set for this process. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TAP|_TAPJS|NODE_OPTIONS|JUMPOUT_)/.test(name),
  )
  return Object.fromEntries(kept)
}

/** Asserts that a process ended by itself, without an error, and after it had printed 'done'. */
export function endedWell(t: Test, { code, signal, stdout, stderr }: Outcome, what: string): void {
  t.same(
    { code, signal, said: stdout.trimEnd().endsWith('done') },
    { code: 0, signal: null, said: true },
    what,
    { stdout: stdout.slice(-2000), stderr: stderr.slice(-2000) },
  )
}
