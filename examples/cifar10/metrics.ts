/** How good predictions are, from logits: accuracy, negative log-likelihood and calibration. */

export interface Metrics {
  /** Fraction of images classified correctly. */
  readonly accuracy: number
  /** Mean of -ln of the probability of the true class. */
  readonly nll: number
  /** Expected calibration error: over bins of the largest probability, the mean |accuracy - mean probability|. */
  readonly ece: number
}

const BINS = 15

/** @param logits [rows, classes], row by row */
export function metricsOf(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Metrics {
  const rows = labels.length
  const bins = Array.from({ length: BINS }, () => ({ correct: 0, probability: 0 }))
  let [correct, nll] = [0, 0]
  for (let row = 0; row < rows; row++) {
    const start = row * classes
    let best = 0
    for (let c = 1; c < classes; c++) if (logits[start + c] > logits[start + best]) best = c
    const greatest = logits[start + best]
    let sum = 0
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[start + c] - greatest)
    const probability = 1 / sum
    const hit = Number(best === labels[row])
    correct += hit
    nll += Math.log(sum) + greatest - logits[start + labels[row]]
    const bin = bins[Math.min(BINS - 1, Math.floor(probability * BINS))]
    bin.correct += hit
    bin.probability += probability
  }
  const ece = bins.reduce((error, bin) => error + Math.abs(bin.correct - bin.probability), 0)
  return { accuracy: correct / rows, nll: nll / rows, ece: ece / rows }
}
