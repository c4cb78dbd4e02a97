/** test/vectors/golden.json, read into arrays: cases made by an implementation that shares no code with this package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { floatsFromHex, wordsFromHex } from './bits'
import type { Group, ReferenceCall } from './reference'

interface Stored {
  name: string
  shape: number[]
  seed: string
  call: string
  options: Record<string, unknown> & { shard?: { elementOffset: string; active: number[]; total: number[] } }
  input: string[]
  gradOutput: string[]
  output: string[]
  mask: string[]
  gradInput: string[]
  stats: (Omit<Group, 'scale'> & { scale: string })[]
}

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

export const goldenCases: readonly GoldenCase[] = (read('golden.json') as Stored[]).map((stored) => {
  const { shard, ...options } = stored.options
  return {
    name: stored.name,
    call: {
      ...options,
      shape: stored.shape,
      seed: BigInt(stored.seed),
      call: BigInt(stored.call),
      ...(shard && { shard: { ...shard, elementOffset: Number(shard.elementOffset) } }),
    },
    input: floatsFromHex(stored.input),
    gradOutput: floatsFromHex(stored.gradOutput),
    output: floatsFromHex(stored.output),
    mask: wordsFromHex(stored.mask),
    gradInput: floatsFromHex(stored.gradInput),
    groups: stored.stats.map((row) => ({ ...row, scale: floatsFromHex([row.scale])[0] })),
  }
})

export const foldInCases = (read('fold-in.json') as { seed: string; data: string; result: string }[]).map(
  (row) => ({
    seed: BigInt(row.seed),
    data: BigInt(row.data),
    result: BigInt(row.result),
  }),
)
