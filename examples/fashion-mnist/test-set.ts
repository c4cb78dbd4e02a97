import * as tf from '@tensorflow/tfjs-core'
import { gather, PIXELS, TEST_IMAGES, type Dataset } from './data'
import { logitsOf, type Matrix, type Network } from './network'

const CHUNK = 1000

/** All test images as tensors, made once per thread. */
export class TestSet {
  private readonly chunks: { x: Matrix; labels: Int32Array }[] = []

  constructor(dataset: Dataset, standardize: boolean) {
    for (let start = 0; start < TEST_IMAGES; start += CHUNK) {
      const rows = Array.from({ length: CHUNK }, (_, row) => start + row)
      const { images, labels } = gather(dataset.test, rows, standardize)
      this.chunks.push({ x: tf.tensor2d(images, [CHUNK, PIXELS]), labels })
    }
  }

  /** The fraction of test images that the net classifies correctly. */
  accuracy(network: Network): number {
    let correct = 0
    for (const { x, labels } of this.chunks) {
      const predictions = tf.tidy(() => tf.argMax(logitsOf(network, x, false), 1).dataSync())
      labels.forEach((label, row) => (correct += Number(predictions[row] === label)))
    }
    return correct / TEST_IMAGES
  }
}
