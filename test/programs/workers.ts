/** Worker threads, and what they share. The first argument chooses. */
import { setTimeout } from 'node:timers/promises'
import type * as Jumpout from 'jumpout'
import { end, message, report, runProgramFile, startWorker } from '../support/workers'

const LENGTH = 600_000
const WORKERS = 3

// Not imported above: some of the ways leave the main thread without the addon.
const jumpout = () => require('jumpout') as typeof Jumpout

const start = (task: keyof typeof tasks, data?: unknown) => startWorker(__filename, task, data)

const flood = (count: number) => {
  const { jumpoutForwardAsync } = jumpout()
  return Array.from({ length: count }, (_, call) =>
    jumpoutForwardAsync(new Float32Array(LENGTH), { seed: 1, call }),
  )
}

/** 40 calls, sync and async in turn, as one number for each. */
async function checksums(): Promise<number[]> {
  const { jumpoutBackward, jumpoutForward, jumpoutForwardAsync } = jumpout()
  const input = new Float32Array(LENGTH).fill(1)
  const sums: number[] = []
  for (let call = 0; call < 40; ++call) {
    const options = { seed: 5, call }
    const { output, saved } =
      call % 2 === 0 ? jumpoutForward(input, options) : await jumpoutForwardAsync(input, options)
    const gradient = jumpoutBackward(output, saved)
    sums.push(gradient.reduce((sum, g, i) => (sum + (g === 0 ? 0 : i)) % 1_000_003, 0))
  }
  return sums
}

/** The tasks of a worker. */
const tasks = {
  checksums: async () => report(await checksums()),
  floodAndEnd: () => void flood(16),
  once: () => {
    const { output } = jumpout().jumpoutForward(new Float32Array(LENGTH).fill(1), { seed: 1 })
    report(output.length)
  },
  shared: (buffer: SharedArrayBuffer) => {
    const array = new Float32Array(buffer)
    jumpout().jumpoutForward(array, { seed: 1, out: array })
    report('written')
  },
}

/** The tasks of the process with its workers. */
const ways = {
  async together() {
    const workers = Array.from({ length: WORKERS }, () => start('checksums'))
    const results = await Promise.all([checksums(), ...workers.map((worker) => message<number[]>(worker))])
    if (new Set(results.map((sums) => sums.join())).size !== 1) throw new Error('results differ')
  },
  async ended() {
    for (let round = 0; round < 10; ++round) await end(start('floodAndEnd'))
  },
  async onlyInWorkers() {
    for (let round = 0; round < 5; ++round) {
      const worker = start('once')
      const [length, code] = await Promise.all([message<number>(worker), end(worker)])
      if (length !== LENGTH || code !== 0) throw new Error(`a worker ended with ${code}`)
      await setTimeout(20)
    }
    await Promise.all(flood(4))
  },
  async shared() {
    const buffer = new SharedArrayBuffer(4 * LENGTH)
    const array = new Float32Array(buffer).fill(1)
    const expected = jumpout().jumpoutForward(array, { seed: 1 }).output
    await message(start('shared', buffer))
    if (!array.every((y, i) => y === expected[i])) throw new Error('the shared array holds something else')
  },
  async messages() {
    const { output, saved } = jumpout().jumpoutForward(new Float32Array(LENGTH).fill(1), { seed: 1 })
    const copy = structuredClone({ output, mask: saved.mask })
    if (!output.every((y, i) => y === copy.output[i])) throw new Error('the clone differs')
  },
}

void runProgramFile(ways, tasks)
