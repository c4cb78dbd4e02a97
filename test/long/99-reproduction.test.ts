/**
 * bench/reproduction on the CPU, with a toy net: its parts (test/programs/reproduction.py), the command, and the call of bench/gpu
 * that makes it. Skips where PyTorch is not installed for Python, and fails instead where JUMPOUT_REQUIRE_PYTORCH is 1.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { native } from 'jumpout'
import t from 'tap'
import { execute } from '../support/emulated'
import { BENCH, reportIn, textOf } from '../support/gpu-scripts'
import { endedWell, programPath, root } from '../support/program'
import { emulatedLibrary, python, pytorch } from '../support/pytorch'

interface Summary {
  left: number
  methods: { accuracy: { n: number; mean: number } }[]
  differences: unknown[]
}

const folder = join(root, 'bench', 'reproduction')
const environment = { JUMPOUT_LIBRARY: native.library }

for (const place of ['host', 'device'] as const) {
  t.test(`${place}: data, measures, layers, and runs that go on to the bit`, pytorch, async (t) => {
    const env = { JUMPOUT_LIBRARY: place === 'host' ? native.library : await emulatedLibrary() }
    endedWell(t, await execute(python, [programPath('reproduction.py'), place, t.testdir()], { env }), place)
  })
}

t.test('the command', pytorch, async (t) => {
  const out = t.testdir()
  const command = [join(folder, 'run.py'), '--lines', join(out, 'lines.jsonl'), '--data', out]
  const late = await execute(python, [...command, '--toy', '--seconds', '0'], { env: environment })
  t.equal(late.code, 0, textOf(late))
  t.match(late.stdout, /^0 of 69 runs; call again for the other 69$/m)
  t.strictSame(readdirSync(out), [])
  const real = await execute(python, command, { env: { ...environment, CUDA_VISIBLE_DEVICES: '' } })
  t.match([real.code, real.stderr], [1, /^torch sees no GPU/])
})

t.test('the call of bench/gpu', pytorch, async (t) => {
  const programs = t.testdir({ out: {}, jumpout_device_tests: '#!/bin/sh\n' })
  chmodSync(join(programs, 'jumpout_device_tests'), 0o755)
  symlinkSync(native.library, join(programs, 'libjumpout.so'))
  const out = join(programs, 'out')
  const outcome = await execute(python, [BENCH, '--emulated', programs, '--out', out, 'reproduction'])
  t.equal(outcome.code, 0, textOf(outcome))
  const names = ['gpu-bench-cuda-on-the-cpu.json', 'gpu-bench-cuda-on-the-cpu.log']
  t.strictSame(readdirSync(out).sort(), names, 'lines of a trial are not kept')
  const { steps } = reportIn(out, names[0])
  t.equal(steps.reproduction.outcome, 'passed')
  const { left, methods, differences } = steps.reproduction.result as Summary
  t.match([left, methods.length, differences.length], [0, 9, 10])
  t.ok(methods.every(({ accuracy }) => accuracy.n === 2))
  const mean = methods.reduce((sum, { accuracy }) => sum + accuracy.mean, 0) / methods.length
  t.ok(mean > 0.2, `the nets learn: ${mean}, where a guess has 0.1`)

  const missing = join(programs, 'missing')
  mkdirSync(join(missing, 'torch'), { recursive: true })
  writeFileSync(join(missing, 'torch', '__init__.py'), "raise ImportError('no libtorch')")
  const call = [BENCH, '--emulated', programs, '--out', missing, 'reproduction']
  const without = await execute(python, call, { env: { PYTHONPATH: missing } })
  t.equal(without.code, 0)
  t.match(reportIn(missing, names[0]).steps.reproduction, { outcome: 'skipped', why: /no libtorch/ })
  for (const part of [folder, join(root, 'examples', 'pytorch')])
    t.notOk(existsSync(join(part, '__pycache__')), 'nothing is left behind')
})
