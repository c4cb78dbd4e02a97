/** Calls on the host: their arguments, memory for their results, and how they run, in this thread or another. */
import { invalidType, isRevoked } from '../errors'
import type { GroupCounts } from '../layout'
import { descriptorRow, native, ROW } from '../native'
import { assertOptions } from '../option-names'
import {
  type BackwardCall,
  type Call,
  isIdentity,
  type Kinds,
  type Memory,
  type Pass,
  type Place,
  writeCall,
  writeLayout,
} from '../pass'
import { callOf, type Draw } from '../seed'
import {
  allocate,
  assertNoThen,
  assertUnchanged,
  checkFixed,
  firstOf,
  freshMask,
  freshOutput,
  freshRows,
  lengthOf,
  lieTogether,
  maskWords,
  type NewFloat32Array,
  outOfSlab,
  ownMask,
  readFloats,
  readFloatsOf,
  readMask,
} from './memory'

export interface Host extends Kinds {
  readonly tensor: Float32Array
  readonly mask: Uint32Array
  readonly rows: ArrayLike<number>
  readonly stream: undefined
}

export type { NewFloat32Array }

/** A constant of this module: the engine folds it, and no import. */
const oneRow = descriptorRow

/** The argument for the binding: undefined stands for the row in the descriptor, which saves passing an array. */
const rowsApart = (rows: Float64Array): Float64Array | undefined => (rows === oneRow ? undefined : rows)

/** The rows to keep after a call: the next call overwrites the row in the descriptor. */
const keepRows = (rows: Float64Array): ArrayLike<number> =>
  rows === oneRow ? [rows[0], rows[1], rows[2], rows[3], rows[4]] : rows

/** The argument for the binding from kept rows. */
function rowsForBinding(rows: ArrayLike<number>): Float64Array | undefined {
  if (rows instanceof Float64Array) return rows
  for (let i = 0; i < ROW.length; ++i) oneRow[i] = rows[i]
  return undefined
}

/** Writes given counts to the first two numbers of each row. */
function writeCounts(rows: Float64Array, { active, total }: GroupCounts): void {
  for (let g = 0; g < total.length; ++g) {
    rows[ROW.length * g] = active?.[g] ?? 0
    rows[ROW.length * g + 1] = total[g]
  }
}

/** One array that is used again for each call, and replaced by a larger one when needed. */
class Kept<A extends Float32Array | Uint32Array | Float64Array> {
  readonly #allocate: (length: number) => A
  /** No caller has it, only views of it, whose properties may lie: the engine's own getters read them. */
  #memory: A
  #view: A

  constructor(allocate: (length: number) => A) {
    this.#allocate = allocate
    this.#memory = this.#view = allocate(0)
  }

