/**
 * Memory does not grow over many calls of any kind. The test bounds the slope once a plateau is reached, since the size of a
 * process depends on the machine. A planted leak of 100 bytes per call must be detected.
 */
import t, { type Test } from 'tap'
import { buildAddon } from './support/addon'
import { leastSlope, slope, slopeInterval } from './support/growth'
import { programPath, runNode, typescript } from './support/program'

const addon = buildAddon('held/held.c', t.testdir())
const { allocated } = require(addon) as { allocated(): number }

interface Growth {
  growing: boolean
  /** Bytes per call, by what was measured. */
  growth: Record<string, number>
}

async function measure(t: Test, scenario: string, leak: string): Promise<Growth> {
  const args = [
    '--expose-gc',
    '--single-threaded',
    ...typescript,
    programPath('memory.ts'),
    scenario,
    leak,
    addon,
  ]
  const env = { NODE_V8_COVERAGE: undefined } // V8 keeps what it counts
  const { code, stdout, stderr } = await runNode(args, { env })
  t.equal(code, 0, stderr)
  t.comment(stdout.trim())
  return JSON.parse(stdout) as Growth
}

const LEAKS: Record<string, readonly string[]> = {
  functions: ['javascript', 'native'],
  layer: ['javascript', 'native'],
  refusals: ['javascript', 'native'],
  async: ['javascript', 'native'],
  largeTurning: ['javascript', 'native'],
  largeSynchronous: ['javascript', 'native'],
  largeInMicrotasks: ['javascript', 'native'],
  largePeak: ['outputs'],
}
/** Without the C library's own figures, only pages are measured. */
const untold = allocated() < 0 && 'the C library does not tell what is in use'

for (const [scenario, leaks] of Object.entries(LEAKS)) {
  t.test(scenario, async (t) => {
    const { growing, growth } = await measure(t, scenario, 'none')
    t.notOk(growing, `bytes per call: ${JSON.stringify(growth)}`)
    for (const leak of leaks) {
      t.test(`a planted leak: ${leak}`, { skip: leak === 'native' && untold }, async (t) => {
        const { growing, growth } = await measure(t, scenario, leak)
        t.ok(growing, `bytes per call: ${JSON.stringify(growth)}`)
      })
    }
  })
}

t.test('the slope of a series', (t) => {
  const rising = [64, 72, 78, 77, 73, 76, 76, 74, 75, 76, 74]
  t.equal(slope([0, 2, 4, 6]), 2)
  t.equal(slope([5, 5, 5, 50, 5, 5]), 0, 'an outlier')
  t.equal(leastSlope([5, 5, 5, 50, 50, 50, 50, 50, 50]), 0, 'a step, then a plateau')
  t.ok(leastSlope(rising) < 0.5, 'a process that reaches its plateau')
  t.ok(leastSlope(rising.map((value, i) => value + 5 * i)) > 2.5, 'one that does not')
  t.end()
})

t.test('the interval of a slope', (t) => {
  const xs = Array.from({ length: 40 }, (_, i) => 100 * i)
  const wave = xs.map((_, i) => 7 * ((i * 13) % 11))
  const flat = slopeInterval(xs, wave)
  t.ok(flat.low <= 0 && flat.high >= 0 && flat.high - flat.low < 0.05, JSON.stringify(flat))
  const rising = slopeInterval(
    xs,
    wave.map((y, i) => y + 0.3 * xs[i]),
  )
  t.ok(rising.low > 0.25 && rising.high < 0.35, JSON.stringify(rising))
  t.strictSame(slopeInterval([0, 2, 4, 6], [0, 1, 2, 3]), { slope: 0.5, low: 0.5, high: 0.5 })
  t.end()
})
