/**
 * The device's passes, executed on the CPU by test/native/device: against the formulas and the CPU backend, bit for bit, in
 * several thread orders, under sanitizers, and on devices that refuse what others can.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { emulatedProgram, execute, type Variant } from './support/emulated'
import { goldenHeader, goldenHeaderFile } from './support/golden-header'

const TARGET = 'jumpout_device_tests'
/** Milliseconds that one run may take, and one build. */
const RUN_LIMIT = 500_000
const BUILD_LIMIT = 900_000

/** What the program writes with --json. */
interface Result {
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

async function run(t: Test, { variant, args, env }: Run): Promise<Result> {
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
function nothingDiffers(t: Test, { differences }: Result): void {
  const { groups, rates, thresholds, scales } = differences
  t.ok(groups > 0, `${groups} groups that could differ from the CPU backend's`)
  t.same({ rates, thresholds, scales }, { rates: 0, thresholds: 0, scales: 0 })
}

t.setTimeout(2 * BUILD_LIMIT)

t.test('test/native/device/golden.inc is that of test/vectors/golden.json', (t) => {
  t.equal(
    readFileSync(goldenHeaderFile, 'utf8'),
    goldenHeader(),
    'npx tsx test/support/golden-header.ts --write',
  )
  t.end()
})

t.test('plain, every way of computing', { timeout: BUILD_LIMIT }, async (t) => {
  const result = await run(t, { variant: 'plain', args: ['--quick'] })
  nothingDiffers(t, result)
  for (const section of result.sections) t.ok(section.checks > 0, `${section.name}: ${section.checks} checks`)
  const ways = Object.entries(result.ways)
  t.equal(ways.length, 8)
  for (const [way, cases] of ways) t.ok(cases > 0, `${way}: ${cases} cases`)
})

for (const order of ['reverse', 'random:1', 'random:2', 'random:3']) {
  t.test(`plain, threads in the order ${order}`, { timeout: BUILD_LIMIT }, async (t) => {
    const seed = order.endsWith('e') ? '2' : `${10 + Number(order.slice(-1))}`
    const result = await run(t, {
      variant: 'plain',
      args: ['--quick', '--seed', seed],
      env: { CUDA_ON_CPU_ORDER: order },
    })
    nothingDiffers(t, result)
  })
}

const DEVICES: Record<string, { env: Record<string, string>; missing?: string }> = {
  'that refuses cooperative launches': { env: { CUDA_ON_CPU_COOPERATIVE: 'refuse' }, missing: 'on chip' },
  'without cooperative launches': { env: { CUDA_ON_CPU_COOPERATIVE: '0' }, missing: 'on chip' },
  'without clusters': {
    env: { CUDA_ON_CPU_ARCH: '75', CUDA_ON_CPU_SHARED: '65536' },
    missing: 'cluster per row',
  },
  'of one multiprocessor': { env: { CUDA_ON_CPU_SMS: '1', CUDA_ON_CPU_SHARED: '101376' } },
  'of sixteen multiprocessors': { env: { CUDA_ON_CPU_SMS: '16', CUDA_ON_CPU_DEVICES: '1' } },
}
for (const [kind, { env, missing }] of Object.entries(DEVICES)) {
  t.test(`plain, a device ${kind}`, { timeout: BUILD_LIMIT }, async (t) => {
    const args = ['--quick', '--only', 'golden,samples,ways,graphs,large']
    if (missing !== undefined) args.push('--missing', missing)
    const { ways } = await run(t, { variant: 'plain', args, env })
    for (const [way, cases] of Object.entries(ways))
      t.equal(cases > 0, missing === undefined || !way.endsWith(missing), `${way}: ${cases} cases`)
  })
}

const SANITIZED: readonly { variant: Variant; order: string; args: readonly string[] }[] = [
  { variant: 'address', order: 'forward', args: ['--quick'] },
  { variant: 'address', order: 'random:4', args: ['--tiny'] },
  // Every kernel, counter and graph; more lengths would only repeat them, slowly.
  { variant: 'thread', order: 'random:5', args: ['--tiny', '--only', 'golden,counters,graphs,ways'] },
]
for (const { variant, order, args } of SANITIZED) {
  t.test(
    `under the ${variant} sanitizer, threads in the order ${order}`,
    { timeout: 2 * BUILD_LIMIT },
    async (t) => {
      nothingDiffers(t, await run(t, { variant, args, env: { CUDA_ON_CPU_ORDER: order } }))
    },
  )
}

t.test('a way that is not taken fails', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const tried = async (env: Record<string, string>, ...missing: string[]) => {
    const { code, stdout } = await execute(program, ['--tiny', '--only', 'ways', ...missing], { env })
    return [code, stdout] as const
  }
  t.match(await tried({ CUDA_ON_CPU_COOPERATIVE: 'refuse' }), [
    1,
    /on chip was to be taken, and count and sweep was/,
  ])
  t.match(await tried({ CUDA_ON_CPU_COOPERATIVE: '0' }), [1, /on chip is not to be had on this device/])
  t.match(
    await tried({}, '--missing', 'on chip'),
    [1, /on chip was not to be taken, and on chip was/],
    'nor one too many',
  )
})

t.test('with two of its multiprocessors', { timeout: BUILD_LIMIT }, async (t) => {
  const args = ['--quick', '--multiprocessors', '2', '--only', 'lengths,samples,graphs,ways,large']
  const env = { CUDA_ON_CPU_SMS: '16' }
  const result = await run(t, { variant: 'plain', args, env })
  nothingDiffers(t, result)
  t.match(result, { multiprocessors: 16, multiprocessorsUsed: 2 })
})

t.test('without a device it says so and fails', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const { code, stderr } = await execute(program, ['--tiny'], { env: { CUDA_ON_CPU_DEVICES: '0' } })
  t.equal(code, 2)
  t.match(stderr, /no CUDA device/)
})

t.test('a device that is lost is a failure, not a crash', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const json = join(t.testdir(), 'result.json')
  const { code, signal, stdout } = await execute(program, ['--tiny', '--json', json], {
    env: { CUDA_ON_CPU_FAIL: 'cudaLaunchKernelEx:200' },
  })
  t.same({ code, signal }, { code: 1, signal: null })
  t.match(stdout, /cudaErrorIllegalAddress/)
  const result = JSON.parse(readFileSync(json, 'utf8')) as Result
  t.notOk(result.passed)
  t.match(result.stopped, /cudaErrorIllegalAddress/)
})
