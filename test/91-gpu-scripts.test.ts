/**
 * scripts/gpu-check and bench/gpu, tried on the emulated device and with stand-ins for NVIDIA's tools, cuDNN and PyTorch
 * (test/gpu-stand-ins): what they say, write and make of it. No time in here is a measurement.
 */
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { describeGpus } from '../bench/gpu/readme'
import type { Fault, GpuResults, Timing } from '../bench/gpu/results'
import { onGpu } from './support/device'
import { execute } from './support/emulated'
import {
  BENCH,
  buildPrograms,
  CHECK,
  isFault,
  outcomes,
  reportIn,
  rowsOf,
  standIns,
  textOf,
  type Environment,
} from './support/gpu-scripts'
import { root } from './support/program'

const LIMIT = 900_000
t.setTimeout(2 * LIMIT)

let programs = ''
t.before(async () => {
  programs = await buildPrograms()
})

const check = (out: string, steps: readonly string[], env: Environment = {}, options: string[] = []) =>
  execute(CHECK, ['--emulated', programs, '--out', out, ...options, ...steps], { env, timeout: LIMIT })
const checkReport = (out: string) => reportIn(out, 'gpu-check-cuda-on-the-cpu.json')
const bench = (out: string, steps: readonly string[], env: Environment = {}, options: string[] = []) =>
  execute(BENCH, ['--emulated', programs, '--out', out, ...options, ...steps], { env, timeout: LIMIT })
const benchReport = (out: string) => reportIn(out, 'gpu-bench-cuda-on-the-cpu.json')

t.test('without a GPU they say so and fail', { skip: onGpu && 'there is one' }, async (t) => {
  for (const script of [CHECK, BENCH]) {
    const { code, stderr } = await execute(script, [])
    t.equal(code, 2, script)
    t.match(stderr, /^[\w-]+: no GPU: .*\n$/)
  }
})

t.test('what they do not know they refuse', async (t) => {
  const { code, stderr } = await check(t.testdir(), ['everything'])
  t.equal(code, 1)
  t.match(stderr, "there is no step 'everything'")
  const nowhere = await execute(CHECK, ['--emulated', programs])
  t.match([nowhere.code, nowhere.stderr], [1, /needs --out/])
})

t.test('gpu-check', { timeout: LIMIT }, async (t) => {
  const out = t.testdir()
  const options = ['--cases', '10']
  const outcome = await check(out, ['build', 'device', 'random', 'curand'], {}, options)
  t.equal(outcome.code, 0, textOf(outcome))
  const first = checkReport(out)
  const passed = { build: 'passed', device: 'passed', random: 'passed', curand: 'skipped' }
  t.strictSame(outcomes(first), passed)
  t.match(first.steps.curand.why, /built without the headers of cuRAND/)
  t.notOk(first.passed, 'not all steps were run')
  t.match(first.steps.device.result, { passed: true, finished: true, failed: 0 })
  t.ok(
    first.steps.device.commands.every((command) => !command.includes(root)),
    'no path of this machine',
  )

  const env = { CUDA_ON_CPU_FAIL: 'cudaLaunchKernelEx:9' }
  const lost = await check(out, ['random'], env, options)
  t.equal(lost.code, 1, 'a step that fails makes the call fail')
  t.match(lost.stdout, /cudaErrorIllegalAddress/, 'and its end is shown')
  t.strictSame(outcomes(checkReport(out)), { ...passed, random: 'failed' }, 'others are kept')
  t.match(checkReport(out).steps.random.result, { passed: false, stopped: /cudaErrorIllegalAddress/ })
  const log = readFileSync(join(out, 'gpu-check-cuda-on-the-cpu.log'), 'utf8')
  t.match(log, /==== device: passed[^]*==== random: failed/, 'one log of both calls')
  t.strictSame(readdirSync(out).length, 2, 'one file and one log')
})

t.test('a step that is not done in its time is stopped', async (t) => {
  const out = t.testdir()
  const env = { ...standIns, JUMPOUT_STAND_IN_CHECKER: 'racecheck:hang' }
  const { code } = await check(out, ['racecheck'], env, ['--seconds', '2'])
  t.match([code, checkReport(out).steps.racecheck], [1, { outcome: 'out of time', why: /after 2 s/ }])
})

t.test('what a checker finds fails', async (t) => {
  const out = t.testdir()
  const env = { ...standIns, JUMPOUT_STAND_IN_CHECKER: 'synccheck:find' }
  const { code } = await check(out, ['synccheck'], env)
  t.match([code, checkReport(out).steps.synccheck], [1, { outcome: 'failed', why: /status 9/ }])
})

