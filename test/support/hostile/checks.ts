/** What both files of this kind of test assert, on the host and on a device. */
import fc from 'fast-check'
import type { Test } from 'tap'
import { holdsAsync } from '../properties'
import { ROWS } from './exports'
import { roomWithCases } from './room'

export async function checkHostileValues(t: Test, cases: number): Promise<void> {
  const { surface, arbitrary, runner } = roomWithCases()
  t.strictSame(
    surface.map(({ name }) => name).sort(),
    Object.keys(ROWS).sort(),
    'every export has a row of values, and every row an export',
  )
  await holdsAsync(
    t,
    fc.asyncProperty(arbitrary, (one) => runner.run(one)),
    cases,
  )
  t.ok((runner.tally.result ?? 0) > cases / 10, 'many calls return', runner.tally)
  t.ok((runner.tally.ERR_INVALID_ARG_TYPE ?? 0) > cases / 10, 'many are refused')
}
