import { countActive, type GroupStats, type Jumpout, type Saved } from 'jumpout'
import { differentiable, relu, type Matrix } from './layers'
import { mapMemory, memoryOf } from './wasm-memory'

/** The activation between two dense layers: ReLU, with or without dropout after it. */
export interface Activation {
  /** x [rows, units] -> the same shape; keeps the active fraction and the base rate. */
  apply(x: Matrix): Matrix
  train(mode: boolean): void
  /** Statistics of the last training pass: the fraction of inputs above 0, and with dropout the base rate. */
  readonly drawn: { activeFraction: number; rate: number | null }
}

export class PlainRelu implements Activation {
  drawn = { activeFraction: NaN, rate: null }
  private training = true

  apply(x: Matrix): Matrix {
    if (this.training) {
      const { active, total } = countActive(memoryOf(x))
      this.drawn = { activeFraction: active[0] / total[0], rate: null }
    }
    return relu(x)
  }

  train(mode: boolean): void {
    this.training = mode
  }
}

/** ReLU and jumpout in one pass of the native layer, straight on the tensors' memory. */
export class ReluJumpout implements Activation {
  readonly apply: (x: Matrix) => Matrix
  /** Of the last training pass. */
  #stats: readonly GroupStats[] = []

  /** @param layer with `relu: true`. In evaluation it is ReLU alone. */
  constructor(private readonly layer: Jumpout) {
    this.apply = differentiable((_save, x: Matrix) => {
      let saved: Saved
      const value = mapMemory(x, (input, out) => {
        saved = layer.call(input, { out }).saved
        if (layer.training) this.#stats = saved.stats()
      })
      return {
        value,
        gradFunc: (dy) => mapMemory(dy, (gradOutput, out) => layer.backward(gradOutput, { saved, out })),
      }
    })
  }

  train(mode: boolean): void {
    this.layer.train(mode)
  }

  get drawn(): Activation['drawn'] {
    const [group] = this.#stats
    if (!group) throw new Error('no training pass yet')
    return { activeFraction: group.active / group.total, rate: group.rate }
  }
}
