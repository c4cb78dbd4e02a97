/** `Saved`, the argument of backward, and its statistics. */
import type { DeviceArray } from './cuda/array'
import { invalidType } from './errors'
import { ROW } from './native'
import { assertKey, KEY, present, uncloneable } from './objects'
import type { Pass } from './pass'

/** Counts and rates of one group (docs/numerics.md, Forward in training). */
export interface GroupStats {
  /** Number of elements > 0. */
  readonly active: number
  /** Number of elements. */
  readonly total: number
  /** The base rate, drawn or given (modification I). */
  readonly rate: number
  /** The rate that was applied, after normalisation (II), in steps of 1/65536. */
  readonly effectiveRate: number
  /** The factor of the survivors, a float32 value (III). */
  readonly scale: number
}

/**
 * The state of a forward that backward needs, and its statistics. It belongs to this thread: `structuredClone`,
 * `postMessage` and JSON throw a TypeError. Send the mask instead, or seed and call, which draw it again.
 */
export interface Saved {
  /** Number of elements of the forward's input. */
  readonly length: number
  /**
   * ceil(length / 32) words, where the input lies: bit i & 31 of word i >> 5 says that element i was kept. null with
   * `saveMask: false`, and in evaluation without `relu`, which keeps all. On the host it is `options.mask` or spans its own
   * buffer. If that is transferred, backward throws.
   */
  readonly mask: Uint32Array | DeviceArray<'uint32'> | null
  /**
   * The number of the draw, for the option `call` of `layer.call` and `jumpoutForward`. undefined in evaluation, which draws
   * nothing. If a counter on a device has it, reading it waits as `stats()` does; after launches of a captured graph it is
   * that of the last launch.
   */
  readonly call: bigint | undefined
  /**
   * One entry per group; none in evaluation, which counts and draws nothing. On a device this waits for the work that writes
   * them; after launches of a captured graph they are those of the last launch.
   *
   * @throws CudaError if the device failed, or while the stream is being captured; Error (`ERR_INVALID_STATE`) before the first
   * launch of the graph that records this forward
   */
  stats(): readonly GroupStats[]
}

/** One entry per row, in the order of `ROW`. A literal: an object that is built name by name takes several times as long. */
export const statsOfRows = (rows: ArrayLike<number>, groupCount: number): GroupStats[] =>
  Array.from({ length: groupCount }, (_, g) => {
    const at = g * ROW.length
    return {
      active: rows[at],
      total: rows[at + 1],
      rate: rows[at + 2],
      effectiveRate: rows[at + 3],
      scale: rows[at + 4],
    }
  })

export const statsOf = (pass: Pass): GroupStats[] =>
  pass.training ? statsOfRows(pass.place.readRows(pass), pass.layout.groupCount) : []

const UNCLONEABLE = uncloneable(
  'what a forward saved',
  'its mask, or its seed and call, which draw the mask again,',
)

/** The pass of what a forward returned as saved. No property of a caller's objects leads here. */
export let passOf: (saved: unknown, argument?: string) => Pass

/** With private fields, so that it cannot be forged or changed. */
export class SavedPass implements Saved {
  /** An own field, so that copies of own fields read it. */
  readonly uncloneable = UNCLONEABLE
  #pass: Pass

  constructor(key: symbol, pass: Pass) {
    assertKey(key, 'a pass, as a forward makes it,', 'Saved')
    this.#pass = pass
  }

  get length(): number {
    return this.#pass.length
  }

  get mask(): Uint32Array | DeviceArray<'uint32'> | null {
    return this.#maskApart()
  }

  get call(): bigint | undefined {
    const pass = this.#pass
    return pass.training ? pass.place.readCall(pass) : undefined
  }

  stats(): readonly GroupStats[] {
    return statsOf(this.#pass)
  }

  /** The mask for the eyes of callers, in memory of its own. */
  #maskApart(): Uint32Array | DeviceArray<'uint32'> | null {
    const pass = this.#pass
    if (pass.mask === undefined) return null
    const mask = pass.place.apart(pass.mask)
    if (mask !== pass.mask) this.#pass = { ...pass, mask }
    return mask as Uint32Array | DeviceArray<'uint32'>
  }

  /** Fields for `util.inspect`, without waiting for a device. */
  static #shown(saved: SavedPass): object {
    const pass = saved.#pass
    const { place, length, training, draw } = pass
    const mask = saved.#maskApart()
    if (!training) return { length, mask, call: undefined }
    const call = draw === undefined ? 'on the device' : place.readCall(pass)
    return { length, mask, call, stats: place.isHost ? statsOf(pass) : 'on the device' }
  }

  static {
    passOf = (saved, argument = 'saved') => {
      if (typeof saved !== 'object' || saved === null || !(#pass in saved)) {
        throw invalidType('what a forward returned as saved', argument, saved)
      }
      return saved.#pass
    }
    present<SavedPass>(this, {
      isInstance: (value): value is SavedPass => #pass in value,
      kind: 'what a forward saved',
      title: () => 'Saved',
      fields: (saved) => this.#shown(saved),
    })
  }
}

export const savedOf = (pass: Pass): Saved => new SavedPass(KEY, pass)
