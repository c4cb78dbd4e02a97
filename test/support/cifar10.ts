/** A data set of 600 random images for examples/cifar10. */
import { type Dataset, PIXELS } from '../../examples/cifar10/data'

export function smallDataset(): Dataset {
  const labels = Uint8Array.from({ length: 600 }, (_, i) => (i * 7) % 10)
  const pixels = new Uint8Array(labels.length * PIXELS)
  let state = 1
  for (let i = 0; i < pixels.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    pixels[i] = state >>> 24
  }
  return { labels, pixels }
}
