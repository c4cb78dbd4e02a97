import Benchmark from 'benchmark'
import { Jumpout, jumpoutBackward, jumpoutForward } from 'jumpout'
import { checkAgainstReference } from '../check'
import { randomArray, reusedArray } from '../data'
import { median } from '../measure'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

const seed = 1

function contenders(n: number): Record<string, () => unknown> {
  const input = randomArray(n)
  checkAgainstReference(input, seed)
  const out = reusedArray(n)
  const gradInput = reusedArray(n)
  const options = { seed, call: 0, out }
  const { saved } = jumpoutForward(input, { seed })
  const layer = new Jumpout({ seed })
  const outOptions = { out }
  const gradOptions = { out: gradInput }
  const backwardLayer = new Jumpout({ seed })
  const savedOptions = { out: gradInput, saved: backwardLayer.call(input).saved }
  return {
    copy: () => {
      out.set(input)
    },
    jumpoutForward: () => {
      options.call++
      return jumpoutForward(input, options)
    },
    'layer.forward': () => layer.forward(input, outOptions),
    jumpoutBackward: () => jumpoutBackward(input, saved, gradOptions),
    'layer.backward': () => backwardLayer.backward(input, savedOptions),
    'forward, fresh': () => {
      options.call++
      return jumpoutForward(input, { seed, call: options.call })
    },
    'layer, fresh': () => layer.forward(input),
  }
}

function measureLength(n: number, quick: boolean): Row {
  const functions = Object.entries(contenders(n))
  const samples = new Map<string, number[]>(functions.map(([name]) => [name, []]))
  // Short suites in turns, so that other load affects all contenders alike.
  for (let round = 0; round < (quick ? 2 : 7); round++) {
    const suite = new Benchmark.Suite()
    for (const [name, run] of functions)
      suite.add(name, run, { maxTime: quick ? 0.05 : 0.3, minSamples: 5, minTime: 0.01 })
    suite.on('error', ({ target }: { target: Benchmark }) => {
      throw target.error
    })
    suite.on('cycle', ({ target }: { target: Benchmark & { name: string } }) =>
      samples.get(target.name)?.push(...(target.stats.sample as number[])),
    )
    suite.run({ async: false })
  }
  const times = Object.fromEntries([...samples].map(([name, all]) => [name, median(all)]))
  return {
    case: { elements: n },
    figures: {
      'jumpoutForward / copy': ratio(times.jumpoutForward / times.copy),
      'layer.forward / copy': ratio(times['layer.forward'] / times.copy),
      ...Object.fromEntries(functions.map(([name]) => [name, seconds(times[name])])),
    },
  }
}

export const suite: Suite = {
  summary: 'time of one call from JavaScript on small arrays',
  measure: ({ quick }) => ({
    title: 'One call from JavaScript on small arrays',
    notes: [
      'Median time of a call, less is better: options read, mask saved, result made; outputs reused but where called fresh.',
      'copy is Float32Array.set. Timed with the package benchmark, all contenders in turns.',
    ],
    rows: [1, 100, 1000, 10000].map((n) => measureLength(n, quick)),
  }),
}
