/** The one file that loads the native part; everything else sees the typed contract below. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { inspect } from 'node:util'
import { badEnvironment, nativeError, noBinary } from './errors'

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
  'channels',
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

interface NativeHost {
  readonly version: string
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar'
  readonly threads: number
}

interface NativeRuntime extends NativeHost {
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

/** Names of operations: x, descriptor -> y, mask, groups; dy, mask, groups, descriptor -> dx. */
export interface TensorFlowOps {
  readonly forward: string
  readonly gradient: string
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

  /**
   * In the order of `stream`, or with -1 on any stream at once, as where the stream is being captured. `cleared`: zeros, in
   * memory that may be read before work on a stream has written it.
   */
  allocate(device: number, bytes: number, stream: number, cleared: boolean): number
  /** The device that a pointer belongs to, -1 for memory of the host and memory that CUDA does not know. */
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
  /** The call number of a record, likewise. */
  readCall(memory: number, offset: number, stream: number): bigint

  createStream(device: number): number
  wrapStream(handle: bigint, device: number): number
  streamDevice(handle: bigint): number
  streamHandle(stream: number): bigint
  releaseStream(stream: number): void
  synchronize(stream: number): Promise<void>
  wait(stream: number, other: number): void
  capturing(stream: number): boolean

  /** The graph of what `body` enqueues. The capture is over also where this throws, or the script is terminated. */
  capture(stream: number, body: () => void): number
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
  /** Does not touch the CUDA driver. */
  host(): NativeHost
  /** Asks the CUDA driver, where this build has CUDA. */
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
  /** Registers them, once per process, with the TensorFlow that it has loaded. */
  tensorflowOps(): TensorFlowOps
  /** Lets malloc keep memory that is freed, up to 64 MiB, for the process. */
  keepPages(): void
}

const ROOT = join(__dirname, '..')
const BUILT = join(ROOT, 'build', 'Release', 'jumpout.node')

/** A build in the package's own folder. `bindings` comes with a checkout alone. */
function findBuild(): string | undefined {
  let bindings: (request: object) => string
  try {
    bindings = require('bindings') as typeof bindings
  } catch {
    return existsSync(BUILT) ? BUILT : undefined
  }
  try {
    return bindings({ bindings: 'jumpout', module_root: ROOT, path: true })
  } catch {
    return undefined
  }
}

/** The packages with prebuilt binaries, whose main files these are. In full, so that bundlers and tracers see them. */
const PREBUILT: Partial<Record<string, () => string>> = {
  'darwin-arm64': () => require.resolve('jumpout-darwin-arm64'),
  'darwin-x64': () => require.resolve('jumpout-darwin-x64'),
  'linux-arm64-gnu': () => require.resolve('jumpout-linux-arm64-gnu'),
  'linux-arm64-musl': () => require.resolve('jumpout-linux-arm64-musl'),
  'linux-x64-gnu': () => require.resolve('jumpout-linux-x64-gnu'),
  'linux-x64-musl': () => require.resolve('jumpout-linux-x64-musl'),
  'win32-x64': () => require.resolve('jumpout-win32-x64'),
}

/** The C library of this process: musl's is mapped under the name of its loader. */
function libc(): 'gnu' | 'musl' {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'musl' : 'gnu'
  } catch {
    // Without /proc. The report takes longer, and asks name servers where connections are open unless told not to.
    const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean }
    const { excludeNetwork } = report
    report.excludeNetwork = true
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
    report.excludeNetwork = excludeNetwork
    return header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'
  }
}

const { platform, arch } = process
const PLATFORM = [platform, arch, ...(platform === 'linux' ? [libc()] : [])].join('-')

function findPrebuilt(): string | undefined {
  try {
    return PREBUILT[PLATFORM]?.()
  } catch {
    return undefined
  }
}

/** In any order: the binary's counts. */
const haveSameNames = (found: readonly string[] | undefined, wanted: readonly string[]): boolean =>
  String([...(found ?? [])].sort()) === String([...wanted].sort())

