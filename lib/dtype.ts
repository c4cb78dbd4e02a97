/** What the elements of an array on a device are. */
import { invalidType, invalidValue } from './errors'

/** The typed array that stands for a dtype on the host. */
export type HostArrayOf<D extends DType> = D extends 'uint32'
  ? Uint32Array
  : D extends 'uint64'
    ? BigUint64Array
    : Float32Array

export type HostArray = HostArrayOf<DType>

interface Kind {
  /** As the binding names it: the place in this list, and in csrc/core/dtype.hpp. */
  readonly code: number
  readonly bytes: number
  readonly floating: boolean
  readonly host: 'Float32Array' | 'Uint32Array' | 'BigUint64Array'
}

export const KINDS = {
  float32: { code: 0, bytes: 4, floating: true, host: 'Float32Array' },
  float16: { code: 1, bytes: 2, floating: true, host: 'Float32Array' },
  bfloat16: { code: 2, bytes: 2, floating: true, host: 'Float32Array' },
  uint32: { code: 3, bytes: 4, floating: false, host: 'Uint32Array' },
  uint64: { code: 4, bytes: 8, floating: false, host: 'BigUint64Array' },
} as const satisfies Readonly<Record<string, Kind>>

/** 16-bit floats are float32 on the host: widened on the way there, rounded to nearest even on the way back. */
export type DType = keyof typeof KINDS

export const DTYPES = Object.keys(KINDS) as readonly DType[]

const QUOTED = DTYPES.map((name) => `'${name}'`)
const EXPECTED = `${QUOTED.slice(0, -1).join(', ')} or ${QUOTED.slice(-1).join()}`

export function readDtype(value: unknown, missing: DType): DType {
  if (value === undefined) return missing
  if (typeof value !== 'string') throw invalidType(EXPECTED, 'options.dtype', value)
  const found = DTYPES.find((name) => name === value)
  if (found === undefined) throw invalidValue(EXPECTED, 'options.dtype', `'${value.slice(0, 40)}'`)
  return found
}

/** Memory for a copy on the host. */
export function hostArray(dtype: DType, length: number): HostArray {
  switch (KINDS[dtype].host) {
    case 'Uint32Array':
      return new Uint32Array(length)
    case 'BigUint64Array':
      return new BigUint64Array(length)
    default:
      return new Float32Array(length)
  }
}