  /** A detached one has length 0. */
  take(length: number): A {
    if (length === 0) return this.#allocate(0)
    if (length === lengthOf(this.#view)) return this.#view
    if (length > lengthOf(this.#memory)) this.#memory = this.#allocate(length)
    return (this.#view = firstOf(this.#memory, length))
  }

  /** Gives up the memory if `array` lies in it: a call must not overwrite its own input. */
  leave(array: A): void {
    if (lieTogether(array, this.#memory)) this.#memory = this.#view = this.#allocate(0)
  }
}

/** Memory for results: new for each call, or with `keep` a layer's own, which for outputs needs `reuse` too. */
class ResultMemory implements Memory<Host> {
  readonly #outputs: Kept<Float32Array> | undefined
  readonly #masks: Kept<Uint32Array> | undefined
  readonly #rows: Kept<Float64Array> | undefined

  constructor(keep: boolean, reuse: boolean) {
    this.#outputs = reuse ? new Kept<Float32Array>(allocate) : undefined
    this.#masks = keep ? new Kept<Uint32Array>((words) => ownMask(32 * words)) : undefined
    this.#rows = keep ? new Kept<Float64Array>((numbers) => freshRows(numbers / ROW.length)) : undefined
  }

  output(like: Float32Array): Float32Array {
    const length = lengthOf(like)
    if (this.#outputs === undefined) return freshOutput(length)
    this.#outputs.leave(like)
    return this.#outputs.take(length)
  }

  mask(like: Float32Array): Uint32Array {
    const length = lengthOf(like)
    return this.#masks === undefined ? freshMask(length) : this.#masks.take(maskWords(length))
  }

  rows(_: Float32Array, groupCount: number): Float64Array {
    if (groupCount === 1) return oneRow
    return this.#rows === undefined ? freshRows(groupCount) : this.#rows.take(ROW.length * groupCount)
  }
}

export const tensorOnHost = readFloats

export const host: Place<Host> = {
  isHost: true,

  fresh: new ResultMemory(false, false),

  kept: (reuse) => new ResultMemory(true, reuse),

  lengthOf,

  assertUnchanged,

  assertOptions(options, names) {
    const readable = isRevoked(options) ? {} : (options ?? {})
    const { stream, active } = readable as { stream?: unknown; active?: unknown }
    if (stream !== undefined)
      throw invalidType('nothing, as arrays on the host have no stream,', 'options.stream', stream)
    if (active !== undefined && names.names.has('active'))
      throw invalidType('nothing, as arrays on the host are counted here,', 'options.active', active)
    assertOptions(options, names)
  },

  like: (value, like, argument) => readFloatsOf(value, lengthOf(like), argument),

  maskFor: (input, value) => readMask(value, lengthOf(input), 'options.mask'),

  gradientFor({ length, mask }, value) {
    const gradOutput = readFloatsOf(value, length, 'gradOutput')
    if (mask !== undefined) readMask(mask, length, 'saved.mask')
    return gradOutput
  },

  counterFor: () => undefined,

  countsFor(_, __, value, argument) {
    throw invalidType('nothing, as the counts of host arrays are numbers,', argument, value)
  },

  streamFor: () => undefined,

  recordingOf: () => undefined,

  forward(call, output, mask, rows: Float64Array) {
    const { input, length, settings, layout, draw, training, counts } = call
    if (counts !== undefined) writeCounts(rows, counts)
    // In evaluation the rate is 0 whatever the counts are: giving some saves counting.
    else if (!training) rows[0] = rows[1] = length
    writeCall(settings, layout, draw, counts !== undefined || !training)
    native.forward(input, output, mask, rowsApart(rows))
    return keepRows(rows)
  },

  backward(pass, { gradOutput, output }, gradInput) {
    writeCall(pass.settings, pass.layout, pass.draw as Draw, true)
    native.backward(gradOutput, gradInput, pass.mask, output, rowsForBinding(pass.rows))
  },

  identity(input, output) {
    native.identity(input, output)
  },

  count(input, layout) {
    const rows = freshRows(layout.groupCount)
    writeLayout(layout)
    native.countActive(input, rows)
    return Array.from({ length: layout.groupCount }, (_, g) => rows[g * ROW.length])
  },

  readRows: ({ rows }) => rows,
  readCall: ({ draw }) => callOf(draw as Draw),
  apart: outOfSlab,
}

/** Values of `turn`, as in csrc/node/background.hpp. */
const WAITING = 0
const CALLED_OFF = 2

/** The part of `AbortSignal` that is used, so that types of Node.js, of the DOM and of others fit. */
export interface AbortSignalLike {
  /** Whether it was aborted already. */
  readonly aborted: boolean
  /** The value that the promise rejects with. */
  readonly reason: unknown
  /**
   * Asks to be told.
   *
   * @param type of the event
   * @param listener is called when the signal is aborted
   */
  addEventListener(type: 'abort', listener: () => void): void
  /**
   * Ends that, when the work is done.
   *
   * @param type of the event
   * @param listener that was given to `addEventListener`
   */
  removeEventListener(type: 'abort', listener: () => void): void
}

export function readSignal(value: unknown): AbortSignalLike | undefined {
  if (value === undefined) return undefined
  const readable = isRevoked(value) ? undefined : value
  const { aborted, addEventListener, removeEventListener } = Object(readable) as Partial<AbortSignalLike>
  if (
    typeof value !== 'object' ||
    typeof aborted !== 'boolean' ||
    typeof addEventListener !== 'function' ||
    typeof removeEventListener !== 'function'
  ) {
    throw invalidType('an AbortSignal', 'options.signal', value)
  }
  return value as AbortSignalLike
}

/** All calls that one signal can abort, behind one listener: Node warns about more than ten. */
interface Waiting {
  readonly callOffs: Set<() => void>
  readonly listener: () => void
}

const waitingFor = new WeakMap<AbortSignalLike, Waiting>()

function listen(signal: AbortSignalLike, callOff: () => void): Waiting {
  const callOffs = new Set([callOff])
  const waiting = { callOffs, listener: () => callOffs.forEach((callOff) => callOff()) }
  signal.addEventListener('abort', waiting.listener)
  waitingFor.set(signal, waiting)
  return waiting
}

/** Returns the function that ends the wait. */
function wait(signal: AbortSignalLike, callOff: () => void): () => void {
  const { callOffs, listener } = waitingFor.get(signal) ?? listen(signal, callOff)
  callOffs.add(callOff)
  return () => {
    callOffs.delete(callOff)
    if (callOffs.size > 0) return
    signal.removeEventListener('abort', listener)
    waitingFor.delete(signal)
  }
}

const reasonOf = ({ reason }: AbortSignalLike): Error => reason as Error

/**
 * Settles as the work does. If the signal is aborted before the work begins, rejects with `signal.reason` at once, and the
 * work never begins. The first change of `turn` decides, by the thread that begins or by this one.
 *
 * @param start starts the work, which looks at `turn` before it writes anything
 */
async function unlessAborted(
  signal: AbortSignalLike | undefined,
  start: (turn: Int32Array | undefined) => Promise<void>,
): Promise<void> {
  if (signal === undefined) return start(undefined)
  if (signal.aborted) throw reasonOf(signal)
  const turn = new Int32Array(1)
  let refuse: ((reason: Error) => void) | undefined
  const aborted = new Promise<never>((_, reject) => (refuse = reject))
  aborted.catch(() => undefined) // where the work does not start, nobody waits for it
  // The signal may be code of the caller: it runs, and throws, before the work starts.
  const stopWaiting = wait(signal, () => {
    if (Atomics.compareExchange(turn, 0, WAITING, CALLED_OFF) === WAITING) refuse?.(reasonOf(signal))
  })
  try {
    await Promise.race([start(turn), aborted])
  } finally {
    stopWaiting()
  }
}

/** `forward` in another thread. The arrays must stay unchanged until it is done. */
export async function forwardAsync(
  call: Call<Host>,
  signal: AbortSignalLike | undefined,
): Promise<{ output: Float32Array; mask: Uint32Array | undefined; rows: Float64Array }> {
  const { input, length, out, settings, layout, draw, counts } = call
  checkFixed(input, 'input')
  checkFixed(out, 'options.out')
  checkFixed(call.mask, 'options.mask')
  const rows = freshRows(layout.groupCount)
  if (counts !== undefined) writeCounts(rows, counts)
  const mask = call.saveMask ? (call.mask ?? freshMask(length)) : undefined
  const output = out ?? freshOutput(length)
  await unlessAborted(signal, (turn) => {
    assertUnchanged(input, length, 'input')
    writeCall(settings, layout, draw, counts !== undefined)
    return native.forwardAsync(input, output, mask, rows, turn)
  })
  return { output, mask, rows }
}

/** `backward` in another thread, or `identity` for a pass that is one. Returns the gradient. */
export async function backwardAsync(
  pass: Pass<Host>,
  { gradOutput, out, output }: BackwardCall<Host>,
  signal: AbortSignalLike | undefined,
): Promise<Float32Array> {
  checkFixed(gradOutput, 'gradOutput')
  checkFixed(out, 'options.out')
  checkFixed(output, 'options.output')
  checkFixed(pass.mask, 'saved.mask')
  const gradInput = out ?? freshOutput(pass.length)
  assertNoThen(gradInput)
  await unlessAborted(signal, (turn) => {
    assertUnchanged(gradOutput, pass.length, 'gradOutput')
    if (isIdentity(pass)) return native.identityAsync(gradOutput, gradInput, turn)
    const rows = new Float64Array(pass.rows)
    writeCall(pass.settings, pass.layout, pass.draw as Draw, true)
    return native.backwardAsync(gradOutput, gradInput, pass.mask, output, rows, turn)
  })
  return gradInput
}
