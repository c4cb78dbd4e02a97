/**
 * docs/numerics.md in plain TypeScript, the reference for the library's results. Each comment names its section.
 * Written from the formulas, never from the native code, and checked against the golden vectors on its own.
 */
import { halves, philox } from './philox'

export interface ReferenceOptions {
  sigma?: number
  pMin?: number
  pMax?: number
  rate?: number
  normalize?: boolean
  exponent?: number
  maxRate?: number
  relu?: boolean
  granularity?: 'batch' | 'sample'
  unit?: 'element' | 'channel'
  dataFormat?: 'channelsFirst' | 'channelsLast'
  shape?: readonly number[]
}

export interface ReferenceShard {
  elementOffset: number
  active: readonly number[]
  total: readonly number[]
}

export interface ReferenceCall extends ReferenceOptions {
  seed: bigint
  call?: bigint
  shard?: ReferenceShard
}

export interface Group {
  active: number
  total: number
  rate: number
  effectiveRate: number
  scale: number
}

export interface ReferenceResult {
  output: Float32Array
  /** Packed: bit i & 31 of word i >> 5. */
  mask: Uint32Array
  groups: Group[]
}

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

/** Terms, Shards. Where element i of this range lies: the group that shares its rate, the unit that it is dropped with. */
class Layout {
  readonly firstGroup: number
  readonly groupCount: number
  readonly #offset: number
  readonly #groupSize: number
  readonly #unit: (e: number) => number

