/**
 * examples/mpi: one machine's masks and parameters on 1, 2 and 4 ranks, from C and from Node, over TCP on the loopback
 * interface. Skips where Open MPI is not installed, and fails instead where JUMPOUT_REQUIRE_MPI is 1.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jumpoutBackward, jumpoutForward, native } from 'jumpout'
import t, { type Test } from 'tap'
import type { Overhead } from '../../examples/mpi/measure'
import { constantsOf, overhead } from '../../examples/mpi/model'
import { draw } from '../../examples/mpi/picture'
import { equalBits } from '../support/bits'
import { execute } from '../support/emulated'
import { type Outcome, root, typescript } from '../support/program'
import { isInstalled, needs } from '../support/requirement'

const openMpi = needs(isInstalled('mpirun') && isInstalled('mpicc'), 'Open MPI', 'JUMPOUT_REQUIRE_MPI')

/** Any user may run it, with more ranks than processors, beside other load: who waits lets others run. */
const MPIRUN = Object.entries({
  btl: 'tcp,self',
  btl_tcp_if_include: 'lo',
  oob_tcp_if_include: 'lo',
  mpi_yield_when_idle: '1',
}).flatMap((parameter) => ['--mca', ...parameter])
const ENVIRONMENT = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1', NODE_OPTIONS: '' }

const mpirun = (ranks: number, ...command: readonly string[]): Promise<Outcome> =>
  execute('mpirun', [...MPIRUN, '--oversubscribe', '-n', `${ranks}`, ...command], { env: ENVIRONMENT })

const TRAIN = [...typescript, join(root, 'examples', 'mpi', 'train.ts')]
const trainAlone = (...flags: readonly string[]): Promise<Outcome> =>
  execute(process.execPath, [...TRAIN, ...flags], { env: ENVIRONMENT })
const train = (ranks: number, ...flags: readonly string[]): Promise<Outcome> =>
  mpirun(ranks, process.execPath, ...TRAIN, ...flags)

function output(t: Test, { code, stdout, stderr }: Outcome, what: string): string {
  t.equal(code, 0, what, { stdout: stdout.slice(-2000), stderr: stderr.slice(-2000) })
  return stdout
}

interface Step {
  parameters: string
  active: number[]
  masks: string
}

const steps = (text: string): Step[] =>
  [...text.matchAll(/^step \d+ parameters (\w+) active (\d+) (\d+) masks (\w+) loss [\d.]+$/gm)].map(
    ([, parameters, first, second, masks]) => ({
      parameters,
      active: [Number(first), Number(second)],
      masks,
    }),
  )

t.test('C: a tensor in parts on 1, 2 and 4 ranks', openMpi, async (t) => {
  const build = t.testdir({})
  for (const args of [
    ['-S', join(root, 'examples', 'mpi'), '-B', build, `-Djumpout_DIR=${native.cmake}`],
    ['--build', build],
  ]) {
    output(t, await execute('cmake', args), `cmake ${args[0]}`)
  }
  for (const length of [1, 40, 100_003]) {
    const input = Float32Array.from({ length }, (_, i) => (Math.imul(i, 2654435761 | 0) >>> 8) / 2 ** 23 - 1)
    const { output: expected, saved } = jumpoutForward(input, { seed: 2026, call: 7, relu: true })
    const gradient = jumpoutBackward(new Float32Array(length).fill(1), saved)
    for (const ranks of [1, 2, 4]) {
      const file = join(build, `${length}-${ranks}`)
      const said = output(t, await mpirun(ranks, join(build, 'shards'), `${length}`, file), `${ranks} ranks`)
      t.match(said, `${ranks} ranks, active ${saved.stats()[0].active} of ${length}, `)
      const bytes = new Uint8Array(readFileSync(file)).buffer
      t.equal(bytes.byteLength, 8 * length + 4 * Math.ceil(length / 32))
      equalBits(t, new Float32Array(bytes, 0, length), expected, `${ranks} ranks, ${length}: output`)
      equalBits(
        t,
        new Float32Array(bytes, 4 * length, length),
        gradient,
        `${ranks} ranks, ${length}: gradient`,
      )
      equalBits(
        t,
        new Uint32Array(bytes, 8 * length),
        saved.mask as Uint32Array,
        `${ranks} ranks, ${length}: mask`,
      )
    }
  }
})

