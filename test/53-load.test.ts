/**
 * Worker threads that make every kind of call at once, on the host and on a device: each call gives the bits of a plain
 * one, and nothing stays open. `npm run load` does it for as long as wanted, and looks at memory (docs/reliability.md).
 */
import t from 'tap'
import { buildAddon } from './support/addon'
import { deviceEnvironment } from './support/device'
import { hostWays } from './support/load/host'
import { runLoad } from './support/load/process'
import { HANG } from './support/program'

const ACTS = 12
const WORKERS = 8
const LANES = 3

const skip = process.platform === 'linux' ? false : 'for what Linux tells of a process'

t.test('every call of every thread gives its bits', { skip }, async (t) => {
  const settings = {
    seed: 1,
    workers: WORKERS,
    rounds: 2,
    acts: ACTS,
    milliseconds: HANG,
    longest: 300_000,
    device: true,
    held: buildAddon('held/held.c', t.testdir()),
    leak: 0,
  }
  const { outcome, load } = await runLoad(settings, deviceEnvironment)
  t.equal(outcome.code, 0, outcome.stderr)
  const { counts, samples } = load ?? { counts: {}, samples: [] }
  t.same(
    samples.map(({ calls }) => calls),
    [1, 2].map((round) => WORKERS * LANES * (1 + round * ACTS)),
    'acts',
  )
  t.strictSame(
    Object.keys(hostWays).filter((way) => !(way in counts)),
    [],
    'every way was taken',
  )
})
