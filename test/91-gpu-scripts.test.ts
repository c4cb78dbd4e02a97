/** scripts/gpu-check and bench/gpu, tried on the emulated device: what they say, write and make of it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeGpus } from '../bench/gpu/readme'
import type { GpuResults, Timing } from '../bench/gpu/results'
import { onGpu } from './support/device'
import { buildEmulated, execute } from './support/emulated'
import { root } from './support/program'

const LIMIT = 900_000
t.setTimeout(2 * LIMIT)

const CHECK = join(root, 'scripts', 'gpu-check')
const BENCH = join(root, 'bench', 'gpu', 'run')

t.test('without a GPU they say so and fail', { skip: onGpu && 'there is one' }, async (t) => {
  for (const script of [CHECK, BENCH]) {
    const { code, stderr } = await execute(script, [])
    t.equal(code, 2, script)
    t.match(stderr, /^[\w-]+: no GPU: .*\n$/)
  }
})

t.test('what they do not know they refuse', async (t) => {
  const OUT = t.testdir()
  const { code, stderr } = await execute(CHECK, ['--emulated', OUT, 'everything'], { env: { OUT } })
  t.equal(code, 1)
  t.match(stderr, "there is no step 'everything'")
})

t.test('gpu-check', { timeout: LIMIT }, async (t) => {
  const programs = join(await buildEmulated('plain', 'jumpout_device_tests'), 'bin')
  const OUT = t.testdir()
  const env = { OUT, CASES: '10' }
  const outcome = await execute(CHECK, ['--emulated', programs], { env })
  t.equal(outcome.code, 0, outcome.stdout)
  const read = () =>
    JSON.parse(readFileSync(join(OUT, 'gpu-check-cuda-on-the-cpu.json'), 'utf8')) as {
      passed: boolean
      checks: Record<string, { outcome: string; result?: { passed: boolean } }>
    }
  const { passed, checks } = read()
  t.ok(passed)
  t.strictSame(Object.keys(checks), ['device', 'random'])
  for (const { outcome, result } of Object.values(checks)) t.ok(outcome === 'passed' && result?.passed)

  const lost = await execute(CHECK, ['--emulated', programs, 'random'], {
    env: { ...env, CUDA_ON_CPU_FAIL: 'cudaLaunchKernelEx:9' },
  })
  t.equal(lost.code, 1, 'a step that fails makes all of it fail')
  t.match(lost.stdout, /cudaErrorIllegalAddress/, 'and its end is shown')
  t.strictSame([read().passed, read().checks.random.outcome], [false, 'failed'])
  t.equal(read().checks.device.outcome, 'passed', 'steps that ran before are kept')
})

t.test('bench:gpu', { timeout: LIMIT }, async (t) => {
  const programs = join(await buildEmulated('plain', 'jumpout_gpu_bench'), 'bin')
  const OUT = t.testdir()
  const outcome = await execute(BENCH, ['--emulated', programs, 'native', 'calls', 'ways'], { env: { OUT } })
  t.equal(outcome.code, 0, outcome.stdout + outcome.stderr)
  const files = readdirSync(OUT).sort()
  const parts = ['calls', 'native', 'ways'].map((part) => `gpu-${part}-cuda-on-the-cpu.json`)
  t.strictSame(files, parts)
  const folder = join(OUT, 'kept')
  mkdirSync(folder)
  for (const file of files) {
    const results = JSON.parse(readFileSync(join(OUT, file), 'utf8')) as GpuResults
    t.ok(results.quick, 'times of an emulation are no measurement')
    t.ok(results.rows.length > 0)
    for (const { pass, seconds } of results.rows)
      t.ok(seconds > 0 && seconds < Infinity, `${pass}: ${seconds}`)
    writeFileSync(join(folder, file), JSON.stringify(results))
  }
  t.match(await describeGpus(folder, root, false), /^Nothing was measured/)
})

t.test('tables and a picture of what was measured', async (t) => {
  const row = (pass: string, seconds: number, more?: Partial<Timing>): Timing => ({
    elements: 1 << 22,
    dtype: 'float32',
    row: 0,
    caches: 'cold',
    pass,
    seconds,
    ...more,
  })
  const results: GpuResults = {
    suite: 'gpu',
    device: { name: 'A device', l2: 50 << 20 },
    driver: '1.2',
    toolkit: '13.0',
    commit: 'abc',
    date: '2000-01-02T03:04:05Z',
    cudnn: '9.1',
    quick: false,
    rows: [
      row('memcpy', 10e-6),
      row('copy', 8e-6),
      row('forward', 10e-6),
      row('cudnn forward', 15e-6),
      row('memcpy', 8e-6, { elements: 1 << 24 }),
      row('forward', 12e-6, { elements: 1 << 24 }),
      row('jumpoutForward', 5e-6, { caches: 'host' }),
    ],
  }
  const folder = t.testdir({ 'gpu-native-a-device.json': JSON.stringify(results) })
  const text = await describeGpus(folder, root, false)
  t.match(text, '**A device, driver 1.2, CUDA 13.0, cuDNN 9.1** (2000-01-02, commit abc)')
  // 8.125 bytes in 10 microseconds where the best copy moves 8 in 8.
  t.match(text, /^\| 4M \| 0\.81 \| 10\.0 us \|$/m)
  // Beyond the chip it has to be read again: 12.125 bytes in 12 where a copy moves 8 in 8.
  t.match(text, /^\| 16M \| 1\.01 \| 12\.0 us \|$/m)
  t.match(text, /^\| 4M \| 1\.50 \|$/m, "cuDNN's time over ours")
  t.match(text, /^\| 4M \| 5\.00 us \|$/m)
  const picture = join(folder, 'gpu-efficiency-a-device.svg')
  t.ok(existsSync(picture))
  t.equal(await describeGpus(folder, root, true), text)
  writeFileSync(picture, 'something else')
  await t.rejects(describeGpus(folder, root, true), /is not what bench\/results says/)
})
