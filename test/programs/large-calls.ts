/** Calls large enough for every thread, and the hash of all that came out. */
import { createHash } from 'node:crypto'
import { countActive, jumpoutBackward, jumpoutForward, runtime } from 'jumpout'
import { makeInput } from '../support/inputs'

/** More than one part of 64 Ki elements for each of 8 threads. */
const N = 1_000_000 + 77
const input = makeInput(N, 'signed')
const hash = createHash('sha256')
const add = (array: Float32Array | Uint32Array) =>
  hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))

const calls = [
  { seed: 1 },
  { seed: 2, relu: true },
  { seed: 3, relu: true, saveMask: false },
  { seed: 4, granularity: 'sample', shape: [N, 1] },
  { seed: 5, granularity: 'sample', shape: [3, 330_000], relu: true },
  { seed: 6, granularity: 'sample', unit: 'channel', shape: [100, 10, 999] },
  { seed: 7, unit: 'channel', shape: [3, 1, 330_000] },
  { seed: 10, granularity: 'sample', unit: 'channel', dataFormat: 'channelsLast', shape: [100, 30, 333] },
  { seed: 11, unit: 'channel', dataFormat: 'channelsLast', shape: [3, 33_000, 10], saveMask: false },
  { seed: 8, shape: [2 ** 40], shard: { elementOffset: 2 ** 33 + 5, active: [2 ** 39], total: [2 ** 40] } },
] as const

for (const call of calls) {
  const whole =
    'shape' in call && !('shard' in call) ? call.shape.reduce((a: number, b: number) => a * b, 1) : N
  const x = input.subarray(0, whole)
  const { output, saved } = jumpoutForward(x, call)
  add(output)
  if (saved.mask !== null) add(saved.mask as Uint32Array)
  hash.update(JSON.stringify(saved.stats().slice(0, 1000)))
  add(jumpoutBackward(x, saved, { output }))
  hash.update(JSON.stringify(countActive(x).active))
}
const inPlace = input.slice()
jumpoutForward(inPlace, { seed: 9, out: inPlace })
add(inPlace)

console.log(JSON.stringify({ threads: runtime.cpu.threads, hash: hash.digest('hex') }))
