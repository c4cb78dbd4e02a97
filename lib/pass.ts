/** One call, wherever its arrays lie: its arguments, the pass that it leaves for backward, and the places that run it. */
import type { GroupCounts, Layout } from './layout'
import { at as positions, descriptor as numbers } from './native'
import type { OptionNames } from './option-names'
import { type Settings, writeSettings } from './options'
import type { Draw } from './seed'

/** Copies in this module, since the engine folds constants of a module but not imports. */
const at = positions
const descriptor = numbers

/** The types of a place. */
export interface Kinds {
  /** `device` is set for tensors on a device. */
  readonly tensor: { readonly length: number; readonly device?: number }
  readonly mask: unknown
  /** Statistics, one row per group. */
  readonly rows: unknown
  /** The stream that work is enqueued on. */
  readonly stream: unknown
}

/** Memory for results. */
export interface Memory<K extends Kinds = Kinds> {
  /** An output, of the kind and length of `like`. */
  output(like: K['tensor'], stream: K['stream']): K['tensor']
  mask(like: K['tensor'], stream: K['stream']): K['mask']
  rows(like: K['tensor'], groupCount: number, stream: K['stream']): K['rows']
}

/** A forward with checked arguments. */
export interface Call<K extends Kinds = Kinds> {
  readonly input: K['tensor']
  readonly length: number
  readonly out: K['tensor'] | undefined
  readonly saveMask: boolean
  /** The caller's memory for the mask. */
  readonly mask: K['mask'] | undefined
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
  /** On a device: memory that has the call number, instead of `draw`. */
  readonly counter: K['tensor'] | undefined
  /** False in evaluation, which counts and draws nothing. */
  readonly training: boolean
  /** Counts of whole groups, for a shard. */
  readonly counts: GroupCounts | undefined
  /** On a device: memory that has the active counts. */
  readonly active: K['tensor'] | undefined
  readonly stream: K['stream']
}

/** The state of a forward that backward needs. */
export interface Pass<K extends Kinds = Kinds> {
  readonly place: Place<K>
  readonly length: number
  readonly mask: K['mask'] | undefined
  readonly settings: Settings
  readonly layout: Layout
  /** undefined if the call number is in the rows, on a device. */
  readonly draw: Draw | undefined
  readonly training: boolean
  readonly rows: K['rows']
}

/** A backward with checked arguments. */
export interface BackwardCall<K extends Kinds = Kinds> {
  readonly gradOutput: K['tensor']
  readonly out: K['tensor'] | undefined
  /** The forward's output, if the gradient depends on it. */
  readonly output: K['tensor'] | undefined
  readonly stream: K['stream']
}

/** Runs calls where their arrays lie: on the host, or on CUDA devices. */
export interface Place<K extends Kinds = Kinds> {
  readonly isHost: boolean
  /** New memory for each call. */
  readonly fresh: Memory<K>
  /** A layer's own memory, used again for each call; for outputs only with `reuse`. */
  kept(reuse: boolean): Memory<K>

  /** Number of elements, which no property of the caller can hide. */
  lengthOf(tensor: K['tensor']): number
  /** After the last code of the caller: an error if a checked tensor has lost memory since. */
  assertUnchanged(tensor: K['tensor'], length: number, argument: string): void
  /** `assertOptions`, which also refuses options that only another place supports. */
  assertOptions(options: unknown, names: OptionNames): void
  /** An argument of the dtype, length and device of `like`. */
  like(value: unknown, like: K['tensor'], argument: string): K['tensor']
  maskFor(input: K['tensor'], value: unknown): K['mask']
  /** The gradient of a pass; also checks that the mask still has its memory. */
  gradientFor(pass: Pass<K>, value: unknown): K['tensor']
  /** Memory that has the call number; undefined if `value` is no memory. */
  counterFor(input: K['tensor'], value: unknown): K['tensor'] | undefined
  /** Memory for active counts, one per group. */
  countsFor(input: K['tensor'], groupCount: number, value: unknown, argument: string): K['tensor']
  streamFor(input: K['tensor'], value: unknown): K['stream']
  /** Where work on the stream is recorded: takes what puts the host's state back, should the recording be discarded. */
  recordingOf(stream: K['stream']): (() => void)[] | undefined

  /** Fills the rows, and returns the rows for the pass. */
  forward(call: Call<K>, output: K['tensor'], mask: K['mask'] | undefined, rows: K['rows']): K['rows']
  backward(pass: Pass<K>, call: BackwardCall<K>, gradInput: K['tensor']): void
  /** Copies, unless both are the same memory. */
  identity(input: K['tensor'], output: K['tensor'], stream: K['stream']): void
  /** Counts active elements per group; returns `out`, or numbers without it. */
  count(
    input: K['tensor'],
    layout: Layout,
    out: K['tensor'] | undefined,
    stream: K['stream'],
  ): K['tensor'] | number[]

  /** Reads the statistics; waits for the work that writes them. */
  readRows(pass: Pass<K>): ArrayLike<number>
  /** Reads the call number; waits for the work that writes it. */
  readCall(pass: Pass<K>): bigint
  /** The mask, in memory that it shares with no other mask. */
  apart(mask: K['mask']): K['mask']
}

/** Evaluation without ReLU, whose output is its input. */
export const isIdentity = ({ training, settings }: Pick<Pass, 'training' | 'settings'>): boolean =>
  !training && !settings.relu

/** Writes the layout to the descriptor. */
export function writeLayout(layout: Layout): void {
  descriptor[at.elementOffset] = layout.elementOffset
  descriptor[at.groupSize] = layout.groupSize
  descriptor[at.unitSize] = layout.unitSize
  descriptor[at.channels] = layout.channels
}

/** Writes settings, layout and draw to the descriptor; `counted`: the rows already have the counts. */
export function writeCall(settings: Settings, layout: Layout, draw: Draw, counted: boolean): void {
  writeSettings(settings)
  writeLayout(layout)
  descriptor[at.seedLow] = draw.seedLow
  descriptor[at.seedHigh] = draw.seedHigh
  descriptor[at.callLow] = draw.callLow
  descriptor[at.callHigh] = draw.callHigh
  descriptor[at.counted] = counted ? 1 : 0
}
