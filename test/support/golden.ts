/** The cases of test/vectors, read into arrays; ./vectors.ts makes them with an implementation that shares no code with the library. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { floatsFromHex, wordsFromHex } from './bits'
import { callOf, type Stored } from './golden-format'
import type { Group, ReferenceCall } from './reference'

export interface GoldenCase {
  name: string
  call: ReferenceCall
  input: Float32Array
  gradOutput: Float32Array
  output: Float32Array
  mask: Uint32Array
  gradInput: Float32Array
  groups: Group[]
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(__dirname, '..', 'vectors', name), 'utf8'))

const stored = ['golden.json', 'channels-last.json'].flatMap((name) => read(name) as Stored[])

export const goldenCases: readonly GoldenCase[] = stored.map((stored) => ({
  name: stored.name,
  call: callOf(stored),
  input: floatsFromHex(stored.input),
  gradOutput: floatsFromHex(stored.gradOutput),
  output: floatsFromHex(stored.output),
  mask: wordsFromHex(stored.mask),
  gradInput: floatsFromHex(stored.gradInput),
  groups: stored.stats.map((row) => ({ ...row, scale: floatsFromHex([row.scale])[0] })),
}))

export const foldInCases = (read('fold-in.json') as { seed: string; data: string; result: string }[]).map(
  (row) => ({
    seed: BigInt(row.seed),
    data: BigInt(row.data),
    result: BigInt(row.result),
  }),
)
