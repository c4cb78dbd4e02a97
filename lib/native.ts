/** The one file that loads the native part; everything else sees the typed contract below. */
import bindings from 'bindings'
import { join } from 'node:path'
import { noBinary } from './errors'

/**
 * One call, as the binding reads it: a Float64Array with these numbers in this order. 64-bit seeds and calls come as two
 * 32-bit halves, booleans as 0 and 1, a rate that is to be drawn as NaN.
 */
const FIELDS = [
  'sigma',
  'pMin',
  'pMax',
  'rate',
  'maxRate',
  'exponent',
  'normalize',
  'relu',
  'seedLow',
  'seedHigh',
  'callLow',
  'callHigh',
  'elementOffset',
  'groupSize',
  'unitSize',
  'counted',
] as const

/** Where the fields end; a row of statistics follows. */
export const DESCRIPTOR_LENGTH = FIELDS.length
/** Numbers in one row of statistics: active, total, rate, effectiveRate, scale. */
export const ROW_LENGTH = 5

interface NativeRuntime {
  readonly version: string
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
  readonly threads: number
  readonly cudaCompiled: boolean
  readonly cudaAvailable: boolean
  readonly cudaReason: string | undefined
}

type Mask = Uint32Array | undefined
/** undefined: one row, which stands behind the descriptor's fields. */
type Rows = Float64Array | undefined

/** Checked again on the other side, so that no mistake here reaches memory; errors carry class, code and sentence. */
interface Native {
  readonly fields: readonly string[]
  runtime(): NativeRuntime
  forward(input: Float32Array, output: Float32Array, mask: Mask, descriptor: Float64Array, rows: Rows): void
  /** The arrays and `rows` must stay as they are until the promise settles; the descriptor is copied. */
  forwardAsync(
    input: Float32Array,
    output: Float32Array,
    mask: Mask,
    descriptor: Float64Array,
    rows: Float64Array,
  ): Promise<void>
  backward(
    gradOutput: Float32Array,
    gradInput: Float32Array,
    mask: Mask,
    output: Float32Array | undefined,
    descriptor: Float64Array,
    rows: Rows,
  ): void
  backwardAsync(
    gradOutput: Float32Array,
    gradInput: Float32Array,
    mask: Mask,
    output: Float32Array | undefined,
    descriptor: Float64Array,
    rows: Float64Array,
  ): Promise<void>
  /** Evaluation: a copy, unless both are the same memory. */
  identity(input: Float32Array, output: Float32Array): void
  countActive(input: Float32Array, descriptor: Float64Array, rows: Float64Array): void
  foldIn(seed: bigint, data: bigint): bigint
  /** Uninitialised and 64-byte aligned, from a pool; undefined where the pool has nothing to give. */
  pooled(length: number): Float32Array | undefined
  /** Elements to skip until the next address that is a multiple of 64 bytes. */
  padding(array: Float32Array): number
}

const ROOT = join(__dirname, '..')

function loadError(reason: string, cause?: unknown): Error {
  const { platform, arch, version } = process
  const tools: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'apt install g++ make cmake, or dnf install gcc-c++ make cmake',
    darwin: 'xcode-select --install and brew install cmake',
    win32: 'Visual Studio Build Tools with "Desktop development with C++", which brings CMake',
  }
  return noBinary(
    [
      `The native part of jumpout cannot be used on ${platform} ${arch}, Node ${version}: ${reason}`,
      'Possible solutions:',
      '- Build it again: npm rebuild jumpout --foreground-scripts',
      '- Where the package manager held back the install script, allow it first: npm approve-scripts jumpout' +
        ' (npm 12 and later), or pnpm approve-builds; then rebuild',
      `- Install a C++20 compiler and CMake, then rebuild: ${tools[platform] ?? 'see the manual of your system'}`,
    ].join('\n'),
    cause,
  )
}

function locate(): string {
  const request = { bindings: 'jumpout', module_root: ROOT, path: true }
  try {
    return bindings(request) as string
  } catch (error) {
    throw loadError('it was not built, jumpout.node is missing', error)
  }
}

function load(path: string): Native {
  let native: Native
  try {
    native = require(path) as Native
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BAD_ENVIRONMENT') throw error
    throw loadError((error as Error).message, error)
  }
  if (String(native.fields) !== String(FIELDS)) throw loadError(`${path} belongs to another version`)
  return native
}

/** The file that was loaded. */
export const binary = locate()
export const native = load(binary)
