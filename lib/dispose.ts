/** `using` needs Symbol.dispose, which the first releases of Node.js 20 do not have: theirs is the one that later ones use. */
if (typeof Symbol.dispose !== 'symbol') {
  Object.defineProperty(Symbol, 'dispose', { value: Symbol.for('nodejs.dispose') })
}

export const dispose: typeof Symbol.dispose = Symbol.dispose
