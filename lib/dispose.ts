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
