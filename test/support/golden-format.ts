/** How test/vectors stores a case: floats and mask words by their bits in hexadecimal, 64-bit integers in decimal. */
import type { Group, ReferenceCall } from './reference'

/** A case of inputs.json. */
export interface StoredInput {
  name: string
  shape: number[]
  seed: string
  call: string
  options: Record<string, unknown> & { shard?: { elementOffset: string; active: number[]; total: number[] } }
  input: string[]
  gradOutput: string[]
}

/** A case of golden.json. */
export interface Stored extends StoredInput {
  output: string[]
  mask: string[]
  gradInput: string[]
  stats: (Omit<Group, 'scale'> & { scale: string })[]
}

export function callOf({ shape, seed, call, options: { shard, ...options } }: StoredInput): ReferenceCall {
  return {
    ...options,
    shape,
    seed: BigInt(seed),
    call: BigInt(call),
    ...(shard && { shard: { ...shard, elementOffset: Number(shard.elementOffset) } }),
  }
}
