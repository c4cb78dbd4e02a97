/**
 * Processes and workers that end in every way while calls are in flight, on the host and on a device. `npm run load -- ends` does
 * it as often as wanted (docs/reliability.md).
 */
import t from 'tap'
import { deviceEnvironment } from './support/device'
import { endNames, runEnds } from './support/load/ends'

const TIMES = 2

/** Milliseconds of sleep of all threads. */
const HANGS = 60_000

const run = {
  node: process.execPath,
  major: Number.parseInt(process.versions.node),
  seed: 1,
  times: TIMES,
  work: 'jumpout',
  patience: HANGS,
} as const
const places = {
  'on the host': { device: false, env: { JUMPOUT_BINARY: undefined } },
  'on a device too': { device: true, env: deviceEnvironment },
}

for (const [place, { device, env }] of Object.entries(places)) {
  for (const end of endNames) {
    t.test(`${end}, with calls in flight ${place}`, async (t) => {
      const { ends, hangs, failures } = await runEnds({ ...run, end, device, env })
      t.strictSame({ ends, hangs, failures }, { ends: TIMES, hangs: 0, failures: [] })
    })
  }
}