t.test('a run that is killed loses one step', async (t) => {
  const out = t.testdir()
  const env = { ...process.env, ...standIns, JUMPOUT_STAND_IN_CHECKER: 'racecheck:hang' }
  for (const [signal, left] of [
    ['SIGTERM', 'ended'],
    ['SIGKILL', 'running'],
  ] as const) {
    const call = ['--emulated', programs, '--out', out, 'synccheck', 'racecheck']
    const child = spawn(CHECK, call, { env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const file = join(out, 'gpu-check-cuda-on-the-cpu.json')
    while (!existsSync(file) || outcomes(checkReport(out)).racecheck !== 'running') await sleep(50)
    child.kill(signal)
    await ended
    t.match(outcomes(checkReport(out)), { synccheck: 'passed', racecheck: left }, signal)
  }
})

t.test('programs that cannot run here are not used', async (t) => {
  const empty = t.testdir({ 'kit.json': '{ "commit": "abc", "architectures": ["80"] }' })
  const out = join(empty, 'out')
  const env = { ...standIns, CUDACXX: '/nowhere/nvcc' }
  const { code } = await execute(CHECK, ['--programs', empty, '--quick', '--out', out, 'build'], { env })
  t.equal(code, 1, 'and here nothing can be built')
  const { steps } = reportIn(out, 'gpu-check-stand-in-gpu.json')
  t.match(
    readFileSync(join(out, 'gpu-check-stand-in-gpu.log'), 'utf8'),
    /they are for sm_80, the device is sm_90/,
  )
  t.equal(steps.build.outcome, 'failed')
})

t.test('programs are built where there are none', async (t) => {
  const folder = t.testdir({ tools: {}, curand: { 'curand_kernel.h': '' } })
  const { stdout: python } = await execute('python3', ['-c', 'import sys; print(sys.executable, end="")'])
  symlinkSync(python, join(folder, 'tools', 'python3'))
  const tools = [join(root, 'test', 'gpu-stand-ins', 'toolkit'), join(root, 'test', 'gpu-stand-ins', 'bin')]
  const env = {
    PATH: [join(folder, 'tools'), ...tools].join(':'), // and no make
    JUMPOUT_STAND_IN_PROGRAMS: programs,
  }
  const built = async (name: string, more: Environment) => {
    const [out, build] = [join(folder, name), join(folder, `${name}-build`)]
    const call = ['--quick', '--out', out, '--build', build, 'build', 'device', 'curand']
    const { code } = await execute(CHECK, call, { env: { ...env, ...more } })
    const options = readFileSync(join(build, 'arguments'), 'utf8').split('\n')
    return { code, options, report: reportIn(out, 'gpu-check-stand-in-gpu.json') }
  }
  const plain = await built('plain', {})
  t.equal(plain.code, 0)
  t.match(outcomes(plain.report), { build: 'passed', device: 'passed', curand: 'skipped' })
  t.match(plain.report.steps.build.result, { programs: 'built here', curand: 'none' })
  for (const option of ['Ninja', '-DJUMPOUT_CURAND=OFF', '-DJUMPOUT_CUDA=ON'])
    t.ok(plain.options.includes(option), option)

  const headers = { JUMPOUT_CURAND_INCLUDE: join(folder, 'curand') }
  const curand = await built('curand', headers)
  t.equal(curand.code, 0)
  t.ok(curand.options.includes('-DJUMPOUT_CURAND=ON'))
  t.ok(curand.options.includes(`-DJUMPOUT_CURAND_INCLUDE=${headers.JUMPOUT_CURAND_INCLUDE}`))

  const without = await built('without', { ...headers, JUMPOUT_STAND_IN_CMAKE: 'no-curand' })
  t.equal(without.code, 1, 'headers that do not compile are a failure')
  t.match(
    outcomes(without.report),
    { build: 'failed', device: 'passed', curand: 'failed' },
    'the rest goes on',
  )
  t.ok(without.options.includes('-DJUMPOUT_CURAND=OFF'))
})

t.test('bench:gpu', { timeout: LIMIT }, async (t) => {
  const out = t.testdir()
  const outcome = await bench(out, ['native', 'ways', 'calls', 'profile'])
  t.equal(outcome.code, 0, textOf(outcome))
  const report = benchReport(out)
  t.match(outcomes(report), { native: 'passed', ways: 'passed', profile: 'skipped' })
  t.match(report.steps.calls.outcome, /passed|skipped/)
  t.match(report.steps.native.result, { quick: true }, 'times of an emulation are no measurement')
  for (const step of ['native', 'ways']) {
    const rows = rowsOf(report, step)
    t.ok(rows.length > 20 && !rows.some(isFault), `${rows.length} rows of ${step}`)
    if (step === 'ways') t.ok(rows.some(({ pass }) => pass === 'on chip and beyond'))
    for (const row of rows) {
      if (isFault(row)) continue
      t.ok(row.seconds > 0 && row.seconds < Infinity, `${row.pass}: ${row.seconds}`)
      if (/^(forward|backward|as now)/.test(row.pass)) t.type(row.way, 'string', `${row.pass} names its way`)
      else if (step === 'ways') t.equal(row.way, row.pass, 'a way that was asked for is the one that ran')
    }
  }
  t.match(await describeGpus(out, root, false), /^Nothing was measured/)
})

t.test('a way that is asked for and not taken fails, the others are timed', { timeout: LIMIT }, async (t) => {
  const out = t.testdir()
  const { code } = await bench(out, ['native', 'ways'], { CUDA_ON_CPU_COOPERATIVE: 'refuse' })
  t.equal(code, 1)
  const report = benchReport(out)
  t.match(outcomes(report), { native: 'passed', ways: 'failed' }, 'small tensors need no cooperative launch')
  const rows = rowsOf(report, 'ways')
  const faults = rows.filter(isFault)
  t.ok(faults.length > 0)
  for (const way of ['on chip', 'on chip and beyond'])
    t.ok(faults.some(({ pass, error }) => pass === way && error.endsWith(`refused to launch it: ${way}`)))
  for (const { pass } of faults) t.match(pass, /^(on chip|on chip and beyond|as now)$/)
  for (const pass of ['count and sweep', 'cluster per row', 'as now'])
    t.ok(
      rows.some((row) => row.pass === pass && !isFault(row)),
      pass,
    )
})

t.test('a shape that loses the device costs that shape', { timeout: LIMIT }, async (t) => {
  const out = t.testdir()
  const { code } = await bench(out, ['native'], { CUDA_ON_CPU_FAIL: 'cudaLaunchKernelEx:900' })
  t.equal(code, 1)
  const rows = rowsOf(benchReport(out), 'native')
  const faults = rows.filter(isFault)
  t.ok(faults.length > 0 && faults.every(({ error }) => error === 'the device was lost'))
  const [{ elements, dtype, row: size }] = faults
  const at = (row: Timing | Fault) => row.elements === elements && row.dtype === dtype && row.row === size
  const last = rows.findIndex((row) => isFault(row))
  t.ok(last > 0, 'shapes before it are there')
  t.ok(
    rows.slice(last + 1).some((row) => !isFault(row) && !at(row)),
    'and those behind it',
  )
})

t.test('the process that measures is watched', async (t) => {
  const { code, stdout } = await execute(join(programs, 'jumpout_gpu_supervisor_tests'), [])
  t.equal(code, 0, stdout)
})

t.test("cuDNN's dropout", { timeout: LIMIT }, async (t) => {
  const library = ['--cudnn', join(programs, 'jumpout_cudnn_stand_in.so')]
  const passes = ['cudnn forward', 'cudnn backward', 'relu + cudnn forward', 'cudnn + relu backward']
  const timed = async (mode: string) => {
    const out = t.testdir()
    const { code } = await bench(out, ['native'], { JUMPOUT_STAND_IN_CUDNN: mode }, library)
    const rows = rowsOf(benchReport(out), 'native')
    const names = new Set(rows.map(({ pass }) => pass))
    return { code, rows, theirs: passes.filter((pass) => names.has(pass)) }
  }
  t.match(await timed(''), { code: 0, theirs: passes })
  const refused = await timed('refuse')
  t.match([refused.code, refused.theirs], [0, []], 'a peer that cannot do it is left out')
  const wrong = await timed('all')
  t.equal(wrong.code, 1, 'one that is wrong fails')
  const faults = wrong.rows.filter(isFault)
  t.strictSame([...new Set(faults.map(({ pass }) => pass))].sort(), [...passes].sort())
  t.ok(faults.every(({ error }) => error.startsWith('wrong: it drops ')))
  const same = (a: Timing | Fault) => (b: Timing | Fault) =>
    a.elements === b.elements && a.dtype === b.dtype && a.row === b.row && b.pass === 'forward' && !isFault(b)
  t.ok(
    faults.every((fault) => wrong.rows.some(same(fault))),
    'ours are timed all the same',
  )
})

t.test("PyTorch's dropout", async (t) => {
  const folder = t.testdir({ missing: { torch: { '__init__.py': "raise ImportError('no libtorch')" } } })
  const torch = async (env: Environment) => {
    const out = join(folder, 'out')
    const { code } = await bench(out, ['torch'], env)
    return { code, report: benchReport(out) }
  }
  const { code, report } = await torch(standIns)
  t.equal(code, 0)
  t.match(report.steps.torch.result, { quick: true, torch: '0.0+stand-in' })
  const rows = rowsOf(report, 'torch')
  t.ok(
    rows.some(({ caches, way }) => caches === 'warm' && way === 'graph'),
    'warm small sizes from a graph',
  )
  t.notOk(rows.some(({ caches, way }) => caches === 'cold' && way === 'graph'))

  const wrong = await torch({ ...standIns, JUMPOUT_STAND_IN_TORCH: 'bfloat16' })
  t.equal(wrong.code, 1)
  for (const row of rowsOf(wrong.report, 'torch'))
    t.equal(isFault(row), row.dtype === 'bfloat16', `${row.dtype}: ${row.pass}`)

  const missing = join(folder, 'missing')
  const without = await torch({ PYTHONPATH: missing })
  t.match([without.code, without.report.steps.torch], [0, { outcome: 'skipped', why: /no libtorch/ }])
})

t.test("Nsight Compute's tables", async (t) => {
  const out = t.testdir()
  const profile = async (mode: string) => {
    const { code } = await bench(out, ['profile'], { ...standIns, JUMPOUT_STAND_IN_NCU: mode })
    return { code, step: benchReport(out).steps.profile }
  }
  const all = await profile('')
  t.equal(all.code, 0)
  const row = { kernel: 'made<up, kernel>', nanoseconds: 1, bytesRead: 2, bytesWritten: 3, dramShare: 4 }
  const { rows } = all.step.result as { rows: Record<string, unknown>[] }
  t.match(rows[0], { ...row, pass: 'forward', dtype: 'float32', registers: 10 })
  const few = await profile('unknown')
  t.match([few.code, few.step.result], [0, { rows: [row] }], 'what it does not know is left out')
  const forbidden = await profile('forbidden')
  t.match([forbidden.code, forbidden.step], [1, { outcome: 'failed', why: /ERR_NVGPUCTRPERM/ }])

  const metric = 'gpu__time_duration.sum dram__bytes_read.sum dram__bytes_write.sum'.split(' ')
  const share = 'dram__throughput.avg.pct_of_peak_sustained_elapsed'
  const stall = (name: string) => `smsp__average_warps_issue_stalled_${name}_per_issue_active.ratio`
  const head = [
    'ID',
    'Kernel Name',
    ...metric,
    share,
    stall('wait'),
    stall('long_scoreboard'),
    stall('membar'),
  ]
  const table = (...lines: string[][]) =>
    [
      '==PROF== Connected',
      'text of the program',
      ...[head, ...lines].map((cells) => `"${cells.join('","')}"`),
    ].join('\n')
  const units = ['', '', 'ns', 'byte', 'byte', '%', 'inst', 'inst', 'inst']
  const parse = async (text: string) => {
    const file = join(out, 'table.csv')
    writeFileSync(file, text)
    return execute('python3', [join(root, 'bench', 'gpu', 'ncu.py'), file])
  }
  const cells = ['0', 'void f<A, (B)1>(""quoted"")', '1,234', '5e6', '7.5', '88.25', '0.5', '3.25', 'n/a']
  const good = await parse(
    `${table(units, cells, ['1', 'g', '1', '2', '3', '4', '0', '1', '0'])}\n==PROF== Disconnected\n`,
  )
  t.strictSame(JSON.parse(good.stdout), [
    {
      kernel: 'void f<A, (B)1>("quoted")',
      ...{ nanoseconds: 1234, bytesRead: 5e6, bytesWritten: 7.5, dramShare: 88.25 },
      stalls: { long_scoreboard: 3.25, wait: 0.5 },
    },
    {
      kernel: 'g',
      nanoseconds: 1,
      bytesRead: 2,
      bytesWritten: 3,
      dramShare: 4,
      stalls: { long_scoreboard: 1 },
    },
  ])
  const refused: [string, RegExp][] = [
    ['', /no kernel was profiled/],
    ['==ERROR== something\n', /: something$/m],
    [table(units), /a table without kernels/],
    [table(units, [...cells.slice(0, 3), 'n/a', ...cells.slice(4)]), /has no dram__bytes_read\.sum/],
    [table(units, cells.slice(1)), /a line of 8 cells in a table of 9/],
  ]
  for (const [text, why] of refused) {
    const { code, stderr } = await parse(text)
    t.match([code, stderr], [1, why])
  }
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
  const { seconds: _, ...shape } = row('forward relu', 0)
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
      { ...shape, error: 'wrong' },
      row('cudnn forward', 15e-6),
      row('memcpy', 8e-6, { elements: 1 << 24 }),
      row('forward', 12e-6, { elements: 1 << 24 }),
      row('jumpoutForward', 5e-6, { caches: 'host' }),
    ],
  }
  const steps = {
    native: { outcome: 'failed', result: results },
    torch: { outcome: 'skipped' },
    ways: { outcome: 'passed', result: { ...results, rows: [row('forward', 1)] } },
  }
  const folder = t.testdir({ 'gpu-bench-a-device.json': JSON.stringify({ steps }) })
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