t.test('gathered gradients: masks, losses and parameters of one process', openMpi, async (t) => {
  const flags = ['--steps', '12']
  const expected = output(t, await trainAlone(...flags), 'without MPI')
  t.equal(steps(expected).length, 12)
  t.match(expected, /^masks [\da-f]{64}\nparameters [\da-f]{64}\n$/m)
  for (const ranks of [1, 2, 4]) {
    t.equal(output(t, await train(ranks, ...flags), `${ranks} ranks`), expected, `${ranks} ranks, to the bit`)
  }
  const other = output(t, await trainAlone(...flags, '--seed', '2'), 'another seed')
  t.not(/^masks .*/m.exec(other)?.[0], /^masks .*/m.exec(expected)?.[0], 'has other masks')
})

t.test('reduced gradients: masks agree while parameters do, and for a while longer', openMpi, async (t) => {
  // The sum of two ranks' gradients has one order, so that these steps are the same on all machines.
  const flags = ['--gradients', 'reduced', '--steps', '80', '--learning-rate', '0.05']
  const one = steps(output(t, await trainAlone(...flags), 'one process'))
  const two = steps(output(t, await train(2, ...flags), '2 ranks'))
  const parted = (part: (step: Step) => unknown) =>
    one.findIndex((step, i) => JSON.stringify(part(step)) !== JSON.stringify(part(two[i])))
  t.equal(
    parted(({ parameters }) => parameters),
    1,
    'the first step moves them apart, by last bits',
  )
  t.equal(
    parted(({ masks }) => masks),
    76,
    'masks are equal for 75 steps more',
  )
  t.equal(
    parted(({ active }) => active),
    76,
    'until an input of a ReLU lies on the other side of 0',
  )
  t.strictSame([one[76].active, two[76].active], [[205, 950], [205, 949]]) // prettier-ignore
})

t.test('independent masks: foldIn(seed, rank), and nothing is sent', openMpi, async (t) => {
  const flags = ['--masks', 'independent', '--steps', '2']
  const [shared] = steps(output(t, await trainAlone('--steps', '2'), 'shared, alone'))
  const [alone] = steps(output(t, await trainAlone(...flags), 'alone'))
  const [two] = steps(output(t, await train(2, ...flags), '2 ranks'))
  t.equal(alone.active[0], shared.active[0], 'before the first draw nothing differs')
  t.not(alone.masks, shared.masks, 'another seed')
  t.not(two.masks, alone.masks)
  t.ok(two.active[0] < alone.active[0], 'a rank counts its own rows')
})

t.test('the picture and the table of docs/distributed.md are drawn from the numbers', async (t) => {
  const file = join(root, 'examples', 'mpi', 'results', 'overhead')
  const measured = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as Overhead
  t.equal(await draw(measured), readFileSync(`${file}.svg`, 'utf8'))
  const document = readFileSync(join(root, 'docs', 'distributed.md'), 'utf8')
  for (const transport of measured.transports) {
    const [one, two, four] = transport.times.map(({ microseconds }) => microseconds)
    const { alpha } = constantsOf(transport)
    const model = overhead(4, constantsOf(transport))
    const cells = [one.toFixed(2), two.toFixed(2), alpha.toFixed(2), model.toFixed(1), four.toFixed(1)]
    t.match(document.replace(/ +/g, ' '), `| ${[transport.name, ...cells].join(' | ')} |`)
  }
})

t.test('ranks that do not divide the batch end at once', openMpi, async (t) => {
  const { code, stderr } = await train(3, '--steps', '1')
  t.not(code, 0)
  t.match(stderr, '4 micro-batches cannot be dealt to 3 ranks')
})
