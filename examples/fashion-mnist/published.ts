/** The run that the repository publishes, and whether another one came out the same. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Method, Options } from './options'

export const PUBLISHED = join(__dirname, 'results')

/** What identifies a run, and the digest of all it trained. */
export interface Digest {
  method: Method
  seed: number
  parametersSha256: string
}

export interface Comparable {
  options: Partial<Options>
  runs: readonly Digest[]
}

export const readPublished = async (): Promise<Comparable> =>
  JSON.parse(await readFile(join(PUBLISHED, 'results.json'), 'utf8')) as Comparable

/** Options that choose which runs are made, or where: the bits of one run do not depend on them. */
const NEUTRAL: readonly (keyof Options)[] = ['methods', 'seeds', 'workers', 'out']

/** One sentence for the terminal: the same bits, or which runs differ, or why that cannot be said. */
export function compareWithPublished(own: Comparable, published: Comparable): string {
  const names = new Set([...Object.keys(own.options), ...Object.keys(published.options)] as (keyof Options)[])
  const others = [...names].filter(
    (name) => !NEUTRAL.includes(name) && own.options[name] !== published.options[name],
  )
  if (others.length > 0) {
    const list = others.map(
      (name) => `${name} ${String(own.options[name])}, there ${String(published.options[name])}`,
    )
    return `not comparable with the published run: ${list.join('; ')}`
  }
  const key = ({ method, seed }: Digest) => `${method}, seed ${seed}`
  const digests = new Map(published.runs.map((run) => [key(run), run.parametersSha256]))
  const compared = own.runs.filter((run) => digests.has(key(run)))
  if (compared.length === 0) return 'not comparable with the published run: it has none of these runs'
  const different = compared.filter((run) => digests.get(key(run)) !== run.parametersSha256)
  const count = `${compared.length} of its ${published.runs.length} runs compared`
  if (different.length === 0) return `same bits as the published run (${count})`
  return `other bits than the published run (${count}): ${different.map(key).join('; ')}`
}
