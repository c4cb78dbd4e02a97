/** `npm run fuzz:js -- --cases N --seed S`: random cases, in child processes, so that a crash is one of the outcomes. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { argv, exit } from 'node:process'
import { parseArgs } from 'node:util'
import { programPath, root, runNode, typescript } from '../program'

const BATCH = 10_000

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    trace: { type: 'boolean' },
  },
})
const cases = Number(values.cases)
const first = Number(values.seed ?? Date.now() % 2 ** 31)

const emulated = join(root, 'build', 'emulated', 'Release', 'jumpout.node')
/** One after the other. */
const PLACES: { env: Record<string, string>; kind: string[] }[] = [
  { env: {}, kind: [] },
  ...(existsSync(emulated) ? [{ env: { JUMPOUT_BINARY: emulated }, kind: [] }] : []),
  { env: {}, kind: ['tfjs'] },
]

async function main(): Promise<void> {
  const total: Record<string, number> = {}
  const start = performance.now()
  for (let done = 0, batch = 0; done < cases; ++batch) {
    const seed = first + batch
    const { env, kind } = PLACES[batch % PLACES.length]
    const count = Math.min(BATCH, cases - done)
    const args = [String(count), String(seed), ...kind, ...(values.trace ? ['trace'] : [])]
    const { code, signal, stdout, stderr } = await runNode(
      [...typescript, programPath('hostile-values.ts'), ...args],
      { env },
    )
    if (code !== 0) {
      console.error(stdout.slice(-4000), stderr.slice(-8000))
      console.error(`ended with ${signal ?? code}: ${count} cases of seed ${seed}`, env, ...kind)
      exit(1)
    }
    done += count
    for (const [what, number] of Object.entries(
      JSON.parse(stdout.trim().split('\n').at(-1) as string) as typeof total,
    ))
      total[what] = (total[what] ?? 0) + number
    const rate = Math.round((1000 * done) / (performance.now() - start))
    console.log(`${done} cases, ${rate} per second, the last of seed ${seed}`)
  }
  console.log(total)
}

void main()
