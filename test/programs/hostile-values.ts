/**
 * Cases of test/support/hostile: how many, of which seed. Writes a line of JSON with how they ended, or the case that failed.
 * With `trace` each case is written before it runs, for the last one before a crash.
 */
import { argv, exit } from 'node:process'
import fc from 'fast-check'
import { roomWithCases } from '../support/hostile/room'

async function main(cases: number, seed: number, trace: boolean): Promise<void> {
  if (!trace) Error.stackTraceLimit = 0 // most of the time of a case otherwise
  const { arbitrary, runner } = roomWithCases()
  const property = fc.asyncProperty(arbitrary, (one) => {
    if (trace) console.log(fc.stringify(one))
    return runner.run(one)
  })
  const found = await fc.check(property, { seed, numRuns: cases })
  if (found.failed) {
    console.error(fc.stringify(found.counterexample), found.errorInstance)
    exit(1)
  }
  console.log(JSON.stringify(runner.tally))
}

void main(Number(argv[2]), Number(argv[3]), argv[4] === 'trace')
