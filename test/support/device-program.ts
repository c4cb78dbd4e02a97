/** Runs of test/native/device, the passes on a device against the formulas and the CPU backend. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
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

const COOPERATIVE = ['on chip', 'on chip and beyond']
/** What a device cannot do, and the ways that it lacks for that. */
const DEVICES: Record<string, { env: Record<string, string>; missing?: string[] }> = {
  'that refuses cooperative launches': { env: { CUDA_ON_CPU_COOPERATIVE: 'refuse' }, missing: COOPERATIVE },
  'without cooperative launches': { env: { CUDA_ON_CPU_COOPERATIVE: '0' }, missing: COOPERATIVE },
  'without clusters': {
    env: { CUDA_ON_CPU_ARCH: '75', CUDA_ON_CPU_SHARED: '65536' },
    missing: ['cluster per row'],
  },
  'with less shared memory than is read ahead': {
    env: { CUDA_ON_CPU_SHARED: '49152' },
    missing: COOPERATIVE,
  },
  'that runs code for older ones': { env: { CUDA_ON_CPU_PTX: '75' }, missing: ['cluster per row'] },
  'that lets no kernels overlap': { env: { CUDA_ON_CPU_OVERLAPS: '0' } },
  'of one multiprocessor': { env: { CUDA_ON_CPU_SMS: '1', CUDA_ON_CPU_SHARED: '101376' } },
  'of sixteen multiprocessors': { env: { CUDA_ON_CPU_SMS: '16', CUDA_ON_CPU_DEVICES: '1' } },
}

/** What other devices than the usual one do, and one with two of its multiprocessors. */
export function testDevices(effort: '--tiny' | '--quick'): void {
  for (const [kind, { env, missing = [] }] of Object.entries(DEVICES)) {
    t.test(`plain, ${effort}, a device ${kind}`, { timeout: BUILD_LIMIT }, async (t) => {
      const args = [effort, '--only', 'golden,samples,ways,graphs,large']
      if (missing.length > 0) args.push('--missing', missing.join())
      const { ways } = await runDeviceProgram(t, { variant: 'plain', args, env })
      for (const [way, cases] of Object.entries(ways))
        t.equal(cases > 0, !missing.some((name) => way.endsWith(`: ${name}`)), `${way}: ${cases} cases`)
    })
  }

  t.test(`plain, ${effort}, with two of its multiprocessors`, { timeout: BUILD_LIMIT }, async (t) => {
    const args = [effort, '--multiprocessors', '2', '--only', 'lengths,samples,graphs,ways,large']
    const env = { CUDA_ON_CPU_SMS: '16' }
    const result = await runDeviceProgram(t, { variant: 'plain', args, env })
    nothingDiffers(t, result)
    t.match(result, { multiprocessors: 16, multiprocessorsUsed: 2 })
  })
}
