/** Programs that not every machine has: tests of them skip and say why, or fail where an environment variable asks for them. */
import { spawnSync } from 'node:child_process'

export const isInstalled = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args.length ? args : ['--version']).status === 0

/**
 * The options of a test that needs what `present` says is there.
 *
 * @param variable the environment variable that asks for it: `JUMPOUT_REQUIRE_MPI`
 */
export function needs(present: boolean, what: string, variable: string): { skip?: string } {
  if (present) return {}
  if (process.env[variable] === '1') throw new Error(`${variable} is set, but ${what} is not installed`)
  return { skip: `${what} is not installed` }
}
