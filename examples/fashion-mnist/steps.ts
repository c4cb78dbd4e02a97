/** Training steps, reported from all threads to the program. */
import { BroadcastChannel } from 'node:worker_threads'

const CHANNEL = 'jumpout: training steps'
const REPORT_MILLISECONDS = 200

interface Steps {
  count: number
  /** Of the last of them. */
  loss: number
}

/** Calls `onSteps` for what all threads report, until it is closed. */
export function listenToSteps(onSteps: (count: number, loss: number) => void): { close(): void } {
  const channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = (event) => {
    const { count, loss } = (event as { data: Steps }).data
    onSteps(count, loss)
  }
  return channel
}

/** Gathers a thread's steps into a few messages per second. */
export class StepReporter {
  private readonly channel = new BroadcastChannel(CHANNEL)
  private count = 0
  private loss = NaN
  private sent = performance.now()

  readonly step = (loss: number): void => {
    this.count++
    this.loss = loss
    if (performance.now() - this.sent > REPORT_MILLISECONDS) this.flush()
  }

  flush(): void {
    const steps: Steps = { count: this.count, loss: this.loss }
    if (steps.count > 0) this.channel.postMessage(steps)
    this.count = 0
    this.sent = performance.now()
  }
}
