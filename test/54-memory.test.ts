/** Memory does not grow, whatever is called how often; garbage collection is asked for, not hoped for. */
import t from 'tap'
import { programPath, runNode, typescript } from './support/program'

const MB = 2 ** 20

/** At most so many bytes more. A leak of one small output a call would be 320 MB, of one promise about 20 MB. */
const LIMITS: Record<string, number> = {
  functions: 16 * MB,
  layer: 16 * MB,
  refusals: 16 * MB,
  async: 16 * MB,
  largeTurning: 64 * MB,
  largeSynchronous: 256 * MB,
  largeInMicrotasks: 64 * MB,
}

for (const [scenario, limit] of Object.entries(LIMITS)) {
  t.test(scenario, async (t) => {
    const args = ['--expose-gc', ...typescript, programPath('memory.ts'), scenario]
    const { code, stdout, stderr } = await runNode(args)
    t.equal(code, 0, stderr)
    const growth = Number(stdout)
    t.ok(growth <= limit, `${(growth / MB).toFixed(1)} MB more, at most ${limit / MB}`)
  })
}
