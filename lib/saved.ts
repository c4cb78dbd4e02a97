/** What forward leaves for backward. */
import type { DeviceArray } from './device-array'
import { readRows } from './device-records'
import { invalidType } from './errors'
import { outOfSlab } from './memory'
import { ROW_LENGTH } from './native'
import type { Pass } from './pass'

/** What was counted and drawn for one group. */
export interface GroupStats {
  /** Elements > 0. */
  readonly active: number
  /** Elements. */
  readonly total: number
  /** The base rate, drawn or given (modification I). */
  readonly rate: number
  /** The rate that was applied, after normalisation (II), in steps of 1/65536. */
  readonly effectiveRate: number
  /** What the survivors were multiplied with, a float32 value (III). */
  readonly scale: number
}

/** What backward needs, and what a training loop likes to plot. */
export interface Saved {
  /** Elements of the forward's input. */
  readonly length: number
  /**
   * Bit i & 31 of word i >> 5: element i was kept. null with `saveMask: false`. Where the input is. On the host it owns
   * its buffer, or is the one that was given; without it, as after its transfer to another thread, backward throws.
   */
  readonly mask: Uint32Array | DeviceArray<'uint32'> | null
  /**
   * One entry a group. On a device this waits for the work that makes them; after launches of a captured graph they are
   * those of the last.
   *
   * @throws CudaError where the device failed, or while the stream is being captured
   */
  stats(): readonly GroupStats[]
}

export function statsOf(pass: Pass): GroupStats[] {
  const rows =
    pass.records === undefined ? pass.rows : readRows(pass.records, pass.layout.groupCount, pass.stream)
  return Array.from({ length: rows.length / ROW_LENGTH }, (_, g) => {
    const at = g * ROW_LENGTH
    return {
      active: rows[at],
      total: rows[at + 1],
      rate: rows[at + 2],
      effectiveRate: rows[at + 3],
      scale: rows[at + 4],
    }
  })
}

/** Private fields make it impossible to forge or to change. */
export class SavedPass implements Saved {
  #pass: Pass

  constructor(pass: Pass) {
    this.#pass = pass
  }

  get length(): number {
    return this.#pass.length
  }

  get mask(): Uint32Array | DeviceArray<'uint32'> | null {
    const pass = this.#pass
    if (pass.mask === undefined) return null
    if (pass.records !== undefined) return pass.mask
    const mask = outOfSlab(pass.mask)
    if (mask !== pass.mask) this.#pass = { ...pass, mask }
    return mask
  }

  stats(): readonly GroupStats[] {
    return statsOf(this.#pass)
  }

  static passOf(saved: unknown): Pass {
    if (typeof saved !== 'object' || saved === null || !(#pass in saved)) {
      throw invalidType('what a forward returned as saved', 'saved', saved)
    }
    return saved.#pass
  }
}
