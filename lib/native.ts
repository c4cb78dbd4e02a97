/** The one file that loads the native part; everything else sees the typed contract below. */
import bindings from 'bindings'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { nativeError, noBinary } from './errors'

/**
 * One call, as the binding reads it: these numbers in `descriptor`. 64-bit seeds and calls come as two 32-bit halves,
 * booleans as 0 and 1, a rate that is to be drawn as NaN. The binary says in which order (`at`).
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

/** What a call on a device has beyond them. Memory and streams are numbers, 0 for none; offsets are in bytes. */
const DEVICE_FIELDS = [
  'device',
  'stream',
  'dtype',
  'length',
  'groupCount',
  'total',
  'allActive',
  'input',
  'inputOffset',
  'output',
  'outputOffset',
  'mask',
  'maskOffset',
  'records',
  'recordsOffset',
  'active',
  'activeOffset',
  'counter',
  'counterOffset',
  'forwardOutput',
  'forwardOutputOffset',
] as const

type Field = (typeof FIELDS)[number] | (typeof DEVICE_FIELDS)[number]

/** One row of statistics: jumpout_group of the C API. */
export const ROW = ['active', 'total', 'rate', 'effectiveRate', 'scale'] as const

interface NativeRuntime {
  readonly version: string
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
  readonly threads: number
  readonly cudaCompiled: boolean
  readonly cudaAvailable: boolean
  readonly cudaReason: string | undefined
  readonly devices: NativeDevice[]
}

export interface NativeDevice {
  readonly index: number
  readonly name: string
  readonly computeCapability: string
  readonly multiprocessors: number
  readonly memoryBytes: number
  readonly l2Bytes: number
}

type Mask = Uint32Array | undefined
/** undefined: `descriptorRow`. */
type Rows = Float64Array | undefined

/** Called off where it holds anything but 0 when the work begins; then nothing is done. */
type Turn = Int32Array | undefined

type HostArray = Float32Array | Uint32Array | BigUint64Array

/**
 * Devices. Memory, streams and graphs are numbers; stream 0 is the legacy default stream. One that was let go of lives
 * on natively until the work that needs it is done.
 */
interface NativeDevices {
  readonly deviceFields: readonly string[]

  /** In the order of `stream`, or with -1 on any stream at once, as where the stream is being captured. */
  allocate(device: number, bytes: number, stream: number): number
  /** The device that a pointer belongs to, -1 for memory of the host. */
  memoryOf(pointer: bigint): number
  /** `owner`, where there is one, is kept alive until the work on the memory is done. */
  wrapMemory(pointer: bigint, bytes: number, device: number, owner: object | undefined): number
  pointer(memory: number): bigint
  releaseMemory(memory: number): void
  /** Page-locked, of so many floats. */
  allocPinned(length: number): ArrayBuffer

  /** `dtype` as in dtype.ts. Back when the host array may be used. */
  copy(
    memory: number,
    offset: number,
    dtype: number,
    stream: number,
    host: HostArray,
    toDevice: boolean,
  ): void
  /** The same in another thread; from and to page-locked memory it is enqueued at once. */
  copyAsync(
    memory: number,
    offset: number,
    dtype: number,
    stream: number,
    host: HostArray,
    toDevice: boolean,
  ): Promise<void>
  copyOnDevice(
    to: number,
    toOffset: number,
    from: number,
    fromOffset: number,
    bytes: number,
    stream: number,
  ): void
  clear(memory: number, offset: number, bytes: number, stream: number): void
  /** By value. `once`: now, also where the stream is being captured, and before the first launch of the graph. */
  store(memory: number, offset: number, stream: number, numbers: BigUint64Array, once: boolean): void
  /** Waits for all work on that memory. */
  settle(memory: number): void
  /** One row of statistics a record, when all work on that memory is done. */
  readRecords(memory: number, offset: number, stream: number, rows: Float64Array): void

  createStream(device: number): number
  wrapStream(handle: bigint, device: number): number
  streamDevice(handle: bigint): number
  streamHandle(stream: number): bigint
  releaseStream(stream: number): void
  synchronize(stream: number): Promise<void>
  wait(stream: number, other: number): void
  capturing(stream: number): boolean

  captureBegin(stream: number): void
  /** The graph, or undefined where it is not to be kept. */
  captureEnd(stream: number, keep: boolean): number | undefined
  launch(graph: number, stream: number): void
  releaseGraph(graph: number): void

  deviceForward(): void
  deviceBackward(): void
  deviceCountActive(): void
  deviceIdentity(): void

