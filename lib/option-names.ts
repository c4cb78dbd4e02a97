/** The names of options: a misspelt name is an error, with a hint, and is never ignored. */
import { isProxy } from 'node:util/types'
import { invalidType, isObject, kindOfObject, outOfRange, unknownOption } from './errors'

/** All names of an interface of options: the compiler refuses a missing or an extra name. */
export type NamesOf<T> = { readonly [K in keyof T]-?: true }

export interface OptionNames {
  /** The function that takes these options, in words. */
  readonly place: string
  readonly names: ReadonlySet<string>
  /** The names of the last options, in order: comparing with them is several times faster than a lookup. */
  readonly recent: string[]
}

const everywhere: OptionNames[] = []

/** @param named whether hints on names that another function refuses mention `place` */
export function optionNames<T>(place: string, names: NamesOf<T>, named = true): OptionNames {
  const known = { place, names: new Set(Object.keys(names)), recent: [] }
  if (named) everywhere.push(known)
  return known
}

/** Names in other libraries. */
const SYNONYMS: Readonly<Record<string, string>> = {
  p: 'rate',
  prob: 'rate',
  probability: 'rate',
  drop: 'rate',
  dropout: 'rate',
  droprate: 'rate',
  dropoutrate: 'rate',
  std: 'sigma',
  layout: 'shape',
  output: 'out',
  dst: 'out',
  start: 'call',
  gpu: 'device',
  type: 'dtype',
}

const ALWAYS_DROPS = '; functions always drop, and a layer does unless it is in evaluation, layer.eval()'
const IN_PLACE = '; `out` may be the input itself, which works in place'

const HINTS: Readonly<Record<string, string>> = {
  training: ALWAYS_DROPS,
  train: ALWAYS_DROPS,
  eval: ALWAYS_DROPS,
  evaluation: ALWAYS_DROPS,
  inference: ALWAYS_DROPS,
  mode: ALWAYS_DROPS,
  inplace: IN_PLACE,
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Number of letters to insert, remove, replace or swap with the next (edit distance with transpositions). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; ++i) {
    rows.push([i])
    for (let j = 1; j <= b.length; ++j) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2][j - 2] + 1 : Infinity
      rows[i].push(Math.min(replaced, swapped, rows[i - 1][j] + 1, rows[i][j - 1] + 1))
    }
  }
  return rows[a.length][b.length]
}

/** The known name that `name` was probably meant to be. */
function nearest(name: string, names: ReadonlySet<string>): string | undefined {
  const wanted = plain(name)
  if (wanted.length === 0) return undefined
  const meant = Object.hasOwn(SYNONYMS, wanted) ? SYNONYMS[wanted] : undefined
  if (meant !== undefined && names.has(meant)) return meant
  let best: string | undefined
  let least = Infinity
  for (const known of names) {
    const form = plain(known)
    const begins = wanted.length >= 3 && (form.startsWith(wanted) || wanted.startsWith(form))
    const steps = Math.min(distance(wanted, form), begins ? 1 : Infinity)
    // A third of the letters may be wrong.
    if (steps < least && 3 * steps <= Math.max(wanted.length, 3)) {
      best = known
      least = steps
    }
  }
  return best
}

const LONGEST_NAME = 40

function hintOn(name: string, known: OptionNames): string {
  if (name.length > LONGEST_NAME) return ''
  const hint = plain(name)
  if (Object.hasOwn(HINTS, hint)) return HINTS[hint]
  const near = nearest(name, known.names)
  const meant = near === undefined ? '' : `; did you mean '${near}'?`
  if (isKnown(name)) return `${placesOf(name)}${meant}`
  if (near !== undefined) return meant
  const far = nearest(name, new Set(everywhere.flatMap(({ names }) => [...names])))
  return far === undefined ? '' : `; did you mean '${far}'${placesOf(far)}?`
}

const isKnown = (name: string): boolean => everywhere.some(({ names }) => names.has(name))

const placesOf = (name: string): string =>
  `, an option of ${everywhere
    .filter(({ names }) => names.has(name))
    .map(({ place }) => place)
    .join(', ')}`

/** Bounds the time that names with the value undefined take. */
const MOST_NAMES = 1024

function refuseUnknown(
  options: object,
  name: string,
  at: number,
  known: OptionNames,
  argument: string,
): void {
  if (kindOfObject(options) !== undefined) throw invalidType('an object', argument, options)
  if (at >= MOST_NAMES) throw outOfRange(`at most ${MOST_NAMES} names`, argument, 'more')
  if (!Object.hasOwn(options, name) || (options as Record<string, unknown>)[name] === undefined) return
  const shown = name.length > LONGEST_NAME ? `a name of ${name.length} characters` : `'${name}'`
  throw unknownOption(argument, known.place, shown, hintOn(name, known))
}

/** Objects whose elements `for in` would list as names, however many there are. */
const hasElements = (value: object): boolean =>
  ArrayBuffer.isView(value) || Array.isArray(value) || value instanceof String

/** Most objects of the language and of Node.js have one, also those whose prototype tells nothing. */
const hasTag = (value: object): boolean =>
  (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] !== undefined

/** Whether its prototype is null, or `Object.prototype` of any realm. */
function isOrdinary(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function hasSome(value: object, names: ReadonlySet<string>): boolean {
  for (const name of names) if (name in value) return true
  return false
}

/** Refuses objects of a class that have no option, and would count as an empty bag: a promise, a Map, a signal. */
function assertBag(value: object, { names, place }: OptionNames, argument: string): void {
  if (!hasTag(value)) {
    // The common case. Reading the prototype would be a call of the engine's runtime.
    if (value.constructor === Object) return
    if (isOrdinary(value)) return
  }
  if (kindOfObject(value) === undefined && (isProxy(value) || hasSome(value, names))) return
  throw invalidType(`an object with options of ${place}`, argument, value)
}

/**
 * An object whose own enumerable names are known, or have the value undefined. Other values would count as no options.
 * Reads no known option.
 */
export function assertOptions(
  value: unknown,
  known: OptionNames,
  argument = 'options',
): asserts value is object {
  if (!isObject(value) || hasElements(value)) throw invalidType('an object', argument, value)
  const { names, recent } = known
  let at = 0
  let unknown = 0
  for (const name in value) {
    if (name !== recent[at]) {
      if (names.has(name)) recent[at] = name
      else {
        refuseUnknown(value, name, at, known, argument)
        ++unknown
      }
    }
    ++at
  }
  if (at === unknown) assertBag(value, known, argument)
}

/** The options of an object, its own and inherited ones: spreading it would lose the latter. */
export const optionsIn = (options: object, { names }: OptionNames): object =>
  Object.fromEntries(
    [...names].filter((name) => name in options).map((name) => [name, options[name as keyof object]]),
  )
