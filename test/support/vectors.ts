/**
 * Makes the other files of test/vectors from test/vectors/inputs.json with ./reference.ts, which follows
 * docs/numerics.md and shares no code with the library. `npm run vectors` writes them; a test compares.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { floatsFromHex, hexFromWords } from './bits'
import { callOf, type Stored, type StoredInput } from './golden-format'
import { RATE_TOLERANCE } from './groups'
import { backward, foldIn, forward } from './reference'

const pathOf = (name: string): string => join(__dirname, '..', 'vectors', name)
const read = (name: string): string => readFileSync(pathOf(name), 'utf8')

/** Values below and above 2^32, and all bits. */
const SEEDS = [0n, 1n, 42n, 2n ** 32n, 2n ** 64n - 1n]
const DATA = [0n, 1n, 7n, 2n ** 32n + 5n, 2n ** 64n - 1n]

function foldInText(): string {
  const rows = SEEDS.flatMap((seed) =>
    DATA.map((data) => ({ seed: `${seed}`, data: `${data}`, result: `${foldIn(seed, data)}` })),
  )
  return `${JSON.stringify(rows, null, 1)}\n`
}

/**
 * `before` are the rates of the file as it is. A rate that differs from them by no more than two C libraries do
 * (docs/numerics.md, What may differ between machines) keeps its value, so that every machine makes the same file.
 */
function resultsOf(stored: StoredInput, before: readonly number[] = []): Stored {
  const call = callOf(stored)
  const input = floatsFromHex(stored.input)
  const { output, mask, groups } = forward(input, call)
  const gradInput = backward(
    floatsFromHex(stored.gradOutput),
    { mask, groups },
    call,
    call.shard?.elementOffset,
  )
  return {
    ...stored,
    output: hexFromWords(output),
    mask: hexFromWords(mask),
    gradInput: hexFromWords(gradInput),
    stats: groups.map(({ active, total, rate, effectiveRate, scale }, g) => ({
      active,
      total,
      rate: Math.abs(rate - before[g]) <= RATE_TOLERANCE ? before[g] : rate,
      effectiveRate,
      scale: hexFromWords(Float32Array.of(scale))[0],
    })),
  }
}

function casesText(file: string, belongs: (input: StoredInput) => boolean): string {
  const inputs = (JSON.parse(read('inputs.json')) as StoredInput[]).filter(belongs)
  const before = existsSync(pathOf(file)) ? (JSON.parse(read(file)) as Stored[]) : []
  const ratesOf = (name: string): number[] | undefined =>
    before.find((stored) => stored.name === name)?.stats.map(({ rate }) => rate)
  const lines = inputs.map((stored) => JSON.stringify(resultsOf(stored, ratesOf(stored.name))))
  return `[\n${lines.join(',\n')}\n]\n`
}

const hasChannelsLast = ({ options }: StoredInput): boolean => options.dataFormat === 'channelsLast'

/** What each file of test/vectors must hold; inputs.json was chosen, and is not made. */
export const vectorFiles = (): Record<string, string> => ({
  'fold-in.json': foldInText(),
  'golden.json': casesText('golden.json', (input) => !hasChannelsLast(input)),
  'channels-last.json': casesText('channels-last.json', hasChannelsLast),
})

if (process.argv.includes('--write'))
  for (const [name, text] of Object.entries(vectorFiles())) writeFileSync(pathOf(name), text)
