/** Runs of test/native/device, the passes on a device against the formulas and the CPU backend. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { emulatedProgram, execute, type Variant } from './emulated'

export const TARGET = 'jumpout_device_tests'
/** Milliseconds that one run may take, and one build. */
const RUN_LIMIT = 500_000
export const BUILD_LIMIT = 900_000

/** What the program writes with --json. */
export interface Result {
  passed: boolean
  stopped?: string
  multiprocessors: number
  multiprocessorsUsed: number
  checks: number
  failed: number
  sections: { name: string; cases: number; checks: number; failed: number }[]
  ways: Record<string, number>
  differences: { groups: number; rates: number; thresholds: number; scales: number }
}

interface Run {
  variant: Variant
  args: readonly string[]
  env?: Record<string, string>
}

export async function runDeviceProgram(t: Test, { variant, args, env }: Run): Promise<Result> {
  const program = await emulatedProgram(variant, TARGET)
  const json = join(t.testdir(), 'result.json')
  const outcome = await execute(program, [...args, '--json', json], { env, timeout: RUN_LIMIT })
  const end = { stdout: outcome.stdout.slice(-4000), stderr: outcome.stderr.slice(-4000) }
  t.same({ code: outcome.code, signal: outcome.signal }, { code: 0, signal: null }, 'it ends well', end)
  const result = JSON.parse(readFileSync(json, 'utf8')) as Result
  t.ok(result.passed && result.failed === 0 && result.checks > 0, `${result.checks} checks`)
  return result
}

/** The same C library on both sides: nothing may differ, not even what docs/numerics.md lets differ. */
export function nothingDiffers(t: Test, { differences }: Result): void {
  const { groups, rates, thresholds, scales } = differences
  t.ok(groups > 0, `${groups} groups that could differ from the CPU backend's`)
  t.same({ rates, thresholds, scales }, { rates: 0, thresholds: 0, scales: 0 })
}