/** One addon serves every realm of a thread, so that it stays as it is, and each has an object of its own. */
function load(path: string): Native {
  const native = require(path) as Omit<Native, 'makeError'>
  const { version } = require('jumpout/package.json') as { version: string }
  const found = native.host?.().version
  if (
    found !== version ||
    !haveSameNames(native.fields, FIELDS) ||
    !haveSameNames(native.deviceFields, DEVICE_FIELDS)
  )
    throw noBinary(`it belongs to another version, ${found ?? 'unknown'}, than ${version}`)
  return { ...native, makeError: nativeError }
}

const NAMED = process.env.JUMPOUT_BINARY ?? ''

interface Candidate {
  /** What it is called where it is not there. */
  readonly name: string
  readonly find: () => string | undefined
}

interface Failure {
  readonly name: string
  readonly reason: string
  /** What was thrown, which may be anything. */
  readonly error?: unknown
}

const codeOf = (error: unknown): unknown => (Object(error) as { code?: unknown }).code

/** The first line of an error, or what else was thrown. */
function reasonOf(error: unknown): string {
  const { message } = Object(error) as { message?: unknown }
  const [line] = (typeof message === 'string' ? message : `it threw ${inspect(error)}`).split('\n', 1)
  return line
}

/** In the order in which they are tried. Who names a binary wants no other. */
function candidates(): Candidate[] {
  if (NAMED !== '') return [{ name: 'JUMPOUT_BINARY', find: () => resolve(NAMED) }]
  const prebuilt = { name: `jumpout-${PLATFORM}`, find: findPrebuilt }
  return [{ name: BUILT, find: findBuild }, ...(PREBUILT[PLATFORM] === undefined ? [] : [prebuilt])]
}

function solutions(failures: readonly Failure[]): string[] {
  const codes = failures.map(({ error }) => codeOf(error))
  if (codes.includes('ERR_DLOPEN_DISABLED'))
    return ['Start Node.js without --no-addons, or with --allow-addons where its permission model is on']
  if (codes.includes('ERR_ACCESS_DENIED')) return [`Let Node.js read ${ROOT}: --allow-fs-read`]
  if (NAMED !== '')
    return ['Let JUMPOUT_BINARY name a jumpout.node of this version, or unset it: then others are tried']
  const tools: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'apt install g++ make cmake, or dnf install gcc-c++ make cmake, or apk add g++ make cmake',
    darwin: 'xcode-select --install and brew install cmake',
    win32: 'Visual Studio Build Tools with "Desktop development with C++", which brings CMake',
  }
  const needs = `needs a C++20 compiler and CMake: ${tools[platform] ?? 'see the manual of your system'}`
  if (existsSync(join(ROOT, 'lib'))) return [`Build it: npm run build:native; it ${needs}`] // a checkout
  return [
    PREBUILT[PLATFORM] === undefined
      ? `There is no prebuilt package for ${PLATFORM}`
      : `Install jumpout-${PLATFORM}, which a lock file of another platform or --omit=optional leaves out:` +
        ' npm install --include=optional jumpout',
    `Build it on this machine: npx jumpout build; it ${needs}`,
  ]
}

function noneLoaded(failures: readonly Failure[]): Error {
  const lines = [
    `The native part of jumpout cannot be used on ${platform} ${arch} (${PLATFORM}), Node ${process.version}:`,
    ...failures.map(({ name, reason }) => `- ${name}: ${reason}`),
    'Possible solutions:',
    ...solutions(failures).map((solution) => `- ${solution}`),
  ]
  const cause = failures.map(({ error }) => error).filter((error) => error !== undefined)
  return noBinary(lines.join('\n'), { cause })
}

function loadFirst(): [path: string, native: Native] {
  const failures: Failure[] = []
  for (const { name, find } of candidates()) {
    let path: string | undefined
    try {
      path = find()
      if (path !== undefined) return [path, load(path)]
      failures.push({ name, reason: 'not there' })
    } catch (error) {
      if (codeOf(error) === 'ERR_BAD_ENVIRONMENT') throw badEnvironment((error as Error).message)
      failures.push({ name: path ?? name, reason: reasonOf(error), error })
    }
  }
  throw noneLoaded(failures)
}

/** The file that was loaded: what JUMPOUT_BINARY names, a build in the package, or that of the platform package. */
export const [binary, native] = loadFirst()

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
