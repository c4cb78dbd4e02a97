/** The ways in of docs/linking.md: each example gives the bits of this package, and what its bindings mirror is the header. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Jumpout, jumpoutBackward, jumpoutForward, type JumpoutOptions, native } from 'jumpout'
import t, { type Test } from 'tap'
import { equalBits } from './support/bits'
import { execute } from './support/emulated'
import { makeGradient, makeInput } from './support/inputs'
import { root } from './support/program'

const examples = join(root, 'examples')
const tsx = ['--import', 'tsx']

async function run(t: Test, command: string, args: readonly string[], env = {}): Promise<string> {
  const { code, stdout, stderr } = await execute(command, args, { env: { ...env, NODE_OPTIONS: '' } })
  t.equal(code, 0, `${command} ${args[0]}`, { stdout, stderr: stderr.slice(-3000) })
  return stdout
}

/** The output of an example: the rate, eight floats out, eight gradients, each with all its digits. */
function sameAsReadme(t: Test, printed: string, what: string): void {
  const layer = new Jumpout({ relu: true, seed: 2 })
  const output = layer.forward(Float32Array.of(1, -2, 3, 4, -5, 6, 7, -8))
  const gradient = layer.backward(new Float32Array(8).fill(1))
  const [rate, y, dx] = printed.trimEnd().split('\n')
  t.equal(
    Math.fround(Number(rate.replace('rate ', ''))),
    Math.fround(layer.stats?.[0].effectiveRate ?? NaN),
    `${what}: ${rate}`,
  )
  equalBits(t, Float32Array.from(y.split(' '), Number), output, `${what}: output`)
  equalBits(t, Float32Array.from(dx.split(' '), Number), gradient, `${what}: gradient`)
}

t.test('C and C++', async (t) => {
  const build = t.testdir({})
  await run(t, 'cmake', ['-S', join(examples, 'native'), '-B', build, `-Djumpout_DIR=${native.cmake}`])
  await run(t, 'cmake', ['--build', build, '--parallel', '2'])
  for (const name of ['example_c', 'example_cpp']) sameAsReadme(t, await run(t, join(build, name), []), name)
})

t.test('koffi', async (t) => {
  sameAsReadme(t, await run(t, process.execPath, [...tsx, join(examples, 'koffi', 'main.mts')]), 'koffi')
  const { load } = await import('../examples/koffi/jumpout.mjs')
  const jumpout = load(native.library)
  for (const length of [0, 1, 33, 100_003]) {
    const input = makeInput(length, 'signed')
    const expected = jumpoutForward(input, { seed: 2n ** 64n - 1n, call: 2n ** 40n, relu: true })
    const out = new Float32Array(length)
    const saved = jumpout.forward(input, out, length, { seed: 2n ** 64n - 1n, call: 2n ** 40n, relu: true })
    equalBits(t, out, expected.output, `${length}: output`)
    equalBits(t, saved.mask, expected.saved.mask as Uint32Array, `${length}: mask`)
    const gradient = makeGradient(length)
    const { active, total, rate, effectiveRate, scale } = expected.saved.stats()[0]
    t.strictSame([...saved.group], [active, total, rate, effectiveRate, scale])
    const expectedGradient = jumpoutBackward(gradient, expected.saved)
    jumpout.backward(gradient, gradient, length, saved)
    equalBits(t, gradient, expectedGradient, `${length}: gradient`)
  }
  t.throws(
    () => jumpout.forward(new Float32Array(8), new Float32Array(7), 8, { seed: 1n, call: 0n, relu: false }),
    /^Expected an array of at least 8 floats, got one of 7$/,
  )
  t.throws(
    () => jumpout.forward(0n, new Float32Array(1), 1, { seed: 1n, call: 0n, relu: false }),
    /^jumpout_forward: .+ \(input\)$/,
  )
})

interface Struct {
  size: number
  offsets: Record<string, number>
}

/** The structs of jumpout.h, as a C compiler lays them out. */
async function structsOfHeader(t: Test): Promise<Record<string, Struct>> {
  const header = readFileSync(join(native.include, 'jumpout.h'), 'utf8').replace(/\/\*[^]*?\*\//g, '')
  const declared = [...header.matchAll(/typedef struct (\w+) \{([^}]*)\}/g)].map(([, name, body]) => ({
    name,
    fields: [...body.matchAll(/(\w+)\s*;/g)].map((field) => field[1]),
  }))
  const lines = declared.flatMap(({ name, fields }) => [
    `printf("${name} %zu\\n", sizeof(${name}));`,
    ...fields.map((field) => `printf("${name} %zu ${field}\\n", offsetof(${name}, ${field}));`),
  ])
  const folder = t.testdir({})
  const source = join(folder, 'structs.c')
  writeFileSync(
    source,
    `#include <jumpout.h>\n#include <stdio.h>\nint main(void) {\n${lines.join('\n')}\n}\n`,
  )
  await run(t, 'cc', [source, `-I${native.include}`, '-o', join(folder, 'structs')])
  const structs: Record<string, Struct> = {}
  for (const line of (await run(t, join(folder, 'structs'), [])).trimEnd().split('\n')) {
    const [name, number, field] = line.split(' ')
    if (field === undefined) structs[name] = { size: Number(number), offsets: {} }
    else structs[name].offsets[field] = Number(number)
  }
  return structs
}