  toDLPack(memory: number, offset: number, length: number, dtype: number, versioned: boolean): object
  fromDLPack(tensor: unknown): [memory: number, device: number, length: number, dtype: number]
}

/**
 * Checked again on the other side, so that no mistake here reaches memory. The functions are methods: `makeError` of the
 * object that one is called on makes what it throws. Objects and arrays that they return may be of another realm.
 */
interface Native extends NativeDevices {
  readonly makeError: typeof nativeError
  readonly fields: readonly string[]
  /** All that a call reads beside its arrays, in memory that every copy of lib in a thread shares. */
  readonly descriptor: ArrayBuffer
  runtime(): NativeRuntime
  forward(input: Float32Array, output: Float32Array, mask: Mask, rows: Rows): void
  /** The arrays and `rows` must stay as they are until the promise settles; the descriptor is read at once. */
  forwardAsync(
    input: Float32Array,
    output: Float32Array,
    mask: Mask,
    rows: Float64Array,
    turn: Turn,
  ): Promise<void>
  backward(
    gradOutput: Float32Array,
    gradInput: Float32Array,
    mask: Mask,
    output: Float32Array | undefined,
    rows: Rows,
  ): void
  backwardAsync(
    gradOutput: Float32Array,
    gradInput: Float32Array,
    mask: Mask,
    output: Float32Array | undefined,
    rows: Float64Array,
    turn: Turn,
  ): Promise<void>
  /** Evaluation: a copy, unless both are the same memory. */
  identity(input: Float32Array, output: Float32Array): void
  identityAsync(input: Float32Array, output: Float32Array, turn: Turn): Promise<void>
  countActive(input: Float32Array, rows: Float64Array): void
  foldIn(seed: bigint, data: bigint): bigint
  /** Elements to skip until the next address that is a multiple of 64 bytes. */
  padding(array: Float32Array): number
  /** Lets malloc keep memory that is freed, up to 64 MiB, for the process. */
  keepPages(): void
}

const ROOT = join(__dirname, '..')
/** Only a checkout has lib/, and npm knows no jumpout there that it could rebuild. */
const REBUILD = existsSync(join(ROOT, 'lib'))
  ? 'npm run build:native'
  : 'npm rebuild jumpout --foreground-scripts'

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
      `- Build it again: ${REBUILD}`,
      '- Where the package manager held back the install script, allow it first: npm approve-scripts jumpout' +
        ' (npm 12 and later), or pnpm approve-builds; then rebuild',
      `- Install a C++20 compiler and CMake, then rebuild: ${tools[platform] ?? 'see the manual of your system'}`,
    ].join('\n'),
    cause,
  )
}

function locate(): string {
  const { JUMPOUT_BINARY: named } = process.env
  if (named !== undefined && named !== '') return resolve(named)
  const request = { bindings: 'jumpout', module_root: ROOT, path: true }
  try {
    return bindings(request) as string
  } catch (error) {
    throw loadError('it was not built, jumpout.node is missing', error)
  }
}

/** In any order: the binary's counts. */
const haveSameNames = (found: readonly string[] | undefined, wanted: readonly string[]): boolean =>
  String([...(found ?? [])].sort()) === String([...wanted].sort())

/** One addon serves every realm of a thread, so that it stays as it is, and each has an object of its own. */
function load(path: string): Native {
  let native: Omit<Native, 'makeError'>
  try {
    native = require(path) as Native
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_BAD_ENVIRONMENT') throw nativeError('Error', code, message)
    throw loadError(message, error)
  }
  if (!haveSameNames(native.fields, FIELDS) || !haveSameNames(native.deviceFields, DEVICE_FIELDS)) {
    throw loadError(`${path} belongs to another version`)
  }
  return { ...native, makeError: nativeError }
}

/** The file that was loaded: what `npm ci` built, or what JUMPOUT_BINARY names, another build for tests. */
export const binary = locate()
export const native = load(binary)

/** Filled right before each call of the binding: no code of a caller runs in between. */
export const descriptor = new Float64Array(native.descriptor)

const ROW_END = FIELDS.length + ROW.length

/** The statistics of a call on the host with one group, between the fields of all calls and those of devices. */
export const descriptorRow = descriptor.subarray(FIELDS.length, ROW_END)

/** Where each field is in the descriptor. */
export const at = Object.fromEntries([
  ...native.fields.map((name, i) => [name, i]),
  ...native.deviceFields.map((name, i) => [name, ROW_END + i]),
]) as Readonly<Record<Field, number>>
