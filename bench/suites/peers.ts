import { jumpoutForward } from 'jumpout'
import { withTfjsNode } from '../../test/support/tfjs-node'
import { checkAgainstReference, checkDropout } from '../check'
import { loopDropout } from '../competitors/loop'
import { onnxruntimeDropout } from '../competitors/onnxruntime'
import { peersInstalled } from '../competitors/peers'
import { tfjsDropout, type Backend } from '../competitors/tfjs'
import { coldFrom, flushCaches, poison, randomArray, reusedArray } from '../data'
import { effort, interleave, type Candidate } from '../measure'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

const seed = 1
const rate = 0.25

const tfjsNodeIsThere = withTfjsNode.skip === false

const tfjsBackends = (): [name: string, Backend][] => [
  ...(tfjsNodeIsThere ? [['tfjs-node', 'tensorflow'] as [string, Backend]] : []),
  ...(peersInstalled()
    ? (['wasm', 'cpu'] as const).map((name): [string, Backend] => [`tfjs ${name}`, name])
    : []),
]

async function measureLength(n: number, quick: boolean): Promise<Row> {
  const input = randomArray(n)
  const out = reusedArray(n)
  const mask = new Uint32Array(Math.ceil(n / 32))

  checkAgainstReference(input, seed)
  loopDropout(input, out, rate, seed)
  checkDropout('JavaScript loop', input, out, rate)
  const candidates: Candidate[] = [
    { name: 'jumpout', run: (call) => jumpoutForward(input, { seed, call, out, mask }) },
    {
      name: 'JavaScript loop',
      run: (i) => {
        loopDropout(input, out, rate, i + 1)
      },
    },
  ]

  const disposals: (() => void)[] = []
  if (peersInstalled()) {
    const onnxruntime = await onnxruntimeDropout(rate, input, poison(out))
    await onnxruntime()
    checkDropout('onnxruntime', input, out, rate)
    candidates.push({ name: 'onnxruntime', run: onnxruntime })
  }
  for (const [name, backend] of tfjsBackends()) {
    const tfjs = await tfjsDropout(backend, rate, input)
    checkDropout(name, input, tfjs.output(), rate)
    candidates.push({ name, prepare: tfjs.select, run: tfjs.run })
    disposals.push(tfjs.dispose)
  }
  const cold = n >= coldFrom
  const times = await interleave(candidates, effort(quick), cold ? flushCaches : undefined)
  for (const dispose of disposals) dispose()
  const others = candidates.map(({ name }) => name).filter((name) => name !== 'jumpout')
  return {
    case: { elements: n, caches: cold ? 'cold' : 'warm' },
    figures: {
      ...Object.fromEntries(others.map((name) => [name, ratio(times[name] / times.jumpout)])),
      'jumpout, time': seconds(times.jumpout),
    },
    times,
  }
}

export const suite: Suite = {
  summary:
    'plain dropout by onnxruntime-node, tfjs, tfjs-node and a JavaScript loop against jumpout, one thread each',
  environment: { JUMPOUT_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1' },
  async measure({ quick }) {
    const lengths = quick ? [1000, 10000, 100000] : [1000, 10000, 100000, 1 << 20, 1 << 22, 1 << 24]
    const rows: Row[] = []
    for (const n of lengths) rows.push(await measureLength(n, quick))
    const absent =
      'Left out, since they are not installed: onnxruntime and tfjs. npm run bench:peers installs them.'
    return {
      title: "Time of others' plain dropout over that of jumpout, forward, one thread each",
      notes: [
        'Ratios of medians, more is better. jumpout counts, normalises and saves a packed mask; reused output.',
        'onnxruntime: Dropout in training mode, with its mask, into preallocated outputs. tfjs: tf.dropout on an uploaded tensor,',
        'result not downloaded. JavaScript loop: branchless, no mask. From 1M elements on the caches are flushed before every call.',
        ...(peersInstalled() ? [] : [absent]),
        ...(tfjsNodeIsThere ? [] : [`Left out: ${String(withTfjsNode.skip)}.`]),
      ],
      rows,
    }
  },
}
