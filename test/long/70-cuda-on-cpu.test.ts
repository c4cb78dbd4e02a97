/** The emulator under AddressSanitizer and ThreadSanitizer: what each of them must see, and that they see nothing else. */
import t from 'tap'
import { casesOf, ending, forAll, isCaught, ordersFor, runCase, testEmulator } from '../support/emulator'

const LIMIT = 900_000

for (const variant of ['address', 'thread'] as const) {
  testEmulator(variant)

  t.test(`${variant}: what only it can see, in every order`, { timeout: LIMIT }, async (t) => {
    const cases = (await casesOf('sanitizer_mutants')).filter(({ seenBy }) => seenBy === variant)
    t.ok(cases.length >= 10, `${cases.length} kernels`)
    for (const order of ordersFor(variant)) {
      await forAll(cases, async (mutant) => {
        const outcome = await runCase(variant, mutant, { CUDA_ON_CPU_ORDER: order })
        t.ok(isCaught(outcome, mutant.words), `${mutant.name}, ${order}`, { ended: ending(outcome) })
        t.ok(outcome.stderr.includes(mutant.name), 'and where it is')
      })
    }
  })
}
