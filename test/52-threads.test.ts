/** No result depends on the number of threads. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { jumpoutBackward, jumpoutForward } from 'jumpout'
import t from 'tap'
import { difference } from './support/bits'
import { expectedOf } from './support/conform'
import { groupDifference } from './support/groups'
import { makeGradient, makeInput } from './support/inputs'
import { root, runProgram } from './support/program'
import { runtimeWith } from './support/runtime'

t.test('one to eight threads', async (t) => {
  const hashes = new Set<string>()
  for (const threads of [1, 2, 3, 5, 8]) {
    const { code, stdout, stderr } = await runProgram('large-calls.ts', [], {
      env: { JUMPOUT_NUM_THREADS: String(threads) },
    })
    t.equal(code, 0, stderr)
    const result = JSON.parse(stdout) as { threads: number; hash: string }
    t.equal(result.threads, threads, 'the number that was asked for')
    hashes.add(result.hash)
  }
  t.equal(hashes.size, 1, 'one result')
})

t.test('a large call gives what the reference gives', (t) => {
  const n = 3_000_001
  const call = { seed: 3n, relu: true, sigma: 0.3 }
  const input = makeInput(n, 'signed')
  const gradOutput = makeGradient(n)
  const expected = expectedOf(input, gradOutput, call)
  const { output, saved } = jumpoutForward(input, call)
  t.equal(difference(output, expected.output), null, 'output')
  t.equal(difference(saved.mask as Uint32Array, expected.mask), null, 'mask')
  t.equal(groupDifference(saved.stats(), expected.groups), null, 'stats')
  t.equal(difference(jumpoutBackward(gradOutput, saved), expected.gradInput), null, 'gradient')
  t.end()
})

t.test('the default is no more than the processors that the process may use', async (t) => {
  const { runtime } = await runtimeWith({})
  const threads = runtime?.cpu.threads ?? 0
  t.ok(threads >= 1 && threads <= Math.min(16, availableParallelism()), `${threads} threads`)
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).error) {
    t.comment('no taskset here')
    return
  }
  const allowed = readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\s*(\d+)/m)?.[1] ?? '0'
  const print = "require('jumpout').runtime.cpu.threads"
  const pinned = (env: Record<string, string>) =>
    execFileSync('taskset', ['-c', allowed, process.execPath, '--print', print], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    }).trim()
  t.equal(pinned({ JUMPOUT_NUM_THREADS: '' }), '1', 'one processor')
  t.equal(pinned({ JUMPOUT_NUM_THREADS: '3' }), '3', 'unless more is asked for')
})

t.test('an invalid number of threads is an error', async (t) => {
  for (const threads of ['0', '-1', '1.5', 'two', '4x', '99999999999999999999']) {
    const { outcome, runtime } = await runtimeWith({ JUMPOUT_NUM_THREADS: threads })
    t.equal(runtime, undefined, threads)
    t.equal(outcome.signal, null)
    t.match(outcome.stderr, /ERR_BAD_ENVIRONMENT/)
    t.ok(
      outcome.stderr.includes('JUMPOUT_NUM_THREADS') && outcome.stderr.includes(threads),
      'it says what was asked for',
    )
  }
})
