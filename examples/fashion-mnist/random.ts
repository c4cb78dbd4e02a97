import { foldIn } from 'jumpout'

const TWO_POW_32 = 2 ** 32

/** xoshiro128** (Blackman and Vigna), so that a seed fixes the subset, the weights and the order of the images. */
export class Random {
  private readonly state: Uint32Array

  constructor(seed: bigint) {
    this.state = new Uint32Array(BigUint64Array.of(foldIn(seed, 0), foldIn(seed, 1)).buffer)
  }

  /** Uniform in [0, 2^32). */
  word(): number {
    const s = this.state
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotateLeft(s[3], 11)
    return result
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * (this.word() / TWO_POW_32)
  }

  /** `count` distinct integers below `limit`, in random order: the head of a Fisher-Yates shuffle. */
  sample(count: number, limit: number): Uint32Array {
    const indices = Uint32Array.from({ length: limit }, (_, i) => i)
    for (let i = 0; i < count; i++) {
      const j = Math.floor(this.uniform(i, limit))
      const chosen = indices[j]
      indices[j] = indices[i]
      indices[i] = chosen
    }
    return indices.slice(0, count)
  }
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}
