/** Reproducible arrays to feed the library with. */

/** Uniform in [0, 1) from a 32-bit state (a multiply-and-xor-shift generator): good enough for inputs, and tiny. */
export function uniform(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const SPECIAL = [
  NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  3.4028234663852886e38,
  1,
  -1,
]

const GENERATORS = {
  /** Non-negative, about half of them zero: outputs of a ReLU. */
  activations: (next: () => number) => (next() < 0.5 ? 0 : 3 * next()),
  /** Either sign: inputs of a ReLU. */
  signed: (next: () => number) => 4 * (next() - 0.5),
  positive: (next: () => number) => next() + 2 ** -20,
  zeros: () => 0,
  sparse: (next: () => number) => (next() < 0.98 ? 0 : next()),
  /** NaNs, infinities, signed zeros, subnormals. */
  special: (next: () => number) => SPECIAL[Math.floor(next() * SPECIAL.length)],
} as const

export type InputKind = keyof typeof GENERATORS
export const inputKinds = Object.keys(GENERATORS) as InputKind[]

export function makeInput(
  length: number,
  kind: InputKind = 'activations',
  seed = 1,
): Float32Array<ArrayBuffer> {
  const next = uniform(seed)
  const generate = GENERATORS[kind]
  const input = new Float32Array(length)
  for (let i = 0; i < length; ++i) input[i] = generate(next)
  return input
}

/** A gradient: signed, and nowhere zero. */
export function makeGradient(length: number, seed = 2): Float32Array<ArrayBuffer> {
  return makeInput(length, 'signed', seed).map((g) => g || 1)
}

/** A copy of `values` that starts `offset` elements into its buffer, as views on arenas do. */
export function placed<T extends Float32Array | Uint32Array>(values: T, offset: number): T {
  const Type = values.constructor as { new (length: number): T }
  const view = new Type(values.length + offset + 1).subarray(offset, offset + values.length) as T
  view.set(values)
  return view
}

const POISON = 0xdeadbeef

/** An output with guard words on both sides, everything poisoned, so that stray and missing writes both show. */
export class Guarded<T extends Float32Array | Uint32Array> {
  readonly view: T
  readonly #words: Uint32Array
  readonly #offset: number

  constructor(
    Type: { new (buffer: ArrayBuffer, byteOffset: number, length: number): T },
    length: number,
    offset = 1,
  ) {
    const buffer = new ArrayBuffer(4 * (offset + length + 16))
    this.view = new Type(buffer, 4 * offset, length)
    this.#words = new Uint32Array(buffer).fill(POISON)
    this.#offset = offset
  }

  /** Nothing was written outside the view. */
  get intact(): boolean {
    const end = this.#offset + this.view.length
    return this.#words.every((word, i) => (i >= this.#offset && i < end) || word === POISON)
  }

  /** Nothing was written at all. */
  get untouched(): boolean {
    return this.#words.every((word) => word === POISON)
  }
}

/** A proxy of which every use throws an error of the engine. */
export function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
