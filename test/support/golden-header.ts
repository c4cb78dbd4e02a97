/**
 * The cases of test/vectors as C++ (test/native/device/golden.inc), for machines that have a GPU but no Node.
 * `npm run vectors` writes it; a test compares.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goldenCases, type GoldenCase } from './golden'

export const goldenHeaderFile = join(__dirname, '..', 'native', 'device', 'golden.inc')

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

const bits = (array: Float32Array | Uint32Array): Uint32Array =>
  new Uint32Array(array.buffer, array.byteOffset, array.length)

const words = (array: Float32Array | Uint32Array): string =>
  `{${[...bits(array)].map((word) => `0x${word.toString(16)}`).join(',')}}`

/** A double as C++ reads it back to the bit. */
const double = (value: number | undefined): string => (value === undefined ? 'NAN' : `${value}`)

function describe({ name, call, input, gradOutput, output, mask, gradInput, groups }: GoldenCase): string {
  const { shape = [], granularity = 'batch', unit = 'element', dataFormat, shard } = call
  const rows = groups.map(
    (group) =>
      `{${group.active}u,${group.total}u,${double(group.rate)},${group.effectiveRate * 65536}u,` +
      `0x${bits(Float32Array.of(group.scale))[0].toString(16)}}`,
  )
  const sampleSize = product(shape.slice(1))
  const last = dataFormat === 'channelsLast'
  const channels = last ? shape[shape.length - 1] : shape[1]
  const layout = [
    shard?.elementOffset ?? 0,
    granularity === 'sample' ? sampleSize : 0,
    unit === 'channel' ? sampleSize / channels : 1,
    unit === 'channel' && last ? channels : 0,
  ]
  const options = [
    double(call.sigma ?? 0.1),
    double(call.pMin ?? 0.01),
    double(call.pMax ?? 0.6),
    double(call.rate),
    double(call.maxRate ?? 0.6),
    double(call.exponent ?? 0.75),
    (call.normalize ?? true) ? 1 : 0,
    call.relu ? 1 : 0,
  ]
  return [
    `{${JSON.stringify(name)}, {${layout.map((n) => `${n}u`).join(', ')}}, {${options.join(', ')}},`,
    ` ${call.seed}u, ${call.call ?? 0n}u, ${shard ? 'true' : 'false'},`,
    ` {${rows.join(',')}},`,
    ...[input, gradOutput, output, mask, gradInput].map((array) => ` ${words(array)},`),
    '},',
  ].join('\n')
}

export function goldenHeader(): string {
  return ['// Made of test/vectors: npm run vectors', ...goldenCases.map(describe), ''].join('\n')
}

if (process.argv.includes('--write')) writeFileSync(goldenHeaderFile, goldenHeader())
