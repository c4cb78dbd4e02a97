/**
 * test/differential, as CI runs it: masks, rates and plain dropout against what nobody here wrote, and a battery of statistics. The
 * cases have fixed seeds, so that none fails by chance; each part has controls, whose planted faults it must see.
 */
import { runtime } from 'jumpout'
import t from 'tap'
import { packages, runPart } from '../support/differential'
import { emulatedLibrary, pytorch } from '../support/pytorch'

const onDevice = async () => ['--only', 'device', '--device', await emulatedLibrary()]

t.test('words, on each instruction set, and against TensorFlow where it is', packages, async (t) => {
  const checks = await runPart(t, 'words')
  const places = [...new Set(checks.map(({ where }) => where))]
  for (const isa of ['scalar', runtime.cpu.isa]) t.ok(places.includes(`${isa}, randomgen`), places.join('; '))
  t.equal(checks.filter(({ fault }) => fault !== undefined).length, places.length)
})

t.test('words and rates, on an emulated device', packages, async (t) => {
  const args = await onDevice()
  for (const part of ['words', 'rates']) {
    const checks = await runPart(t, part, args)
    t.ok(checks.length >= 5 && checks.every(({ where }) => where.startsWith('emulated device')), part)
  }
})

const parts = {
  rates: [packages, 8],
  battery: [packages, 19],
  plain: [{ ...packages, ...pytorch }, 6],
} as const
for (const [part, [needed, faults]] of Object.entries(parts)) {
  t.test(part, needed, async (t) => {
    const checks = await runPart(t, part)
    t.equal(checks.filter(({ fault }) => fault !== undefined).length, faults, 'planted faults')
  })
}
