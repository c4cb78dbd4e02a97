/** What the load consists of: calls, and the bits that plain calls gave before it began, all in shared memory. */
import type { CallOptions, LayerOptions, Saved } from 'jumpout'
import { assertSame } from '../bits'

export const DTYPES = ['float32', 'float16', 'bfloat16'] as const

export interface Expected {
  readonly output: Float32Array
  readonly mask: Uint32Array
  readonly gradient: Float32Array
  readonly stats: string
}

export interface Case {
  readonly call: CallOptions & { readonly call: bigint; readonly shape: number[] }
  readonly input: Float32Array
  readonly gradient: Float32Array
  readonly expected: Expected
  /** On a device, for cases that are not too large for emulated kernels. */
  readonly onDevice?: Record<(typeof DTYPES)[number], Expected>
}

/** The first calls of a layer, in their order. */
export interface LayerCase {
  readonly options: LayerOptions
  readonly steps: readonly Case[]
}

export interface Catalogue {
  readonly cases: readonly Case[]
  readonly layers: readonly LayerCase[]
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** `assertSame` in the time of memcmp: element by element only where bytes differ, as those of NaNs may. */
export function assertBits<T extends Float32Array | Uint32Array>(actual: T, expected: T, what: string): void {
  if (Buffer.compare(bytesOf(actual), bytesOf(expected)) !== 0) assertSame(actual, expected, what)
}

export const statsOf = (saved: Saved): string => JSON.stringify(saved.stats())

/** For arrays on a device. */
export const optionsOf = (call: Case['call']) => call as Omit<Case['call'], 'out' | 'mask' | 'active'>
