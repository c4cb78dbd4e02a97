import { Presets, SingleBar } from 'cli-progress'

const SMOOTHING = 0.02

/** A bar over all training steps, with the loss (smoothed) and the time left; plain lines where output is no terminal. */
export class Progress {
  private readonly bar: SingleBar
  private readonly start = performance.now()
  private done = 0
  private loss = NaN

  /** @param milliseconds between lines, where output is no terminal */
  constructor(
    private readonly total: number,
    milliseconds = 10_000,
  ) {
    this.bar = new SingleBar(
      {
        format: 'training [{bar}] {percentage}% | loss {loss} | {left} left',
        hideCursor: true,
        noTTYOutput: true,
        notTTYSchedule: milliseconds,
        gracefulExit: false, // the program itself stops the bar when it is interrupted
      },
      Presets.legacy,
    )
    this.bar.start(total, 0, { loss: '-', left: '-' })
  }

  advance(steps: number, loss: number): void {
    this.done += steps
    this.loss = Number.isNaN(this.loss) ? loss : this.loss + SMOOTHING * (loss - this.loss)
    const seconds = (performance.now() - this.start) / 1000
    const left = formatSeconds((seconds * (this.total - this.done)) / this.done)
    this.bar.update(this.done, { loss: this.loss.toFixed(3), left })
  }

  stop(): void {
    this.bar.stop()
  }
}

export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
