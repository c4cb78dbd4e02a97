/** A thread that trains the nets it is sent, one at a time. */
import { parentPort, workerData } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'
import { datasetOver } from './data'
import type { Options } from './options'
import { TestSet } from './test-set'
import { train, type Job, type Run } from './train'

export interface WorkerData {
  pixels: SharedArrayBuffer
  options: Options
}

export type Message =
  | { kind: 'ready' }
  | { kind: 'steps'; count: number; loss: number }
  | { kind: 'done'; run: Run }
  | { kind: 'failed'; stack: string }

const REPORT_MILLISECONDS = 200

async function main(): Promise<void> {
  const port = parentPort
  if (!port) throw new Error('worker.ts runs in a worker thread only')
  const send = (message: Message) => port.postMessage(message)
  const guarded = async (work: () => unknown) => {
    try {
      await work()
    } catch (error) {
      send({ kind: 'failed', stack: error instanceof Error ? String(error.stack) : String(error) })
    }
  }

  await guarded(async () => {
    if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of tfjs did not start')
    const { pixels, options } = workerData as WorkerData
    const dataset = datasetOver(pixels)
    const testSet = new TestSet(dataset, options.standardize)
    port.on('message', (job: Job) => {
      void guarded(() => {
        const progress = stepReporter(send)
        const run = train(dataset, testSet, job, options, progress.step)
        progress.flush()
        send({ kind: 'done', run })
      })
    })
    send({ kind: 'ready' })
  })
}

/** Gathers steps into a few messages per second. */
function stepReporter(send: (message: Message) => void) {
  let count = 0
  let lastLoss = NaN
  let sent = performance.now()
  const flush = () => {
    if (count > 0) send({ kind: 'steps', count, loss: lastLoss })
    count = 0
    sent = performance.now()
  }
  const step = (loss: number) => {
    count++
    lastLoss = loss
    if (performance.now() - sent > REPORT_MILLISECONDS) flush()
  }
  return { step, flush }
}

void main()
