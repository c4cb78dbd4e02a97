import { dirname, join } from 'node:path'
import type * as core from '@tensorflow/tfjs-core'
import type { Tensor } from '@tensorflow/tfjs-core'
import { jumpoutForward } from 'jumpout'
import { fusedOperations } from '../../examples/tfjs/fused'
import { assertSame } from '../../test/support/bits'
import { loadTfjsNode, withTfjsNode } from '../../test/support/tfjs-node'
import { checkDropout } from '../check'
import { randomArray } from '../data'
import { effort, interleave, paired, type Effort } from '../measure'
import { type Activation, convolutionStep, denseStep } from '../nets'
import { ratio, type Row, seconds } from '../report'
import type { Suite } from './index'

type Tfjs = typeof core

const seed = 1
const rate = 0.2
const tfjsNodeIsThere = withTfjsNode.skip === false

/** tfjs-node where it is there. Other copies add backends to it, as all share one engine; so the first one is in use. */
function load(): Tfjs {
  const first = tfjsNodeIsThere
    ? (loadTfjsNode() as unknown as Tfjs)
    : (require('@tensorflow/tfjs-core') as Tfjs)
  first.enableProdMode() // says nothing of kernels that two copies register
  require('@tensorflow/tfjs-backend-cpu')
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
  setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'))
  return first
}

interface Activations {
  none: Activation
  relu: Activation
  'relu + jumpout': Activation
  'relu + dropout': Activation
}
const NAMES = ['none', 'relu', 'relu + jumpout', 'relu + dropout'] as const

/** @param relu TensorFlow.js's own, or TensorFlow's with a gradient of one operation */
async function activationsOf(tf: Tfjs, relu: Activation): Promise<Activations> {
  const { jumpoutOp } = await import('jumpout/tfjs')
  let call = 0
  return {
    none: (x) => x,
    relu,
    'relu + jumpout': (x) => jumpoutOp(x, { seed, call: call++, relu: true }),
    'relu + dropout': <X extends Tensor>(x: X) => tf.dropout(relu(x), rate) as X,
  }
}

async function measureForward(tf: Tfjs, backend: string, elements: number, quick: boolean): Promise<Row> {
  const values = randomArray(elements)
  const x = tf.tensor1d(values)
  const { relu, ...others } = await activationsOf(tf, tf.relu)
  const { jumpoutOp } = await import('jumpout/tfjs')
  assertSame(
    jumpoutOp(x, { seed, relu: true }).dataSync() as Float32Array,
    jumpoutForward(values, { seed, relu: true }).output,
    backend,
  )
  checkDropout(`tf.dropout on ${backend}`, values, tf.dropout(x, rate).dataSync() as Float32Array, rate)
  const candidates = (['relu', 'relu + jumpout', 'relu + dropout'] as const).map((name) => ({
    name,
    run: () => tf.tidy(() => ({ ...others, relu })[name](x)).dispose(),
  }))
  const times = await interleave(candidates, effort(quick))
  x.dispose()
  return {
    case: { what: 'forward', backend, elements },
    figures: {
      'relu + jumpout / relu': ratio(times['relu + jumpout'] / times.relu),
      'relu + dropout / relu + jumpout': ratio(times['relu + dropout'] / times['relu + jumpout']),
      'relu + jumpout': seconds(times['relu + jumpout']),
    },
    times,
  }
}

async function measureSteps(
  what: string,
  backend: string,
  step: (activation: Activation) => void,
  activations: Activations,
  time: Effort,
): Promise<Row> {
  const candidates = NAMES.map((name) => ({ name, run: () => step(activations[name]) }))
  const { times, ratioOf } = await paired(candidates, time)
  return {
    case: { what, backend, elements: '' },
    figures: {
      'relu + jumpout / relu': ratio(ratioOf('relu + jumpout', 'relu')),
      'relu + jumpout / relu + dropout': ratio(ratioOf('relu + jumpout', 'relu + dropout')),
      'relu + jumpout / none': ratio(ratioOf('relu + jumpout', 'none')),
      'relu + jumpout': seconds(times['relu + jumpout']),
    },
    times,
  }
}

async function measureBackend(tf: Tfjs, backend: string, quick: boolean): Promise<Row[]> {
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} backend here`)
  const rows: Row[] = []
  const powers = quick ? [16, 20] : [16, 18, 20, 22]
  for (const power of powers) rows.push(await measureForward(tf, backend, 2 ** power, quick))
  const fused = backend === 'tensorflow' ? fusedOperations(tf) : undefined
  const activations = await activationsOf(tf, fused?.relu ?? tf.relu)
  const time = { ...effort(quick), budget: quick ? 2 : backend === 'cpu' ? 40 : 20 }
  rows.push(await measureSteps('dense net', backend, denseStep(tf), activations, time))
  if (fused !== undefined)
    rows.push(
      await measureSteps('conv net', backend, convolutionStep(tf, fused), activations, {
        ...time,
        budget: 2 * time.budget,
      }),
    )
  return rows
}

export const suite: Suite = {
  summary:
    'jumpout/tfjs on each backend against ReLU, ReLU and tf.dropout, and nothing: forward and training steps',
  async measure({ quick }) {
    const tf = load()
    const tensorFlowVersion = tfjsNodeIsThere ? loadTfjsNode().backend().binding.TF_Version : ''
    const rows: Row[] = []
    for (const backend of [...(tfjsNodeIsThere ? ['tensorflow'] : []), 'wasm', 'cpu'])
      rows.push(...(await measureBackend(tf, backend, quick)))
    return {
      title: 'In TensorFlow.js: forward, and training steps',
      notes: [
        'Forward: tensors that lie in the backend already, medians. jumpout and TensorFlow use all cores, wasm and cpu one for what is theirs.',
        'Steps: medians of the ratios of steps that ran one after the other, on one batch of 128, with momentum.',
        'dense net: 784-512-512-10. conv net: six convolutions and batch norm. On tensorflow ReLU, batch norm and the loss are fused (examples/tfjs/fused.ts).',
        tfjsNodeIsThere
          ? `tensorflow: tfjs-node on TensorFlow ${tensorFlowVersion}.`
          : `Left out: ${String(withTfjsNode.skip)}.`,
      ],
      rows,
    }
  },
}
