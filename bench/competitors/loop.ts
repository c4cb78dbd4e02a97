/**
 * The fastest inverted dropout in plain JavaScript that was found, for an even length: no branches, two elements per
 * draw of xorshift32 (Marsaglia 2003), a 16-bit threshold, and no mask is kept. Branches cost it a factor of 2.
 */
export function loopDropout(input: Float32Array, output: Float32Array, rate: number, seed: number): void {
  const threshold = Math.floor(rate * 65536 + 0.5)
  const scale = 1 / (1 - rate)
  let state = seed | 0 || 1
  for (let i = 0; i < input.length; i += 2) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    output[i] = input[i] * (((((state & 0xffff) - threshold) >> 31) + 1) * scale)
    output[i + 1] = input[i + 1] * (((((state >>> 16) - threshold) >> 31) + 1) * scale)
  }
}
