/** The copies of TensorFlow.js that the user works with: they are peers, and loaded only where they are there. */
import type * as Core from '@tensorflow/tfjs-core'
import type * as Layers from '@tensorflow/tfjs-layers'
import { createRequire } from 'node:module'
import { noTfjs } from '../errors'

export type { Core, Layers }

interface Peer {
  readonly name: string
  readonly main: RegExp
  /** In full, so that bundlers and tracers see it. */
  readonly resolve: () => string
}

const CORE: Peer = {
  name: '@tensorflow/tfjs-core',
  main: /@tensorflow[\\/]tfjs-core[\\/]dist[\\/]tf-core\.node\.js$/,
  resolve: () => require.resolve('@tensorflow/tfjs-core'),
}
const LAYERS: Peer = {
  name: '@tensorflow/tfjs-layers',
  main: /@tensorflow[\\/]tfjs-layers[\\/]dist[\\/]tf-layers\.node\.js$/,
  resolve: () => require.resolve('@tensorflow/tfjs-layers'),
}

/** Files that nobody but this module has loaded so far. */
const ours = new Set<string>()

/**
 * The file of the copy in use. That may be another one than this package resolves, as with pnpm or in a linked folder: what
 * somebody else has loaded is preferred to what only this module has.
 */
function fileOf({ main, resolve }: Peer): string | undefined {
  let resolved: string | undefined
  try {
    resolved = resolve()
  } catch {
    // Not where this package looks; it may be loaded all the same.
  }
  const theirs = Object.keys(require.cache).filter((file) => main.test(file) && !ours.has(file))
  return resolved !== undefined && theirs.includes(resolved) ? resolved : (theirs.at(-1) ?? resolved)
}

function load(file: string): unknown {
  if (require.cache[file] === undefined) ours.add(file)
  return require(file)
}

/** @throws Error (`ERR_NO_TFJS`) */
export function loadCore(): typeof Core {
  const file = fileOf(CORE)
  if (file === undefined) throw noTfjs(CORE.name, 'jumpout/tfjs')
  return load(file) as typeof Core
}

let used: typeof Core | undefined

/** To be called where there is a tensor: then the copy that made it is loaded, and stays the one. */
export const coreInUse = (): typeof Core => (used ??= loadCore())

/** tfjs-layers, and the core that it is built on; undefined where they are not. */
export function findLayers(): { tf: typeof Core; tfl: typeof Layers } | undefined {
  const file = fileOf(LAYERS)
  if (file === undefined) return undefined
  const core = createRequire(file).resolve(CORE.name)
  return { tf: load(core) as typeof Core, tfl: load(file) as typeof Layers }
}

/** @throws Error (`ERR_NO_TFJS`) */
export function loadLayers(): NonNullable<ReturnType<typeof findLayers>> {
  const found = findLayers()
  if (found === undefined) throw noTfjs(LAYERS.name, 'the layer of jumpout/tfjs')
  return found
}
