/** One `saved` kept of many: it keeps at most 4 KiB of buffers beyond its own mask. Run with --expose-gc. */
import { setImmediate } from 'node:timers/promises'
import { jumpoutForward, type Saved } from 'jumpout'

const { gc } = globalThis as unknown as { gc: () => void }

const KEPT = 2000
const ROOM = 4096

/** Bytes of buffers, once nothing more goes away. */
async function bytesInUse(): Promise<number> {
  for (let i = 0; i < 5; ++i) {
    gc()
    await setImmediate()
  }
  return process.memoryUsage().arrayBuffers
}

/** So many calls in between that no two of them share memory. */
function keep(length: number, count: number): Saved[] {
  const array = new Float32Array(length).fill(1)
  const kept: Saved[] = []
  const between = Math.ceil(20_000 / length) + 4
  for (let call = 0; call < count * between; ++call) {
    const { saved } = jumpoutForward(array, { seed: 1, call, out: array })
    if (call % between === 0) kept.push(saved)
  }
  return kept
}

async function bytesOfEach(length: number): Promise<number> {
  keep(length, 100) // compiles
  const before = await bytesInUse()
  const kept = keep(length, KEPT)
  const grown = (await bytesInUse()) - before
  return grown / kept.length
}

void (async () => {
  for (const length of [100, 2000, 4096, 4097, 8192, 40_000]) {
    const maskBytes = Math.ceil(length / 32) * 4
    const beyond = (await bytesOfEach(length)) - maskBytes
    // As many as there are, they cannot take less than they are.
    if (beyond < 0 || beyond > ROOM) throw new Error(`${beyond} bytes beyond each mask of ${length} elements`)
  }
  console.log('done')
})()
