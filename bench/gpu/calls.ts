/**
 * The host's time to enqueue a call on device arrays from JavaScript, with `out` and `mask` given; the device's time is not
 * part of it. Results are checked against the CPU backend first.
 */
import { writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { DeviceArray, Jumpout, jumpoutBackward, jumpoutForward, runtime, Stream } from 'jumpout'
import { assertSame } from '../../test/support/bits'
import { randomArray } from '../data'
import { median } from '../measure'
import type { GpuResults, Timing } from './results'

/** Calls between two waits: few enough for the queue of the stream to hold them all. */
const BURST = 200

interface Bench {
  stream: Stream
  bursts: number
}

async function timePerCall({ stream, bursts }: Bench, call: (i: number) => unknown): Promise<number> {
  const seconds: number[] = []
  let i = 0
  for (let burst = -2; burst < bursts; burst++) {
    await stream.synchronize()
    const start = performance.now()
    for (const end = i + BURST; i < end; i++) call(i)
    if (burst >= 0) seconds.push((performance.now() - start) / 1e3 / BURST)
  }
  await stream.synchronize()
  return median(seconds)
}

async function measure(bench: Bench, elements: number): Promise<Timing[]> {
  const { stream } = bench
  const values = randomArray(elements)
  const input = DeviceArray.from(values, { stream })
  const out = DeviceArray.alloc(elements)
  const gradient = DeviceArray.alloc(elements)
  const mask = DeviceArray.alloc(Math.ceil(elements / 32), { dtype: 'uint32' })
  const seed = 1

  const { output, saved } = jumpoutForward(input, { seed, call: 3, out, mask, stream })
  const expected = jumpoutForward(values, { seed, call: 3 })
  assertSame(output.toHost({ stream }), expected.output, 'forward')
  const back = jumpoutBackward(input, saved, { out: gradient, stream })
  assertSame(back.toHost({ stream }), jumpoutBackward(values, expected.saved), 'backward')

  const layer = new Jumpout({ seed })
  const calls: Record<string, (i: number) => unknown> = {
    jumpoutForward: (call) => jumpoutForward(input, { seed, call, out, mask, stream }),
    'layer.forward': () => layer.forward(input, { out, stream }),
    jumpoutBackward: () => jumpoutBackward(input, saved, { out: gradient, stream }),
  }
  const timings: Timing[] = []
  for (const [pass, call] of Object.entries(calls)) {
    const seconds = await timePerCall(bench, call)
    timings.push({ elements, dtype: 'float32', row: 0, caches: 'host', pass, seconds })
  }
  for (const array of [input, out, gradient, mask]) array.free()
  return timings
}

async function main() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      fact: { type: 'string', multiple: true, default: [] },
    },
  })
  if (!runtime.cuda.available) {
    console.error(`no GPU: ${runtime.cuda.reason ?? 'unknown'}`)
    process.exitCode = 2
    return
  }
  const bench: Bench = { stream: new Stream(), bursts: values.quick ? 2 : 51 }
  const rows: Timing[] = []
  for (const elements of values.quick ? [100] : [1000, 65536, 1 << 20]) {
    rows.push(...(await measure(bench, elements)))
  }
  const [device] = runtime.cuda.devices
  const facts: Record<string, string> = {}
  for (const fact of values.fact) facts[fact.slice(0, fact.indexOf('='))] = fact.slice(fact.indexOf('=') + 1)
  const results: GpuResults = {
    suite: 'gpu',
    ...facts,
    device: { name: device.name },
    node: process.version,
    quick: values.quick,
    rows,
  }
  for (const { pass, elements, seconds } of rows)
    console.log(
      `${pass.padEnd(18)} ${`${elements}`.padStart(8)} elements ${(seconds * 1e6).toFixed(2)} us per call`,
    )
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, null, 2) + '\n')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
