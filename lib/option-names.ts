/** The names of options: a misspelt one must not stand for no option at all. */
import { isBoxedPrimitive } from 'node:util/types'
import { invalidType, kindOfObject, unknownOption } from './errors'

/** Each name of an interface of options once: the compiler refuses a list with one too few or one too many. */
export type NamesOf<T> = { readonly [K in keyof T]-?: true }

export interface OptionNames {
  /** What takes these options, in words. */
  readonly place: string
  readonly names: ReadonlySet<string>
  /** Those of the last options, in their order: comparing is several times faster than looking up. */
  readonly recent: string[]
}

const everywhere: OptionNames[] = []

/** @param place what to tell those who give these options to something else; `named` false: nothing */
export function optionNames<T>(place: string, names: NamesOf<T>, named = true): OptionNames {
  const known = { place, names: new Set(Object.keys(names)), recent: [] }
  if (named) everywhere.push(known)
  return known
}

/** What other libraries call them. */
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

/** Letters to insert, leave out, replace or swap with the next. */
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

/** The known name that was probably meant. */
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
  const hint = plain(name)
  if (Object.hasOwn(HINTS, hint)) return HINTS[hint]
  if (name.length > LONGEST_NAME) return ''
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

function refuseUnknown(options: object, name: string, known: OptionNames, argument: string): void {
  assertBag(options, argument)
  if (!Object.hasOwn(options, name) || (options as Record<string, unknown>)[name] === undefined) return
  const shown = name.length > LONGEST_NAME ? `a name of ${name.length} characters` : `'${name}'`
  throw unknownOption(argument, known.place, shown, hintOn(name, known))
}

/** What would list its elements as names, however many there are. */
const hasElements = (value: object): boolean =>
  ArrayBuffer.isView(value) || Array.isArray(value) || value instanceof String

/** Things that are something else than a bag of options, and would stand for none. */
function assertBag(value: object, argument: string): void {
  // As plain objects say: asking for the prototype is a call of the engine's runtime.
  if (value.constructor === Object) return
  if (isBoxedPrimitive(value) || kindOfObject(value) !== undefined)
    throw invalidType('an object', argument, value)
}

/**
 * An object whose own enumerable names are known, or have no value. Primitives would silently stand for no option at all.
 * No known option is read.
 */
export function assertOptions(
  value: unknown,
  known: OptionNames,
  argument = 'options',
): asserts value is object {
  if (typeof value !== 'object' || value === null || hasElements(value))
    throw invalidType('an object', argument, value)
  const { names, recent } = known
  let at = 0
  for (const name in value) {
    if (name !== recent[at]) {
      if (names.has(name)) recent[at] = name
      else refuseUnknown(value, name, known, argument)
    }
    ++at
  }
  if (at === 0) assertBag(value, argument)
}
