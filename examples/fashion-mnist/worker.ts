/** A thread of the pool: trains the net of one job at a time. */
import { workerData } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'
import { datasetOver } from './data'
import type { Options } from './options'
import { transposeBeforeProducts } from './products'
import { StepReporter } from './steps'
import { TestSet } from './test-set'
import { train, type Job, type Run } from './train'

export interface WorkerData {
  pixels: SharedArrayBuffer
  options: Options
}

async function start(): Promise<(job: Job) => Run> {
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend of tfjs did not start')
  transposeBeforeProducts()
  const { pixels, options } = workerData as WorkerData
  const dataset = datasetOver(pixels)
  const testSet = new TestSet(dataset, options.standardize)
  const reporter = new StepReporter()
  return (job) => {
    const run = train(dataset, testSet, job, options, reporter.step)
    reporter.flush()
    return run
  }
}

export default start()
