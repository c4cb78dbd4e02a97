/** A realm as test runners make it: a vm context with classes of its own, into which dist/ is loaded once more. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { compileFunction, createContext, runInContext, runInThisContext, type Context } from 'node:vm'
import type * as Jumpout from 'jumpout'
import { root } from './program'

const DIST = join(root, 'dist')

export interface Realm {
  readonly jumpout: typeof Jumpout
  /** Its own class of that name. */
  get(expression: string): unknown
}

/** That of the thread itself, a worker's or the main one. */
export const realmOfThread = (): Realm => ({
  jumpout: require('jumpout') as typeof Jumpout,
  get: (expression) => runInThisContext(expression) as unknown,
})

/** What is not in dist/, the addon among it, comes from Node's own `require` and its cache. */
export function makeRealm(globals: object = {}): Realm & { readonly context: Context } {
  const context = createContext(globals)
  const modules = new Map<string, { exports: unknown }>()
  const load = (file: string): unknown => {
    const known = modules.get(file)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    modules.set(file, module)
    const parameters = ['exports', 'require', 'module', '__filename', '__dirname']
    const run = compileFunction(readFileSync(file, 'utf8'), parameters, {
      filename: file,
      parsingContext: context,
    })
    const outside = createRequire(file)
    const requireFrom = (request: string): unknown =>
      /^\.\.?\//.test(request) ? load(outside.resolve(request)) : outside(request)
    run.call(module.exports, module.exports, requireFrom, module, file, dirname(file))
    return module.exports
  }
  const get = (expression: string): unknown => runInContext(expression, context)
  return { context, jumpout: load(join(DIST, 'index.js')) as typeof Jumpout, get }
}
