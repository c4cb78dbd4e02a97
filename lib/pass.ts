/** One call, the same wherever its arrays lie: what it is, what it leaves for backward, and what a place does for it. */
import type { GroupCounts, Layout } from './layout'
import { at as positions, descriptor as numbers } from './native'
import type { OptionNames } from './option-names'
import { type Settings, writeSettings } from './options'
import type { Draw } from './seed'

/** Constants of this module: the engine folds them, and no imports. */
const at = positions
const descriptor = numbers

/** What a place has of each. */
export interface Kinds {
  /** `device`: of those on a device. */
  readonly tensor: { readonly length: number; readonly device?: number }
  readonly mask: unknown
  /** Statistics, one row a group. */
  readonly rows: unknown
  /** Where work is enqueued. */
  readonly stream: unknown
}

/** Memory for results. */
export interface Memory<K extends Kinds = Kinds> {
  /** For the output of an input, the gradient of a gradient. */
  output(like: K['tensor'], stream: K['stream']): K['tensor']
  mask(like: K['tensor'], stream: K['stream']): K['mask']
  rows(like: K['tensor'], groupCount: number, stream: K['stream']): K['rows']
}

/** A forward whose arguments are known to be good. */
export interface Call<K extends Kinds = Kinds> {
  readonly input: K['tensor']
  readonly out: K['tensor'] | undefined
  readonly saveMask: boolean
  /** Where the mask goes. */
  readonly mask: K['mask'] | undefined
  readonly settings: Settings
  readonly layout: Layout
  readonly draw: Draw
  /** On a device: memory that has the number of the call, in place of `draw`. */
  readonly counter: K['tensor'] | undefined
  /** false: evaluation, which counts and draws nothing. */
  readonly training: boolean
  /** Of whole groups, for a shard. */
  readonly counts: GroupCounts | undefined
  /** On a device: memory that has the active counts. */
  readonly active: K['tensor'] | undefined
  readonly stream: K['stream']
}

/** What a forward leaves for backward. */
export interface Pass<K extends Kinds = Kinds> {
  readonly place: Place<K>
  readonly length: number
  readonly mask: K['mask'] | undefined
  readonly settings: Settings
  readonly layout: Layout
  /** undefined: the rows have the number of the call, on a device. */
  readonly draw: Draw | undefined
  readonly training: boolean
  readonly rows: K['rows']
}

/** A backward whose arguments are known to be good. */
export interface BackwardCall<K extends Kinds = Kinds> {
  readonly gradOutput: K['tensor']
  readonly out: K['tensor'] | undefined
  /** The forward's output, where the gradient depends on it. */
  readonly output: K['tensor'] | undefined
  readonly stream: K['stream']
}

/** Where arrays lie: on the host, or on CUDA devices. */
export interface Place<K extends Kinds = Kinds> {
  readonly isHost: boolean
  /** Of each call its own. */
  readonly fresh: Memory<K>
  /** What the next call takes over; outputs with `reuse` alone. */
  kept(reuse: boolean): Memory<K>

  /** `assertOptions`, which also refuses what another place alone could obey. */
  assertOptions(options: unknown, names: OptionNames): void
  /** An array like another. */
  like(value: unknown, like: K['tensor'], argument: string): K['tensor']
  maskFor(input: K['tensor'], value: unknown): K['mask']
  /** A gradient for a pass, whose mask is still there. */
  gradientFor(pass: Pass<K>, value: unknown): K['tensor']
  /** Memory that has the number of the call; undefined where the value is something else. */
  counterFor(input: K['tensor'], value: unknown): K['tensor'] | undefined
  /** Memory for active counts, one a group. */
  countsFor(input: K['tensor'], groupCount: number, value: unknown, argument: string): K['tensor']
  streamFor(input: K['tensor'], value: unknown): K['stream']

  /** Fills the rows, and returns what to keep of them. */
  forward(call: Call<K>, output: K['tensor'], mask: K['mask'] | undefined, rows: K['rows']): K['rows']
  backward(pass: Pass<K>, call: BackwardCall<K>, gradInput: K['tensor']): void
  /** A copy, unless both are the same memory. */
  identity(input: K['tensor'], output: K['tensor'], stream: K['stream']): void
  /** Active elements of each group: into `out`, which is returned, or as numbers. */
  count(
    input: K['tensor'],
    layout: Layout,
    out: K['tensor'] | undefined,
    stream: K['stream'],
  ): K['tensor'] | number[]

  /** Statistics, when the work that makes them is done. */
  readRows(pass: Pass<K>): ArrayLike<number>
  /** The number of the call that drew. */
  readCall(pass: Pass<K>): bigint
  /** The mask in memory that it shares with no other. */
  apart(mask: K['mask']): K['mask']
}

/** Evaluation without ReLU. */
export const isIdentity = ({ training, settings }: Pick<Pass, 'training' | 'settings'>): boolean =>
  !training && !settings.relu

/** Into the descriptor, as the next. */
export function writeLayout(layout: Layout): void {
  descriptor[at.elementOffset] = layout.elementOffset
  descriptor[at.groupSize] = layout.groupSize
  descriptor[at.unitSize] = layout.unitSize
}

/** `counted`: the rows have the counts already. */
export function writeCall(settings: Settings, layout: Layout, draw: Draw, counted: boolean): void {
  writeSettings(settings)
  writeLayout(layout)
  descriptor[at.seedLow] = draw.seedLow
  descriptor[at.seedHigh] = draw.seedHigh
  descriptor[at.callLow] = draw.callLow
  descriptor[at.callHigh] = draw.callHigh
  descriptor[at.counted] = counted ? 1 : 0
}
