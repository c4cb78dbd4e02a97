/**
 * `npm run load -- --seconds N --seed S [--device] [--leak BYTES] [--workers N] [--longest ELEMENTS] [--limit BYTES]`: worker threads
 * that call everything at once. The limit is that of growth, in bytes in use per act.
 * `npm run load -- ends --times N --seed S [--device] [--node PATH] [--only END]
 * [--patience SECONDS] [--control]`: processes and workers that end.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath, exit } from 'node:process'
import { parseArgs } from 'node:util'
import { buildAddon } from '../addon'
import { slopeInterval } from '../growth'
import { root } from '../program'
import { endNames, runEnds } from './ends'
import { type Load, runLoad, type Sample } from './process'

const ROUNDS = 60
/** The part of the rounds before the plateau, which is not judged. */
const WARM_UP = 0.25
/** Bytes per act that are growth of the resident set: half a page. */
const RESIDENT_LIMIT = 2048

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    times: { type: 'string', default: '20' },
    seed: { type: 'string' },
    device: { type: 'boolean', default: false },
    leak: { type: 'string', default: '0' },
    workers: { type: 'string', default: '8' },
    longest: { type: 'string', default: '3000000' },
    limit: { type: 'string', default: '2048' },
    node: { type: 'string', default: execPath },
    only: { type: 'string' },
    control: { type: 'boolean', default: false },
    patience: { type: 'string', default: '10' },
  },
})
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const emulated = join(root, 'build', 'emulated', 'Release', 'jumpout.node')
const env: Record<string, string> = values.device ? { JUMPOUT_BINARY: emulated } : {}

/** Whether a figure grows, with what the samples say. */
function judge(samples: readonly Sample[], name: 'used' | 'resident', limit: number): boolean {
  const plateau = samples.slice(Math.floor(WARM_UP * samples.length))
  const { slope, low, high } = slopeInterval(
    plateau.map(({ calls }) => calls),
    plateau.map((sample) => sample[name]),
  )
  const bytes = [slope, low, high].map((value) => value.toFixed(1))
  console.log(
    `${name}: ${bytes[0]} bytes per act, 95% from ${bytes[1]} to ${bytes[2]}, ${plateau.length} samples`,
  )
  return high > limit
}

async function load(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout-load-'))
  try {
    const { outcome, load } = await runLoad(
      {
        seed,
        workers: Number(values.workers),
        rounds: ROUNDS,
        acts: Number.MAX_SAFE_INTEGER,
        milliseconds: (1000 * Number(values.seconds)) / ROUNDS,
        longest: Number(values.longest),
        device: values.device,
        held: buildAddon('held/held.c', folder),
        leak: Number(values.leak),
      },
      env,
    )
    if (load === undefined) {
      console.error(outcome)
      return false
    }
    report(load)
    const grows = [
      judge(load.samples, 'used', Number(values.limit)),
      judge(load.samples, 'resident', RESIDENT_LIMIT),
    ]
    return !grows.includes(true)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function report({ counts, samples, handles }: Load): void {
  for (const { calls, used, resident } of samples)
    console.log(
      `${calls} acts, ${Math.round(used / 1e6)} MB in use, ${Math.round(resident / 1e6)} MB resident`,
    )
  console.log(counts)
  console.log('open before and after', handles)
}

async function ends(): Promise<boolean> {
  let right = true
  const version = execFileSync(values.node, ['--version'], { encoding: 'utf8' }).trim()
  console.log(`Node ${version}`)
  for (const end of endNames.filter((name) => values.only === undefined || name === values.only)) {
    const tally = await runEnds({
      node: values.node,
      major: Number(/\d+/.exec(version)?.[0]),
      end,
      seed,
      times: Number(values.times),
      work: values.control ? 'node' : 'jumpout',
      device: values.device,
      env,
      patience: 1000 * Number(values.patience),
    })
    console.log(end, JSON.stringify({ ...tally, failures: tally.failures.length }))
    for (const failure of tally.failures) console.error(failure.slice(0, 6000))
    right &&= tally.failures.length === 0 && tally.hangs === 0
  }
  return right
}

async function main(): Promise<void> {
  console.log(`seed ${seed}`)
  if (!(await (positionals[0] === 'ends' ? ends() : load()))) exit(1)
}

void main()
