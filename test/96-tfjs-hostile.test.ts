/** jumpout/tfjs with arbitrary JavaScript values: a result that is right or an error with its code, and no tensor left. */
import fc from 'fast-check'
import t from 'tap'
import { newRoom } from './support/hostile/room'
import { TARGETS, tfjsCases, TfjsRunner } from './support/hostile/tfjs'
import { holds } from './support/properties'
import { roomOf } from './support/tfjs'

const CASES = 500

t.test('every export is tried', async (t) => {
  t.strictSame(
    Object.keys(await import('jumpout/tfjs')).filter((name) => name !== 'default' && !(name in TARGETS)),
    [],
  )
})

t.test('on cpu', async (t) => {
  const runner = new TfjsRunner(newRoom(), await roomOf('cpu'))
  holds(
    t,
    fc.property(tfjsCases, (one) => runner.run(one)),
    CASES,
  )
  t.ok((runner.tally.result ?? 0) > CASES / 10, 'many calls return', runner.tally)
  t.ok((runner.tally.ERR_INVALID_ARG_TYPE ?? 0) > CASES / 10, 'many are refused')
})