  constructor(length: number, options: ReferenceOptions, offset: number) {
    const shape = options.shape ?? []
    this.#offset = offset
    const sampleSize = product(shape.slice(1))
    const planeSize = product(shape.slice(2))
    const channels = shape[shape.length - 1]
    this.#groupSize = options.granularity === 'sample' ? sampleSize : Infinity
    if (options.unit !== 'channel') this.#unit = (e) => e
    else if (options.dataFormat !== 'channelsLast') this.#unit = (e) => Math.floor(e / planeSize)
    else this.#unit = (e) => Math.floor(e / sampleSize) * channels + (e % channels)
    this.firstGroup = length > 0 ? Math.floor(offset / this.#groupSize) : 0
    this.groupCount = length > 0 ? this.group(length - 1) + 1 : 1
  }

  /** Counted from the first group that the range touches. */
  group(i: number): number {
    return Math.floor((this.#offset + i) / this.#groupSize) - this.firstGroup
  }

  unit(i: number): number {
    return this.#unit(this.#offset + i)
  }
}

/** Forward in training, step 1. */
export function countActive(
  input: Float32Array,
  options: ReferenceOptions = {},
  elementOffset = 0,
): { active: number[]; total: number[] } {
  const layout = new Layout(input.length, options, elementOffset)
  const active = new Array<number>(layout.groupCount).fill(0)
  const total = new Array<number>(layout.groupCount).fill(0)
  for (let i = 0; i < input.length; ++i) {
    const group = layout.group(i)
    total[group] += 1
    if (input[i] > 0) active[group] += 1
  }
  return { active, total }
}

/** sin(pi v) for 0 < v < 2, reduced before the multiplication so that it is exact where it should vanish. */
function sinPi(v: number): number {
  const sign = v > 1 ? -1 : 1
  const folded = v > 1 ? v - 1 : v
  return sign * Math.sin(Math.PI * (folded > 0.5 ? 1 - folded : folded))
}

/** The Gaussian of step 2, from the Philox block that cuRAND would take it from. */
export function gaussian(seed: bigint, call: bigint, group: number): number {
  const r = philox([...halves(BigInt(group)), ...halves(2n * call + 1n)], halves(seed))
  const mix = (low: number, high: number) => (high >>> 11) * 2 ** 32 + ((low ^ (high << 21)) >>> 0)
  const u = mix(r[0], r[1]) * 2 ** -53 + 2 ** -54
  const v = mix(r[2], r[3]) * 2 ** -52 + 2 ** -53
  return Math.sqrt(-2 * Math.log(u)) * sinPi(v)
}

/** Step 2. */
export function baseRate(options: ReferenceOptions, seed: bigint, call: bigint, group: number): number {
  if (options.rate !== undefined) return options.rate
  const { sigma = 0.1, pMin = 0.01, pMax = 0.6 } = options
  return Math.min(pMin + sigma * Math.abs(gaussian(seed, call, group)), pMax)
}

/** Steps 3 to 5. */
function drawGroup(options: ReferenceOptions, rate: number, active: number, total: number): Group {
  const { normalize = true, maxRate = 0.6, exponent = 0.75 } = options
  const normalised = !normalize ? rate : active === 0 ? 0 : Math.min(rate * (total / active), maxRate)
  const effectiveRate = total === 0 ? 0 : Math.floor(normalised * 65536 + 0.5) / 65536
  return { active, total, rate, effectiveRate, scale: Math.fround((1 - effectiveRate) ** -exponent) }
}

/** Step 6 for every element of the range, one bit of the packed mask each. */
function drawMask(
  length: number,
  layout: Layout,
  groups: readonly Group[],
  seed: bigint,
  call: bigint,
): Uint32Array {
  const mask = new Uint32Array(Math.ceil(length / 32))
  const key = halves(seed)
  const [callLow, callHigh] = halves(2n * call)
  const block = new Uint32Array(4)
  let blockIndex = -1
  for (let i = 0; i < length; ++i) {
    const unit = layout.unit(i)
    const index = Math.floor(unit / 8)
    if (index !== blockIndex) {
      blockIndex = index
      philox([index >>> 0, Math.floor(index / 2 ** 32), callLow, callHigh], key, block)
    }
    const lane = unit % 8
    const value = (block[lane >> 1] >>> (16 * (lane & 1))) & 0xffff
    if (value >= groups[layout.group(i)].effectiveRate * 65536) mask[i >> 5] |= 1 << (i & 31)
  }
  return mask
}

/** Mask and backward. Was element i kept? */
export function isKept(mask: Uint32Array, i: number): boolean {
  return ((mask[i >> 5] >>> (i & 31)) & 1) === 1
}

/** Forward in training; the last loop is step 7. */
export function forward(input: Float32Array, call: ReferenceCall): ReferenceResult {
  const { seed, call: callNumber = 0n, shard, relu = false } = call
  const offset = shard?.elementOffset ?? 0
  const layout = new Layout(input.length, call, offset)
  const { active, total } = shard ?? countActive(input, call, offset)
  const groups = Array.from({ length: layout.groupCount }, (_, g) =>
    drawGroup(call, baseRate(call, seed, callNumber, layout.firstGroup + g), active[g], total[g]),
  )
  const mask = drawMask(input.length, layout, groups, seed, callNumber)
  const output = new Float32Array(input.length)
  for (let i = 0; i < input.length; ++i) {
    const x = input[i]
    if (relu && !(x > 0)) mask[i >> 5] &= ~(1 << (i & 31))
    // The product of two float32 is exact in a double, so storing it rounds once, as a float32 multiplication does.
    if (isKept(mask, i)) output[i] = x * groups[layout.group(i)].scale
  }
  return { output, mask, groups }
}

/** Mask and backward. */
export function backward(
  gradOutput: Float32Array,
  saved: { mask: Uint32Array; groups: readonly Group[] },
  options: ReferenceOptions = {},
  elementOffset = 0,
): Float32Array {
  const layout = new Layout(gradOutput.length, options, elementOffset)
  const gradInput = new Float32Array(gradOutput.length)
  for (let i = 0; i < gradOutput.length; ++i) {
    if (isKept(saved.mask, i)) gradInput[i] = gradOutput[i] * saved.groups[layout.group(i)].scale
  }
  return gradInput
}

/** The output in evaluation with `relu: true`. */
export function relu(input: Float32Array): Float32Array {
  return input.map((x) => (x > 0 ? x : 0))
}

/** Seeds; the stream is that of Random numbers. */
export function foldIn(seed: bigint, data: bigint): bigint {
  const r = philox([...halves(data), 0xffffffff, 0xffffffff], halves(seed))
  return (BigInt(r[1]) << 32n) | BigInt(r[0])
}
