/** Jest and vm: results and errors belong to the realm that loaded the package, in any number of realms at once. */
import t from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { endedWell, programPath, runNode, runProgram, typescript } from './support/program'
import { makeRealm, realmOfThread } from './support/realm'
import { checkHost, type Assert } from './support/realm-checks'

t.test('three realms at once, and the main one', async (t) => {
  const assert: Assert = (holds, what) => t.ok(holds, what)
  const realms = [makeRealm(), makeRealm({ console }), makeRealm(), realmOfThread()]
  for (const [i, realm] of realms.entries()) await checkHost(assert, realm, realms[(i + 1) % realms.length])
  // Not the last one alone.
  await checkHost(assert, realms[0], realms[1])
})

t.test('worker threads, and realms in them', async (t) => {
  for (const args of [[], ['loaded']])
    endedWell(
      t,
      await runProgram('realm-workers.ts', args),
      `main thread ${args.join() || 'without the package'}`,
    )
})

t.test('arrays, options and lists of other realms', (t) => {
  const [one, other] = [makeRealm(), makeRealm()]
  const input = makeInput(1000)
  const foreign = (
    other.get('(values) => new Float32Array(values)') as (values: Float32Array) => Float32Array
  )(input)
  const shape = other.get('[10, 100]') as number[]
  const options = other.get("({ seed: 1, granularity: 'sample' })") as {
    seed: number
    granularity: 'sample'
    shape?: number[]
  }
  options.shape = shape
  const out = other.get('new Float32Array(1000)') as Float32Array
  const mask = other.get('new Uint32Array(32)') as Uint32Array
  const { output, saved } = one.jumpout.jumpoutForward(foreign, { ...options, out, mask })
  t.equal(output, out)
  t.equal(saved.mask, mask)
  const expected = one.jumpout.jumpoutForward(input, { seed: 1, granularity: 'sample', shape: [10, 100] })
  equalBits(t, new Float32Array(output), new Float32Array(expected.output), 'output')
  equalBits(
    t,
    one.jumpout.jumpoutBackward(foreign, saved),
    one.jumpout.jumpoutBackward(input, expected.saved),
    'gradient',
  )
  const { active, total } = other.jumpout.countActive(foreign)
  const shard = { elementOffset: 0, active, total }
  equalBits(
    t,
    one.jumpout.jumpoutForward(foreign, { seed: 1, shard }).output,
    one.jumpout.jumpoutForward(input, { seed: 1 }).output,
    'with counts of another realm',
  )
  one.jumpout.release(foreign)
  t.equal(foreign.length, 0, 'released')
  t.end()
})

t.test('realms without references are collected', async (t) => {
  const args = ['--expose-gc', ...typescript, programPath('realms.ts')]
  const env = { NODE_V8_COVERAGE: undefined } // V8 keeps what it counts
  endedWell(t, await runNode(args, { env }), 'realms end')
})
