/** What one chain of calls works with, beside other chains in its thread and in others. */
import { Jumpout, type JumpoutState } from 'jumpout'
import { uniform } from '../inputs'
import type { Case, Catalogue, LayerCase } from './cases'

/** A layer that goes through its steps again and again, from its checkpoint on. */
export class HeldLayer {
  readonly #steps: readonly Case[]
  readonly #state: JumpoutState
  #step = 0
  layer: Jumpout

  constructor({ options, steps }: LayerCase) {
    this.#steps = steps
    this.layer = new Jumpout(options)
    this.#state = this.layer.toJSON()
  }

  /** Whether it is known what it gives on a device. */
  get onDevice(): boolean {
    return this.#steps[0].onDevice !== undefined
  }

  /** The case of the layer's next forward. */
  next(): Case {
    if (this.#step === this.#steps.length) {
      this.#step = 0
      this.layer = Jumpout.fromJSON(this.#state)
    }
    return this.#steps[this.#step++]
  }
}

export class Lane {
  readonly #next: () => number
  readonly #catalogue: Catalogue
  readonly #arena: Float32Array
  readonly #layers: readonly HeldLayer[]
  readonly #deviceLayers: readonly HeldLayer[]

  /** @param room elements of the arena, which outputs of any case that fits are written to again and again */
  constructor(catalogue: Catalogue, seed: number, room: number) {
    this.#next = uniform(seed)
    this.#catalogue = catalogue
    const Buffer = seed % 2 === 0 ? ArrayBuffer : SharedArrayBuffer
    this.#arena = new Float32Array(new Buffer(4 * room))
    const layers = catalogue.layers.map((layer) => [new HeldLayer(layer), new HeldLayer(layer)])
    this.#layers = layers.map(([layer]) => layer)
    this.#deviceLayers = layers.map(([, layer]) => layer).filter(({ onDevice }) => onDevice)
  }

  below(end: number): number {
    return Math.floor(this.#next() * end)
  }

  chance(probability: number): boolean {
    return this.#next() < probability
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }

  case(): Case {
    return this.oneOf(this.#catalogue.cases)
  }

  caseWithin(length: number): Case {
    return this.oneOf(this.#catalogue.cases.filter(({ input }) => input.length <= length))
  }

  layer(): HeldLayer {
    return this.oneOf(this.#layers)
  }

  deviceLayer(): HeldLayer {
    return this.oneOf(this.#deviceLayers)
  }

  caseOnDevice(): Case {
    return this.oneOf(this.#catalogue.cases.filter(({ onDevice }) => onDevice !== undefined))
  }

  /** A part of the arena, at any offset; a new array for what does not fit. */
  memory(length: number): Float32Array {
    const spare = this.#arena.length - length
    if (spare < 0) return new Float32Array(length)
    const begin = this.below(Math.min(spare, 64) + 1)
    return this.#arena.subarray(begin, begin + length)
  }
}
