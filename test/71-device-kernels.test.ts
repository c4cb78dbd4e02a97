/**
 * The device's passes, executed on the CPU by test/native/device: against the formulas and the CPU backend, bit for bit, in
 * two thread orders, and on devices that refuse what others can. More of each, and sanitizers: test/long/71-device-kernels.test.ts.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  BUILD_LIMIT,
  nothingDiffers,
  runDeviceProgram,
  TARGET,
  testDevices,
  type Result,
} from './support/device-program'
import { emulatedProgram, execute } from './support/emulated'
import type { Outcome } from './support/program'
import { goldenHeader, goldenHeaderFile } from './support/golden-header'

t.setTimeout(2 * BUILD_LIMIT)

t.test('test/native/device/golden.inc is that of test/vectors', (t) => {
  t.equal(readFileSync(goldenHeaderFile, 'utf8'), goldenHeader(), 'npm run vectors')
  t.end()
})

t.test('plain, every way of computing', { timeout: BUILD_LIMIT }, async (t) => {
  const result = await runDeviceProgram(t, { variant: 'plain', args: ['--quick'] })
  nothingDiffers(t, result)
  for (const section of result.sections) t.ok(section.checks > 0, `${section.name}: ${section.checks} checks`)
  const ways = Object.entries(result.ways)
  t.equal(ways.length, 9)
  for (const [way, cases] of ways) t.ok(cases > 0, `${way}: ${cases} cases`)
})

t.test('plain, threads in a random order', { timeout: BUILD_LIMIT }, async (t) => {
  const args = ['--tiny', '--seed', '11']
  const env = { CUDA_ON_CPU_ORDER: 'random:1' }
  nothingDiffers(t, await runDeviceProgram(t, { variant: 'plain', args, env }))
})

testDevices('--tiny')

t.test('a way that is not taken fails', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const tried = async (env: Record<string, string>, ...missing: string[]) => {
    const { code, stdout } = await execute(program, ['--tiny', '--only', 'ways', ...missing], { env })
    return [code, stdout] as const
  }
  t.match(await tried({ CUDA_ON_CPU_COOPERATIVE: 'refuse' }), [
    1,
    /on chip was to be taken, and count and sweep was.*on chip and beyond was to be taken, and count and sweep was/s,
  ])
  t.match(await tried({ CUDA_ON_CPU_COOPERATIVE: '0' }), [1, /on chip is not to be had on this device/])
  t.match(
    await tried({}, '--missing', 'on chip'),
    [1, /on chip was not to be taken, and on chip was/],
    'nor one too many',
  )
})

t.test('without a device it says so and fails', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const { code, stderr } = await execute(program, ['--tiny'], { env: { CUDA_ON_CPU_DEVICES: '0' } })
  t.equal(code, 2)
  t.match(stderr, /no CUDA device/)
})

t.test(
  'the limit of shared memory is set once per device and kernel',
  { timeout: BUILD_LIMIT },
  async (t) => {
    const program = await emulatedProgram('plain', TARGET)
    const args = ['--tiny', '--only', 'ways,devices']
    const failingAt = (call: number): Promise<Outcome> =>
      execute(program, args, { env: { CUDA_ON_CPU_FAIL: `cudaFuncSetAttribute:${call}` } })
    const kernels = 2 * 3 * 2 // devices, dtypes, gates
    t.equal((await failingAt(1)).code, 1)
    t.equal((await failingAt(kernels + 1)).code, 0)
  },
)

t.test('a call that fails ends its section alone', { timeout: BUILD_LIMIT }, async (t) => {
  const program = await emulatedProgram('plain', TARGET)
  const json = join(t.testdir(), 'result.json')
  const call = ['--tiny', '--only', 'golden,graphs,streams', '--json', json]
  const { code, stdout } = await execute(program, call, {
    env: { CUDA_ON_CPU_REFUSE: 'cudaGraphInstantiate:1' },
  })
  t.equal(code, 1)
  t.match(stdout, /capture|graph/i)
  const { sections, stopped } = JSON.parse(readFileSync(json, 'utf8')) as Result
  t.equal(stopped, undefined)
  t.strictSame(
    sections.map(({ name, failed }) => [name, failed]),
    [
      ['golden', 0],
      ['graphs', 1],
      ['streams', 0],
    ],
  )
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
