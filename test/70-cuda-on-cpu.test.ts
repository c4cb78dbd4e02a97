/**
 * The emulator that executes the CUDA kernels on a CPU (tools/cuda-on-cpu), tested itself: broken kernels are caught, for
 * what is wrong with them; right ones pass in every order of threads. Under sanitizers: test/long/70-cuda-on-cpu.test.ts.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { blocksIn } from './support/documents'
import { emulatedFolder, execute } from './support/emulated'
import { casesOf, forAll, isCaught, ordersFor, programIn, runCase, testEmulator } from './support/emulator'
import { root } from './support/program'

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
    CUDA_ON_CPU_ARCH: ['', '90,', 'sm_90'],
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

t.test('the program in its README', async (t) => {
  const tool = join(root, 'tools', 'cuda-on-cpu')
  const [{ code: source }, ...others] = blocksIn('cuda')
  t.strictSame(others, [], 'no other document has one')
  const library = join(emulatedFolder('plain'), 'tools', 'cuda-on-cpu', 'libcuda_on_cpu.a')
  const build = async (name: string, text: string): Promise<string> => {
    const program = join(t.testdirName, name)
    writeFileSync(`${program}.cpp`, text)
    const flags = ['-std=c++17', '-fno-strict-aliasing', `-I${join(tool, 'include')}`, '-pthread']
    const compiled = await execute(process.env.CXX ?? 'c++', [
      ...flags,
      `${program}.cpp`,
      library,
      '-o',
      program,
    ])
    t.equal(compiled.code, 0, compiled.stderr)
    return program
  }
  t.testdir()
  const right = await build('right', source)
  const wrong = await build('wrong', source.replace(/^ *__syncthreads.*$/m, ''))
  const said: string[] = []
  for (const order of ordersFor('plain')) {
    const env = { CUDA_ON_CPU_ORDER: order }
    t.match(await execute(right, [], { env }), { code: 0, stdout: 'cudaSuccess: 2016\n' }, order)
    said.push((await execute(wrong, [], { env })).stdout)
  }
  t.ok(
    said.some((line) => line !== 'cudaSuccess: 2016\n'),
    `without its barrier: ${said.join()}`,
  )
})
