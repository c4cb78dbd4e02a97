/** What the classes of this package share: private constructors, `util.inspect`, and refusal of copies. */
import { inspect, type InspectOptions } from 'node:util'
import { invalidType, nameKind, notCloneable } from './errors'

/** `using` needs Symbol.dispose. The first releases of Node.js 20 lack it; this is the symbol that later ones use. */
if (typeof Symbol.dispose !== 'symbol') {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol.for('nodejs.dispose') })
}

declare const _unknownToCompiler: unique symbol

/** The type of Symbol.dispose where `esnext.disposable` or @types/node declares it. */
type DisposeSymbol = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? S
  : typeof _unknownToCompiler

export const dispose: DisposeSymbol = Symbol.dispose

/** The first argument of constructors that only this package may call. No caller can get it. */
export const KEY = Symbol('jumpout')

export function assertKey(key: unknown, expected: string, Class: string): void {
  if (key !== KEY) throw invalidType(expected, Class, key)
}

/** Registered, so the same in all realms. */
const CUSTOM = Symbol.for('nodejs.util.inspect.custom')

interface Context extends InspectOptions {
  stylize?: (text: string, style: 'special') => string
}

/** How instances of a class appear in errors and in `util.inspect`. */
interface Looks<T> {
  /** False for prototypes and impostors, which appear as Node shows them. */
  isInstance: (value: object) => value is T & object
  /** In errors: 'a Stream'. */
  kind: string
  /** In `util.inspect`. */
  title: (value: T) => string
  /** The fields to show, read without waiting. */
  fields: (value: T) => object
}

/** Names a class in errors, and makes `util.inspect` show the fields of its instances, which are private. */
export function present<T extends object>(Class: { readonly prototype: T }, looks: Looks<T>): void {
  const { isInstance, kind, title, fields } = looks
  nameKind((value) => (isInstance(value) ? kind : undefined))
  function show(this: T, depth: unknown, options: Context = {}): unknown {
    if (!isInstance(this)) return this
    const name = title(this)
    if (typeof depth === 'number' && depth < 0) {
      return options.stylize === undefined ? `[${name}]` : options.stylize(`[${name}]`, 'special')
    }
    const shown = inspect(fields(this), { ...options, depth: typeof depth === 'number' ? depth : null })
    return `${name} ${shown}`
  }
  Object.defineProperty(Class.prototype, CUSTOM, { value: show, configurable: true, writable: true })
}

/** 'Jumpout', or the name of a subclass. */
export function classNameOf(value: object, missing: string): string {
  const { constructor } = value as { constructor?: { name?: unknown } }
  const name = typeof constructor === 'function' ? constructor.name : undefined
  return typeof name === 'string' && name !== '' ? name : missing
}

/**
 * A value for a field of instances whose private state cannot be copied. `structuredClone`, `postMessage` and JSON read own
 * enumerable fields: this one throws, where they would make an empty object. One value serves a whole class.
 */
export function uncloneable(what: string, instead: string): object {
  const refuse = (): never => {
    throw notCloneable(what, instead)
  }
  return Object.freeze(
    Object.defineProperties(
      {},
      {
        instead: { enumerable: true, get: refuse },
        // JSON passes a key. Printers that call this method pass none, and must not fail.
        toJSON: { value: (...key: unknown[]) => (key.length === 0 ? instead : refuse()) },
        [CUSTOM]: { value: () => instead },
      },
    ),
  )
}
