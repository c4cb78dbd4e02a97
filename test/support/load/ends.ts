/** Runs test/programs/ends.js, whose arguments these are: the ways to end, and what must come of each. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type Outcome, programPath } from '../program'

interface Expected {
  code: number | null
  signal?: NodeJS.Signals
  /** In what the process writes to stderr, which is empty otherwise. */
  says?: RegExp
  /** Whether Node leaves by process.exit, which may never return on Node 24 (docs/architecture.md, Decisions). */
  leaves?: boolean
}

const ERROR = { code: 1, says: /Error: the end\n/, leaves: true }

/** Of the process. */
const ENDS: Record<string, Expected> = {
  exit: { code: 7, leaves: true },
  throw: ERROR,
  reject: ERROR,
  SIGTERM: { code: null, signal: 'SIGTERM' },
  SIGINT: { code: null, signal: 'SIGINT' },
  'SIGTERM exit': { code: 8, leaves: true },
  'SIGINT drain': { code: 9 },
  'worker terminate': { code: 0 },
  'worker exit': { code: 0 },
  'worker throw': { code: 0 },
  'worker reject': { code: 0 },
}
export const endNames = Object.keys(ENDS)

/** Workers that end in one process. */
const WORKERS = 10

interface Settings {
  end: string
  seed: number
  /** Workers beside the main thread, while that ends. */
  threads: number
  /** Workers that end. */
  times: number
  /** Most milliseconds before an end. */
  milliseconds: number
  /** The package's, or Node's own as a control. */
  work: 'jumpout' | 'node'
  device: boolean
}

export interface Run {
  /** The program of Node, and its version. */
  node: string
  major: number
  end: string
  seed: number
  times: number
  work: Settings['work']
  device: boolean
  env: Record<string, string | undefined>
  /** Milliseconds of sleep after which a process hangs. */
  patience: number
}

export interface Tally {
  ends: number
  /** In how many of them at least one call was in flight, by kind. */
  inFlight: Record<string, number>
  hangs: number
  /** Hangs that are known of Node itself. */
  hangsOfNode: number
  /** Processes that ended otherwise than they must. */
  failures: string[]
}

/** Ticks of processors that a process has used; undefined while one of its threads could run, and where nothing tells. */
function ticksAtRest(pid: number): number | undefined {
  try {
    const stats = readdirSync(`/proc/${pid}/task`).map((task) =>
      readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' '),
    )
    if (stats.some(([state]) => state !== 'S')) return undefined
    return stats.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0)
  } catch {
    return undefined
  }
}

/** Runs a process until it ends, or until all of its threads have slept for `patience` milliseconds: it hangs, and is killed. */
function untilEnd(
  node: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  patience: number,
): Promise<Outcome & { hangs: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const outcome = { code: null, signal: null, stdout: '', stderr: '', hangs: false }
    let [ticks, since]: [number | undefined, number] = [undefined, performance.now()]
    const watch = setInterval(() => {
      const now = ticksAtRest(child.pid as number)
      if (now === undefined || now !== ticks) since = performance.now()
      ticks = now
      if (performance.now() - since < patience) return
      outcome.hangs = true
      child.kill('SIGKILL')
    }, 200)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearInterval(watch)
      resolve({ ...outcome, code, signal })
    })
  })
}

type Flight = Record<string, number>

async function runOnce(run: Run, seed: number, times: number, tally: Tally): Promise<void> {
  const { node, end, work, device, env, patience } = run
  const settings: Settings = { end, seed, threads: seed % 3, times, milliseconds: 20, work, device }
  const args = [programPath('ends.js'), JSON.stringify(settings)]
  const environment = { ...process.env, ...env, NODE_OPTIONS: undefined }
  const { hangs, ...outcome } = await untilEnd(node, args, environment, patience)
  const flights = outcome.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Flight)
  tally.ends += flights.length
  for (const flight of flights) {
    for (const [kind, count] of Object.entries(flight))
      tally.inFlight[kind] = (tally.inFlight[kind] ?? 0) + (count > 0 ? 1 : 0)
    if (Object.values(flight).some((count) => count > 0)) tally.inFlight.any = (tally.inFlight.any ?? 0) + 1
  }
  const { code, signal = null, says = /^$/, leaves = false } = ENDS[end]
  if (hangs) {
    tally[leaves && run.major >= 24 ? 'hangsOfNode' : 'hangs'] += 1
    return
  }
  const isRight =
    outcome.code === code &&
    outcome.signal === signal &&
    says.test(outcome.stderr) &&
    flights.length === times
  if (!isRight) tally.failures.push(JSON.stringify({ settings, ...outcome }))
}

/** `times` ends of one kind, two processes at once. */
export async function runEnds(run: Run): Promise<Tally> {
  const tally: Tally = { ends: 0, inFlight: {}, hangs: 0, hangsOfNode: 0, failures: [] }
  const perProcess = run.end.startsWith('worker ') ? WORKERS : 1
  let begun = 0
  const chain = async () => {
    while (begun < run.times) {
      const times = Math.min(perProcess, run.times - begun)
      begun += times
      await runOnce(run, run.seed + begun, times, tally)
    }
  }
  await Promise.all([chain(), chain()])
  return tally
}
