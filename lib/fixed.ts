/** Memory that may shrink under a running thread cannot be used off the main thread. */
import { invalidValue } from './errors'

interface MaybeResizable {
  readonly resizable?: boolean
  readonly growable?: boolean
}

export function checkFixed(array: ArrayBufferView | undefined, argument: string): void {
  if (array === undefined) return
  const { resizable, growable } = array.buffer as MaybeResizable
  if (resizable === true || growable === true) {
    throw invalidValue('an array of fixed size', argument, 'one over a resizable buffer')
  }
}
