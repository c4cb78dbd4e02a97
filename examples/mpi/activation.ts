/** What lies between the layers, on one rank's rows of a batch. */
import { countActive, foldIn, jumpoutBackward, jumpoutForward, type Saved, type Shard } from 'jumpout'
import type { Communicator } from './communicator'
import type { Activation } from './network'

/** ReLU and jumpout. */
export class RankJumpout implements Activation {
  #call = 0
  #saved!: Saved

  /**
   * @param seed of this layer, equal on all ranks
   * @param shared true: one rate and one mask, those of the whole batch on one machine. false: each rank takes its rows for
   * a batch of their own, with a rate and a mask of their own, and sends nothing.
   */
  constructor(
    private readonly world: Communicator,
    private readonly seed: bigint,
    private readonly shared: boolean,
  ) {}

  /** z [rows, units] -> the same shape */
  forward(z: Float32Array): Float32Array {
    const { world, shared } = this
    const { output, saved } = jumpoutForward(z, {
      seed: shared ? this.seed : foldIn(this.seed, world.rank), // equal seeds would repeat one mask on all ranks
      call: this.#call++,
      relu: true,
      shard: shared && world.size > 1 ? partOfBatch(world, z) : undefined,
    })
    this.#saved = saved
    return output
  }

  backward(dy: Float32Array): Float32Array {
    return jumpoutBackward(dy, this.#saved)
  }

  /** Of the last forward, for this rank's rows. */
  get mask(): Uint32Array {
    return this.#saved.mask as Uint32Array
  }

  /** The active count that the last forward's rate was divided with. */
  get active(): number {
    return this.#saved.stats()[0].active
  }
}

/** The place of `z` in the whole batch, whose rows lie on the ranks in order, and that batch's counts: one message. */
function partOfBatch(world: Communicator, z: Float32Array): Shard {
  const counts = Float64Array.of(countActive(z).active[0], z.length)
  world.sum(counts) // of whole numbers, which is exact in any order
  return { elementOffset: world.rank * z.length, active: [counts[0]], total: [counts[1]] }
}

/** For evaluation. */
export class ReLU implements Activation {
  forward(z: Float32Array): Float32Array {
    return z.map((value) => Math.max(value, 0))
  }

  backward(): never {
    throw new Error('evaluation has no backward pass')
  }
}
