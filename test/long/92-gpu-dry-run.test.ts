/**
 * The calls that docs/cuda.md has for a machine that is available for minutes, with stand-ins for the GPU and NVIDIA's tools, under
 * the limits of such a machine. `npx tap test/long/92-gpu-dry-run.test.ts`; no time in here is a measurement.
 */
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describeGpus } from '../../bench/gpu/readme'
import { execute } from '../support/emulated'
import { buildPrograms, CHECK, outcomes, reportIn, standIns, textOf } from '../support/gpu-scripts'
import { root } from '../support/program'

const LIMIT = 900_000
t.setTimeout(2 * LIMIT)

/** The calls of docs/cuda.md for a machine that is available for minutes. */
const documentedCalls = (): string[][] =>
  [
    ...readFileSync(join(root, 'docs', 'cuda.md'), 'utf8').matchAll(
      /^((?:scripts|bench)\/\S+ .*--programs .*)$/gm,
    ),
  ].map(([, call]) => call.trim().split(/\s+/))

function files(t: Test, folder: string): Record<string, number> {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  t.ok(all.length > 10)
  return Object.fromEntries(all.map((name) => [name, statSync(join(folder, name)).mtimeMs]))
}

let programs = ''
t.before(async () => {
  programs = await buildPrograms()
})

t.test('the documented calls, on a machine with nothing but a GPU', { timeout: LIMIT }, async (t) => {
  const calls = documentedCalls()
  t.equal(calls.length, 4)
  const seconds = calls.map((call) => Number(call[call.indexOf('--seconds') + 1]))
  t.ok(
    seconds.every((limit) => limit <= 570),
    'each ends before ten minutes',
  )
  t.ok(seconds.reduce((sum, limit) => sum + limit) <= 24 * 60, 'all of them in 24 minutes')

  // A copy without .git, node_modules or build, into which nothing is written.
  const folder = t.testdir()
  const copy = join(folder, 'checkout')
  const out = join(folder, 'out')
  for (const part of ['scripts', join('bench', 'gpu')])
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      filter: (name) => !name.includes('__pycache__'),
    })
  const before = files(t, copy)
  const env = { ...standIns, JUMPOUT_COMMIT: 'abcdef' }
  for (const [script, ...args] of calls) {
    const given = args.map((argument) => (argument === 'build/gpu-kit' ? programs : argument))
    given[given.indexOf('--out') + 1] = out
    const library = script.startsWith('bench') ? ['--cudnn', join(programs, 'jumpout_cudnn_stand_in.so')] : []
    const call = ['600', join(copy, script), '--quick', ...library, ...given]
    const outcome = await execute('timeout', call, { env, cwd: folder, timeout: LIMIT })
    t.equal(outcome.code, 0, textOf(outcome))
  }
  t.strictSame(files(t, copy), before, 'nothing is written beside --out')
  const names = ['gpu-bench', 'gpu-check'].flatMap((name) => [
    `${name}-stand-in-gpu.json`,
    `${name}-stand-in-gpu.log`,
  ])
  t.strictSame(readdirSync(out).sort(), names)
  const check = reportIn(out, 'gpu-check-stand-in-gpu.json')
  const bench = reportIn(out, 'gpu-bench-stand-in-gpu.json')
  for (const report of [check, bench]) t.match(report, { quick: true, commit: 'abcdef', driver: '0.0' })
  const skipped = Object.entries({ ...outcomes(check), ...outcomes(bench) }).filter(
    ([, how]) => how !== 'passed',
  )
  t.strictSame(skipped, [['curand', 'skipped']], 'of the emulated programs')
  t.match(await describeGpus(out, root, false), /^Nothing was measured/, 'made-up times are never published')
})

t.test('a step that is not done in its time is stopped, the next one has its own', async (t) => {
  const out = t.testdir()
  const env = { ...standIns, JUMPOUT_STAND_IN_CHECKER: 'racecheck:hang' }
  const options = ['--seconds', '90']
  const { code, stdout } = await execute(
    CHECK,
    ['--emulated', programs, '--out', out, ...options, 'memcheck', 'racecheck', 'initcheck', 'synccheck'],
    { env, timeout: LIMIT },
  )
  t.equal(code, 1, stdout)
  const { steps } = reportIn(out, 'gpu-check-cuda-on-the-cpu.json')
  t.match(steps, {
    memcheck: { outcome: 'passed', result: { passed: true, multiprocessorsUsed: 2 } },
    racecheck: { outcome: 'out of time' },
    initcheck: { outcome: 'passed' },
    synccheck: { outcome: 'passed' },
  })
})
