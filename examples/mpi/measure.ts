/**
 * Times the message of a layer, two numbers summed over 1, 2 and 4 ranks of this machine, and writes results/overhead.json
 * and its picture: npx tsx examples/mpi/measure.ts. `--draw` draws the numbers that are there.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jumpoutForward, runtime } from 'jumpout'
import { commit, machine } from '../../bench/machine'
import { connect } from './communicator'
import type { Transport } from './model'
import { draw } from './picture'

const LOOPBACK = ['--mca', 'btl_tcp_if_include', 'lo', '--mca', 'oob_tcp_if_include', 'lo', '--oversubscribe']
const TRANSPORTS = { 'TCP on the loopback interface': 'tcp,self', 'shared memory': 'vader,self' }
const RANKS = [1, 2, 4]
const ROUNDS = 40
const CALLS = 100
const ELEMENTS = 2 ** 20

const FILE = join(__dirname, 'results', 'overhead.json')

export interface Overhead {
  readonly date: string
  readonly commit: string
  readonly machine: { readonly cpu: string; readonly cores: number }
  readonly versions: Readonly<Record<string, string>>
  readonly notes: readonly string[]
  readonly transports: readonly Transport[]
  /** Of ReLU and jumpout on 2^20 elements in one process, its output reused. */
  readonly forwardMicroseconds: number
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** Median microseconds of a call, over rounds. */
function time(rounds: number, calls: number, call: () => void): number {
  const measured = Array.from({ length: rounds }, () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) call()
    return Number(process.hrtime.bigint() - start) / 1000 / calls
  })
  return Number(median(measured.slice(rounds / 4)).toPrecision(4)) // the first quarter warms up
}

/** What each rank does. */
async function measureSum(): Promise<void> {
  const world = await connect()
  const counts = new Float64Array(2)
  const microseconds = time(ROUNDS, CALLS, () => world.sum(counts))
  if (world.rank === 0) process.stdout.write(`${microseconds}\n`)
  world.close()
}

function mpirun(ranks: number, btl: string): number {
  const program = [process.execPath, ...process.execArgv, __filename, '--rank']
  const args = [...LOOPBACK, '--mca', 'btl', btl, '-n', `${ranks}`, ...program]
  const microseconds = Number(execFileSync('mpirun', args, { encoding: 'utf8' }))
  if (!(microseconds > 0)) throw new Error(`mpirun on ${ranks} ranks gave no time`)
  return microseconds
}

function measure(): Overhead {
  const input = Float32Array.from({ length: ELEMENTS }, (_, i) => (i % 7) - 3)
  const out = new Float32Array(ELEMENTS)
  const mask = new Uint32Array(ELEMENTS / 32)
  const [, openMpi = 'unknown'] =
    /([\d.]+)\s*$/m.exec(execFileSync('mpirun', ['--version'], { encoding: 'utf8' })) ?? []
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: { cpu: machine.cpu, cores: machine.cores },
    versions: { jumpout: runtime.version, isa: runtime.cpu.isa, node: process.version, openMpi },
    notes: [
      `Microseconds of MPI_Allreduce of two doubles, called from Node by koffi: median of ${(3 * ROUNDS) / 4} means of ${CALLS} calls.`,
      `Ranks on one machine of ${machine.cores} cores: more ranks than cores take turns on them.`,
    ],
    transports: Object.entries(TRANSPORTS).map(([name, btl]) => ({
      name,
      times: RANKS.map((ranks) => ({ ranks, microseconds: mpirun(ranks, btl) })),
    })),
    forwardMicroseconds: time(40, 10, () => jumpoutForward(input, { seed: 1, relu: true, out, mask })),
  }
}

async function main(): Promise<void> {
  if (process.argv.includes('--rank')) return measureSum()
  if (!process.argv.includes('--draw')) writeFileSync(FILE, `${JSON.stringify(measure(), null, 2)}\n`)
  const measured = JSON.parse(readFileSync(FILE, 'utf8')) as Overhead
  writeFileSync(FILE.replace('.json', '.svg'), await draw(measured))
  console.log(measured)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