/** Prints { struct: { size, offsets } } of capi.py by the header's names. */
const MIRRORS_OF_PYTHON = `
import ctypes, json, capi
mirrors = {"jumpout_options": capi.Options, "jumpout_layout": capi.Layout}
mirrors.update({name + "_args": mirror for name, mirror in capi.ARGS.items()})
mirrors = {name.replace("count_active", "count"): mirror for name, mirror in mirrors.items()}
print(json.dumps({name: {"size": ctypes.sizeof(mirror), "offsets": {field: getattr(mirror, field).offset
  for field, _ in mirror._fields_}} for name, mirror in mirrors.items()}))
`

t.test('mirrors of structs are those of jumpout.h', async (t) => {
  const header = await structsOfHeader(t)
  t.ok(Object.keys(header).length > 10)

  const { structs } = await import('../examples/koffi/jumpout.mjs')
  for (const { name, size, members } of structs) {
    const offsets = Object.fromEntries(
      Object.values(members ?? {}).map((member) => [member.name, member.offset]),
    )
    t.strictSame({ size, offsets }, header[name], `koffi: ${name}`)
  }

  const env = { JUMPOUT_LIBRARY: native.library, PYTHONPATH: join(examples, 'pytorch') }
  const printed = await run(t, 'python3', ['-B', '-c', MIRRORS_OF_PYTHON], env)
  const python = JSON.parse(printed) as Record<string, Struct>
  t.equal(Object.keys(python).length, 8)
  for (const [name, mirror] of Object.entries(python)) t.strictSame(mirror, header[name], `ctypes: ${name}`)
  const constants = await run(
    t,
    'python3',
    ['-B', '-c', 'import capi; print(capi.GROUP_DOUBLES * 8, capi.RECORD_BYTES)'],
    env,
  )
  t.equal(constants, `${header.jumpout_group.size} ${header.jumpout_record.size}\n`)
})

/** Sizes that differ, so that no dimension is taken for another. */
const SIZES: Record<string, number> = { N: 2, C: 5, T: 6, H: 3, W: 4, '1': 1 }

/** '[N, C * H, 1]' -> [2, 15, 1] */
const dimensions = (text: string): number[] =>
  text
    .slice(1, -1)
    .split(', ')
    .map((dimension) => dimension.split(' * ').reduce((product, name) => product * SIZES[name], 1))

const product = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1)

/** For each element of a tensor, its element in a tensor of `noise`, whose dimensions are those or 1. */
function broadcast(tensor: readonly number[], noise: readonly number[]): number[] {
  return Array.from({ length: product(tensor) }, (_, element) => {
    let [rest, index, stride] = [element, 0, 1]
    for (let d = tensor.length - 1; d >= 0; d--) {
      if (noise[d] > 1) index += (rest % tensor[d]) * stride
      stride *= noise[d]
      rest = Math.floor(rest / tensor[d])
    }
    return index
  })
}

const bit = (mask: Uint32Array, i: number): number => (mask[i >> 5] >>> (i & 31)) & 1

const drawOptions = { seed: 11, rate: 0.4, normalize: false } as const
const kept = (length: number, options: JumpoutOptions): number[] => {
  const { saved } = jumpoutForward(new Float32Array(length).fill(1), { ...drawOptions, ...options })
  return Array.from({ length }, (_, i) => bit(saved.mask as Uint32Array, i))
}

/** Rows of the tables under a heading of docs/linking.md, as arrays of their cells. */
function rowsUnder(heading: string): string[][] {
  const [, section] = readFileSync(join(root, 'docs', 'linking.md'), 'utf8').split(heading)
  return [...section.matchAll(/^\| `\[.*\|$/gm)].map(([line]) =>
    line.split('|').map((cell) => cell.trim().replaceAll('`', '')),
  )
}

t.test('masks shared over a dimension: the table of docs/linking.md', (t) => {
  const rows = rowsUnder('## Masks that are shared over a dimension')
  const possible = rows.filter((cells) => cells.length > 4)
  t.ok(possible.length >= 12)
  for (const [, tensor, noise, shape, dataFormat] of possible) {
    const [sizes, noiseSizes] = [dimensions(tensor), dimensions(noise)]
    const length = product(sizes)
    const elementwise = kept(product(noiseSizes), {})
    const expected = broadcast(sizes, noiseSizes).map((index) => elementwise[index])
    const options = {
      shape: dimensions(shape),
      dataFormat: dataFormat as 'channelsLast',
      unit: 'channel',
    } as const
    t.strictSame(kept(length, options), expected, `${tensor} ${noise}: shape ${shape}, ${dataFormat}`)
  }

  const impossible = rows.filter((cells) => cells.length === 4)
  t.ok(impossible.length >= 4)
  for (const [, tensor, noise] of impossible) {
    const [sizes, noiseSizes] = [dimensions(tensor), dimensions(noise)]
    const length = product(sizes)
    const elementwise = kept(product(noiseSizes), {})
    const expected = broadcast(sizes, noiseSizes)
      .map((index) => elementwise[index])
      .join('')
    const divisors = Array.from({ length }, (_, i) => i + 1).filter((divisor) => length % divisor === 0)
    const found = divisors.flatMap((first) =>
      divisors
        .filter((second) => (length / first) % second === 0)
        .flatMap((second) =>
          (['channelsFirst', 'channelsLast'] as const).map((dataFormat) => ({
            shape: [first, second, length / first / second],
            dataFormat,
            unit: 'channel' as const,
          })),
        )
        .filter((options) => kept(length, options).join('') === expected),
    )
    t.strictSame(found, [], `${tensor} ${noise} is the mask of no shape`)
  }
  t.end()
})
