/**
 * Memory that runs out. An allocator in front of the addon lets the n-th allocation of a call fail, for every n until the call
 * succeeds: test/programs/allocations/failing.c, compiled here. And a process whose address space is used up.
 */
import { join } from 'node:path'
import t from 'tap'
import { buildAddon } from './support/addon'
import { endedWell, programPath, root, runNode, runProgram } from './support/program'

const skip = process.platform === 'linux' ? false : 'for the linker of Linux'

t.test('every allocation of every call fails in turn', { skip }, async (t) => {
  const failing = buildAddon('allocations/failing.c', t.testdir())
  const env = { LD_PRELOAD: failing, JUMPOUT_NUM_THREADS: '1' }
  const outcome = await runProgram('allocations/calls.ts', [failing], { env })
  endedWell(t, outcome, 'each ends in a result or ERR_OUT_OF_MEMORY, and nothing stays')
  t.comment(outcome.stdout)
})

t.test('every allocation while the addon is loaded fails in turn', { skip }, async (t) => {
  const failing = buildAddon('allocations/failing.c', t.testdir())
  const { stdout, stderr } = await runNode(
    [
      '--eval',
      `const { letFail } = require(${JSON.stringify(failing)})
      const said = new Set()
      for (let n = 1, failed = true; failed; ++n) {
        const before = letFail(n)
        try {
          require(${JSON.stringify(join(root, 'build', 'Release', 'jumpout.node'))})
          failed = letFail(0) > before
        } catch ({ code }) {
          letFail(0)
          said.add(code)
        }
      }
      console.log(...said, 'done')`,
    ],
    { env: { LD_PRELOAD: failing, JUMPOUT_NUM_THREADS: '1' } },
  )
  t.equal(stdout, 'ERR_OUT_OF_MEMORY done\n', stderr)
})

t.test('the address space is used up', { skip }, async (t) => {
  const outcome = await runNode([programPath('allocations/space.js')])
  endedWell(t, outcome, 'calls say so, and later ones succeed')
  t.comment(outcome.stdout)
})
