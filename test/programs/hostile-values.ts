/**
 * Cases of test/support/hostile: how many, of which seed. Writes a line of JSON with how they ended, or the case that failed.
 * With `tfjs` they are those of `jumpout/tfjs`. With `trace` each case is written before it runs, for the last one before a crash.
 */
import { argv, exit } from 'node:process'
import fc from 'fast-check'
import type { Tally } from '../support/hostile/case'
import { newRoom, roomWithCases } from '../support/hostile/room'
import { tfjsCases, TfjsRunner } from '../support/hostile/tfjs'
import { roomOf } from '../support/tfjs'

interface Cases<T> {
  readonly arbitrary: fc.Arbitrary<T>
  readonly runner: { readonly tally: Tally; run(one: T): void | Promise<void> }
}

async function main<T>(
  { arbitrary, runner }: Cases<T>,
  cases: number,
  seed: number,
  trace: boolean,
): Promise<void> {
  if (!trace) Error.stackTraceLimit = 0 // most of the time of a case otherwise
  const property = fc.asyncProperty(arbitrary, async (one) => {
    if (trace) console.log(fc.stringify(one))
    await runner.run(one)
  })
  const found = await fc.check(property, { seed, numRuns: cases })
  if (found.failed) {
    console.error(fc.stringify(found.counterexample), found.errorInstance)
    exit(1)
  }
  console.log(JSON.stringify(runner.tally))
}

async function start(): Promise<void> {
  const [cases, seed] = argv.slice(2, 4).map(Number)
  const trace = argv.includes('trace')
  if (!argv.includes('tfjs')) return main(roomWithCases(), cases, seed, trace)
  const runner = new TfjsRunner(newRoom(), await roomOf('cpu'))
  return main({ arbitrary: tfjsCases, runner }, cases, seed, trace)
}

void start()
