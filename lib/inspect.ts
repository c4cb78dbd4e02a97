/** What an object of this package shows to `util.inspect`, and why no copy of one can be made. */
import { inspect, type InspectOptions } from 'node:util'
import { notCloneable } from './errors'

/** The same in all realms. */
const CUSTOM = Symbol.for('nodejs.util.inspect.custom')

interface Context extends InspectOptions {
  stylize?: (text: string, style: 'special') => string
}

/**
 * Makes the instances of a class show what they hold, in place of nothing.
 *
 * @param fieldsOf what to show, without waiting for anything
 * @param isInstance prototypes and impostors are shown as Node does
 */
export function inspectable<T extends object>(
  Class: { readonly prototype: T },
  name: (value: T) => string,
  fieldsOf: (value: T) => object,
  isInstance: (value: object) => boolean,
): void {
  function show(this: T, depth: unknown, options: Context = {}): unknown {
    if (!isInstance(this)) return this
    const title = name(this)
    if (typeof depth === 'number' && depth < 0) {
      return options.stylize === undefined ? `[${title}]` : options.stylize(`[${title}]`, 'special')
    }
    const fields = inspect(fieldsOf(this), { ...options, depth: typeof depth === 'number' ? depth : null })
    return `${title} ${fields}`
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
