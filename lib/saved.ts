/** What forward leaves for backward. */
import type { DeviceArray } from './device-array'
import { readCall, readRows } from './device-records'
import { invalidType, nameKind } from './errors'
import { inspectable, uncloneable } from './inspect'
import { outOfSlab } from './memory'
import { ROW_LENGTH } from './native'
import type { Pass } from './pass'
import { callOf } from './seed'

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

/**
 * What backward needs, and what a training loop likes to plot. It belongs to this thread: `structuredClone`, `postMessage`
 * and JSON throw a TypeError. Send the mask, or seed and call, which draw it again.
 */
export interface Saved {
  /** Elements of the forward's input. */
  readonly length: number
  /**
   * Bit i & 31 of word i >> 5: element i was kept. null with `saveMask: false`. Where the input is. On the host it owns
   * its buffer, or is the one that was given; without it, as after its transfer to another thread, backward throws.
   */
  readonly mask: Uint32Array | DeviceArray<'uint32'> | null
  /**
   * The number of the draw, for `layer.call(input, { call })` and the option of `jumpoutForward`. undefined in evaluation,
   * which draws nothing. Where a counter on a device has it, reading it waits as `stats()` does; after launches of a
   * captured graph it is that of the last.
   */
  readonly call: bigint | undefined
  /**
   * One entry a group; none in evaluation, which counts and draws nothing. On a device this waits for the work that makes them; after launches of a captured graph they are
   * those of the last.
   *
   * @throws CudaError where the device failed, or while the stream is being captured
   */
  stats(): readonly GroupStats[]
}

export function statsOf(pass: Pass): GroupStats[] {
  if (!pass.training) return []
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

function callOfPass(pass: Pass): bigint | undefined {
  if (!pass.training) return undefined
  if (pass.records === undefined) return callOf(pass.draw)
  return pass.draw === undefined ? readCall(pass.records, pass.stream) : callOf(pass.draw)
}

const UNCLONEABLE = uncloneable(
  'what a forward saved',
  'its mask, or its seed and call, which draw the mask again,',
)

/** Private fields make it impossible to forge or to change. */
export class SavedPass implements Saved {
  /** An own field, for what copies own fields. */
  readonly uncloneable = UNCLONEABLE
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

  get call(): bigint | undefined {
    return callOfPass(this.#pass)
  }

  stats(): readonly GroupStats[] {
    return statsOf(this.#pass)
  }

  /** Nothing is read from a device. */
  static #shown(saved: SavedPass): object {
    const pass = saved.#pass
    const { length, mask = null, training, draw } = pass
    if (!training) return { length, mask, call: undefined }
    const call = draw === undefined ? 'on the device' : callOf(draw)
    return { length, mask, call, stats: pass.records === undefined ? statsOf(pass) : 'on the device' }
  }

  static {
    const isSaved = (value: object): value is SavedPass => #pass in value
    nameKind((value) => (isSaved(value) ? 'what a forward saved' : undefined))
    inspectable(
      this,
      () => 'Saved',
      (saved) => this.#shown(saved),
      isSaved,
    )
  }

  static passOf(saved: unknown, argument = 'saved'): Pass {
    if (typeof saved !== 'object' || saved === null || !(#pass in saved)) {
      throw invalidType('what a forward returned as saved', argument, saved)
    }
    return saved.#pass
  }
}
