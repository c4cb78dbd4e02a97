/** What the classes of this package have in common: who may construct them, what they show, why no copy can be made. */
import { inspect, type InspectOptions } from 'node:util'
import { invalidType, nameKind, notCloneable } from './errors'

/** `using` needs Symbol.dispose, which the first releases of Node.js 20 do not have: theirs is the one that later ones use. */
if (typeof Symbol.dispose !== 'symbol') {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol.for('nodejs.dispose') })
}

declare const _unknownToCompiler: unique symbol

/** The type of Symbol.dispose, which compilers know from `esnext.disposable` or from @types/node, if at all. */
type DisposeSymbol = SymbolConstructor extends { readonly dispose: infer S extends symbol }
  ? S
  : typeof _unknownToCompiler

export const dispose: DisposeSymbol = Symbol.dispose

/** The first argument of constructors that this package alone may call. It is never handed out. */
export const KEY = Symbol('jumpout')

export function assertKey(key: unknown, expected: string, Class: string): void {
  if (key !== KEY) throw invalidType(expected, Class, key)
}

/** The same in all realms. */
const CUSTOM = Symbol.for('nodejs.util.inspect.custom')

interface Context extends InspectOptions {
  stylize?: (text: string, style: 'special') => string
}

/** How instances of a class present themselves. */
interface Looks<T> {
  /** Tells instances from prototypes and impostors, which are shown as Node does. */
  isInstance: (value: object) => value is T & object
  /** In errors: 'a Stream'. */
  kind: string
  /** In `util.inspect`. */
  title: (value: T) => string
  /** What to show, without waiting for anything. */
  fields: (value: T) => object
}

/** Names a class in errors, and makes its instances show what they hold, in place of nothing. */
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
 * For a field of instances whose private state no copy would have: `structuredClone`, `postMessage` and JSON read own
 * enumerable fields, and find one that throws, where they would have made an empty object. One serves a whole class.
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
        // JSON hands over a key. Printers that look for this method do not, and must not fail.
        toJSON: { value: (...key: unknown[]) => (key.length === 0 ? instead : refuse()) },
        [CUSTOM]: { value: () => instead },
      },
    ),
  )
}
