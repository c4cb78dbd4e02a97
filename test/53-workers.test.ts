/** Worker threads: the same results in each, and no crash when they end. */
import t from 'tap'
import { endedWell, runProgram } from './support/program'

const WAYS = {
  together: 'main thread and workers at once get the same results',
  shared: 'a worker writes into a shared array',
  messages: 'results are cloned into messages',
  ended: 'workers that end with work in flight',
  onlyInWorkers: 'an addon that only workers loaded outlives them',
}

for (const [way, what] of Object.entries(WAYS)) {
  t.test(what, async (t) => endedWell(t, await runProgram('workers.ts', [way]), what))
}
