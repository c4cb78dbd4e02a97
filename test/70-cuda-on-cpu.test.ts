/**
 * The emulator that executes the CUDA kernels on a CPU (test/cuda-on-cpu), tested itself: broken kernels are caught, for
 * what is wrong with them; right ones pass in every order of threads. Under sanitizers: test/long/70-cuda-on-cpu.test.ts.
 */
import t from 'tap'
import { execute } from './support/emulated'
import { casesOf, forAll, isCaught, ordersFor, programIn, runCase, testEmulator } from './support/emulator'

testEmulator('plain')

t.test('plain: a wrong result in some order, where no other build is needed', async (t) => {
  const cases = (await casesOf('mutants')).filter(({ seenBy }) => seenBy === 'order')
  t.ok(cases.length >= 8, `${cases.length} kernels`)
  await forAll(cases, async (mutant) => {
    const wrong: string[] = []
    for (const order of ordersFor('plain')) {
      const outcome = await runCase('plain', mutant, { CUDA_ON_CPU_ORDER: order })
      if (isCaught(outcome, mutant.words)) wrong.push(order)
    }
    t.ok(wrong.length > 0, `${mutant.name}: ${wrong.join(', ')}`)
  })
})

t.test('an environment that makes no sense is refused', async (t) => {
  const settings = {
    CUDA_ON_CPU_ORDER: ['sideways', 'random', 'random:x'],
    CUDA_ON_CPU_SMS: ['many', '-1', ''],
    CUDA_ON_CPU_COOPERATIVE: ['perhaps'],
    CUDA_ON_CPU_FAIL: ['cudaMalloc', 'cudaMalloc:'],
    CUDA_ON_CPU_REFUSE: ['cudaMalloc', 'cudaMalloc:'],
  }
  for (const [name, values] of Object.entries(settings)) {
    for (const value of values) {
      const { code, stderr } = await execute(programIn('plain', 'controls'), ['reverses'], {
        env: { [name]: value },
      })
      t.equal(code, 2, `${name}=${value}`)
      t.ok(stderr.includes(name) && stderr.includes(`"${value}"`), stderr)
    }
  }
})
