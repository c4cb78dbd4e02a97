import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Job, Run } from './train'
import type { Message, WorkerData } from './worker'

/** A thread does not inherit the main thread's way to run TypeScript. */
const TYPESCRIPT = ['--require', require.resolve('tsx/cjs')]

/** Spreads runs over worker threads; each thread takes the next one when it has finished one. */
export class TrainingPool {
  private readonly workers: Worker[] = []
  private terminated = false
  private readonly runs: Run[] = []

  constructor(
    private readonly data: WorkerData,
    private readonly onSteps: (count: number, loss: number) => void,
  ) {}

  /** Results in the order of the jobs. Rejects with the first failure, when all threads have ended. */
  async run(jobs: readonly Job[]): Promise<Run[]> {
    const { runs } = this
    let next = 0
    const work = () =>
      new Promise<void>((resolve, reject) => {
        const worker = new Worker(join(__dirname, 'worker.ts'), {
          workerData: this.data,
          execArgv: TYPESCRIPT,
        })
        this.workers.push(worker)
        let current = -1
        const proceed = () => {
          if (next === jobs.length) {
            resolve()
            return
          }
          current = next++
          worker.postMessage(jobs[current])
        }
        worker.on('message', (message: Message) => {
          switch (message.kind) {
            case 'ready':
              proceed()
              break
            case 'steps':
              this.onSteps(message.count, message.loss)
              break
            case 'done':
              runs[current] = message.run
              proceed()
              break
            case 'failed':
              reject(new Error(`a training thread failed: ${message.stack}`))
          }
        })
        worker.on('error', reject)
        worker.on('exit', () => {
          if (!this.terminated) reject(new Error('a training thread ended before its work was done'))
        })
      })
    const threads = Math.min(this.data.options.workers, jobs.length)
    try {
      await Promise.all(Array.from({ length: threads }, work))
      return runs
    } finally {
      await this.terminate()
    }
  }

  /** The runs that are done so far. */
  get finished(): Run[] {
    return this.runs.filter(Boolean)
  }

  /** Ends all threads; a `run` in progress then never settles. */
  async terminate(): Promise<void> {
    this.terminated = true
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }
}
