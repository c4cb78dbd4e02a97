/**
 * test/differential: Debian's Python with the packages of test/differential/get-python. Tests skip where these are missing, and
 * fail instead where JUMPOUT_REQUIRE_DIFFERENTIAL is 1.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { native } from 'jumpout'
import type { Test } from 'tap'
import { execute } from './emulated'
import { root } from './program'
import { needs } from './requirement'

const python = '/usr/bin/python3'

export const packages = needs(
  existsSync(python) && existsSync(join(root, 'build', 'differential', 'randomgen')),
  'what test/differential/get-python fetches',
  'JUMPOUT_REQUIRE_DIFFERENTIAL',
)

/** A line of a part's report, which says more on statistics. */
export interface Check {
  /** The place, and what is compared with. */
  where: string
  check: string
  /** Of a control: what is wrong with what it checks. Such a check passes where the fault is seen. */
  fault?: string
  passed: boolean
}

/** Runs a part as CI does, and asserts each of its checks. */
export async function runPart(t: Test, part: string, args: readonly string[] = []): Promise<Check[]> {
  const json = join(t.testdir({}), `${part}.json`)
  const command = [join(root, 'test', 'differential', 'run.py'), part, '--quick', '--json', json, ...args]
  const env = { JUMPOUT_LIBRARY: native.library, NODE_OPTIONS: '' }
  const { code, signal, stdout, stderr } = await execute(python, ['-B', ...command], { env })
  t.ok(code === 0, `${part} ended with ${code ?? signal}`, {
    stdout: stdout.slice(-3000),
    stderr: stderr.slice(-3000),
  })
  const checks = JSON.parse(readFileSync(json, 'utf8')) as Check[]
  for (const { passed, where, check, fault, ...detail } of checks)
    t.ok(passed, `${where}: ${check}${fault === undefined ? '' : `, ${fault}`}`, detail)
  return checks
}
