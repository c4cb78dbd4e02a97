/** Every instruction set of this machine gives the same bits; an unknown one is an error. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root, typescript } from './support/program'
import { runtimeWith } from './support/runtime'

/** The tests that compare bits with the golden vectors and the reference. */
const CONFORMANCE = [
  '11-philox.test.ts',
  '20-golden.test.ts',
  '21-random-options.test.ts',
  '22-lengths.test.ts',
  '23-alignment.test.ts',
  '26-shards.test.ts',
]

/** The processor's instruction sets, as far as the system lists them; the library must find all of them. */
function expectedSets(): string[] {
  if (process.arch === 'arm64') return ['neon', 'scalar']
  if (process.arch !== 'x64' || process.platform !== 'linux') return ['scalar']
  const [, line = ''] = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? []
  const flags = new Set(line.split(' '))
  const has = (...names: string[]) => names.every((name) => flags.has(name))
  return [
    ...(has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl') ? ['avx512'] : []),
    ...(has('avx2') ? ['avx2'] : []),
    'scalar',
  ]
}

const expected = expectedSets()

for (const isa of ['avx512', 'avx2', 'neon', 'scalar']) {
  t.test(isa, async (t) => {
    const env = { JUMPOUT_CPU_ISA: isa }
    const { outcome, runtime } = await runtimeWith(env)
    if (runtime === undefined) {
      t.match(outcome.stderr, /JUMPOUT_CPU_ISA/, 'the refusal names the variable')
      t.match(outcome.stderr, /ERR_BAD_ENVIRONMENT/, 'and has a code')
      t.equal(outcome.signal, null, 'and is no crash')
      t.notOk(expected.includes(isa), 'the processor does not have it')
      t.comment(`skipped: ${/JUMPOUT_CPU_ISA.*/.exec(outcome.stderr)?.[0]}`)
      return
    }
    t.equal(runtime.cpu.isa, isa, 'it is the one that was asked for')
    if (isa === expected[0] && process.env.JUMPOUT_CPU_ISA === undefined) {
      t.comment(`the tests themselves run with ${isa}`)
      return
    }
    for (const file of CONFORMANCE) {
      await t.spawn(
        process.execPath,
        [...typescript, join(root, 'test', file)],
        { env: { ...process.env, ...env } },
        file,
      )
    }
  })
}

t.test('by default the library takes the best', async (t) => {
  const { runtime } = await runtimeWith({})
  t.equal(runtime?.cpu.isa, expected[0])
})

t.test('an unknown instruction set', async (t) => {
  for (const isa of ['sse9', 'AVX2 ', '2']) {
    const { outcome, runtime } = await runtimeWith({ JUMPOUT_CPU_ISA: isa })
    t.equal(runtime, undefined)
    t.equal(outcome.signal, null)
    t.match(outcome.stderr, /ERR_BAD_ENVIRONMENT/)
    t.ok(
      outcome.stderr.includes('JUMPOUT_CPU_ISA') && outcome.stderr.includes(isa),
      'it says what was asked for',
    )
  }
})
