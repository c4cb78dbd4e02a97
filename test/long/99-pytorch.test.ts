/**
 * examples/pytorch: the bits of this package, from ctypes. The path of CUDA tensors runs on the emulated kernels. Skips
 * where PyTorch is not installed for Python, and fails instead where JUMPOUT_REQUIRE_PYTORCH is 1.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Jumpout, native, type LayerOptions } from 'jumpout'
import t, { type Test } from 'tap'
import { equalBits } from '../support/bits'
import { execute } from '../support/emulated'
import { makeGradient, makeInput } from '../support/inputs'
import { programPath, root } from '../support/program'
import { emulatedLibrary, python, pytorch } from '../support/pytorch'

interface Case {
  name: string
  shape: number[]
  arguments: { seed: number } & Pick<LayerOptions, 'layer' | 'unit' | 'granularity' | 'sigma'>
  calls: number
}

const CASES: Case[] = [
  { name: 'whole', shape: [4, 8, 5, 5], arguments: { seed: 2026 }, calls: 3 },
  { name: 'layer', shape: [64, 100], arguments: { seed: 2026, layer: 3, sigma: 0.4 }, calls: 1 },
  { name: 'channel', shape: [4, 8, 5, 5], arguments: { seed: 7, unit: 'channel', sigma: 0.4 }, calls: 2 },
  { name: 'sample', shape: [4, 8, 5, 5], arguments: { seed: 7, granularity: 'sample' }, calls: 1 },
]
const LENGTH = 6400

async function runPython(t: Test, args: readonly string[], library: string): Promise<void> {
  const env = { JUMPOUT_LIBRARY: library, GLOO_SOCKET_IFNAME: 'lo', NODE_OPTIONS: '' }
  const { code, stdout, stderr } = await execute(python, args, { env })
  t.equal(code, 0, args.slice(1).join(' '), { stdout, stderr: stderr.slice(-3000) })
}

function folderOf(t: Test, cases: readonly Case[]): string {
  const folder = t.testdir({ 'cases.json': JSON.stringify(cases) })
  writeFileSync(join(folder, 'input'), makeInput(LENGTH, 'signed'))
  writeFileSync(join(folder, 'gradient'), makeGradient(LENGTH))
  return folder
}

/** What `ranks` processes wrote, joined, against this package. */
function compare(
  t: Test,
  folder: string,
  { name, shape, arguments: options, calls }: Case,
  ranks: number,
): void {
  const length = shape.reduce((product, size) => product * size)
  const layer = new Jumpout({ ...options, relu: true, shape })
  const input = makeInput(LENGTH, 'signed').subarray(0, length)
  let { output, saved } = layer.call(input)
  for (let call = 1; call < calls; call++) ({ output, saved } = layer.call(input))
  const gradient = layer.backward(makeGradient(LENGTH).subarray(0, length), { saved })
  const files = Array.from({ length: ranks }, (_, rank) => readFileSync(join(folder, `${name}.${rank}`)))
  const part = length / ranks
  const joined = (first: number, words: number) =>
    new Uint8Array(Buffer.concat(files.map((file) => file.subarray(4 * first, 4 * (first + words))))).buffer
  equalBits(t, new Float32Array(joined(0, part)), output, `${name}: output`)
  equalBits(t, new Float32Array(joined(part, part)), gradient, `${name}: gradient`)
  equalBits(t, new Uint32Array(joined(2 * part, part / 32)), saved.mask as Uint32Array, `${name}: mask`)
}

const program = programPath('pytorch.py')

for (const place of ['host', 'device'] as const) {
  t.test(`${place}: forward, backward, state, errors`, pytorch, async (t) => {
    const library = place === 'host' ? native.library : await emulatedLibrary()
    const folder = folderOf(t, CASES)
    await runPython(t, [program, folder, place], library)
    for (const each of CASES) compare(t, folder, each, 1)
  })

  t.test(`${place}: torch.distributed, the batch on two ranks`, pytorch, async (t) => {
    const library = place === 'host' ? native.library : await emulatedLibrary()
    const cases = CASES.filter(({ arguments: { granularity } }) => granularity === undefined)
    const folder = folderOf(t, cases)
    await Promise.all(['0', '1'].map((rank) => runPython(t, [program, folder, place, rank, '2'], library)))
    for (const each of cases.filter(({ shape }) => shape[0] > 0)) compare(t, folder, each, 2)
  })
}

t.test('a conv net learns', pytorch, async (t) => {
  const { code, stdout, stderr } = await execute(
    python,
    ['-B', join(root, 'examples', 'pytorch', 'train.py'), '30'],
    { env: { JUMPOUT_LIBRARY: native.library } },
  )
  t.equal(code, 0, stderr)
  t.comment(stdout)
  const losses = [...stdout.matchAll(/^(.+): loss ([\d.]+) -> ([\d.]+), \d+ ms per step$/gm)]
  t.strictSame(
    losses.map(([, name]) => name),
    ['relu', 'relu + dropout', 'jumpout'],
  )
  for (const [, name, first, last] of losses)
    t.ok(Number(last) < Number(first), `${name}: ${first} -> ${last}`)
  t.notOk(existsSync(join(root, 'examples', 'pytorch', '__pycache__')), 'nothing is left behind')
})
