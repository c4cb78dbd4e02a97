/** Worker threads that run one of the tasks of a test program, which is their own file. */
import { once } from 'node:events'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** Starts `file` once more, as a worker: there `runTask` does the task. */
export const startWorker = (file: string, task: string, data?: unknown): Worker =>
  new Worker(join(__dirname, 'run.js'), { workerData: { task, data }, argv: [file], execArgv: [] })

/** In a worker: what it was started for. */
export function runTask(tasks: Record<string, (data: never) => unknown>): void {
  const { task, data } = workerData as { task: string; data: never }
  void tasks[task](data)
}

/**
 * Runs a test program: in the main thread the way that its first argument names, after which it prints 'done', and in a worker
 * the task.
 */
export async function runProgramFile(
  ways: Record<string, () => unknown>,
  tasks: Record<string, (data: never) => unknown>,
): Promise<void> {
  if (!isMainThread) {
    runTask(tasks)
    return
  }
  await ways[process.argv[2]]()
  console.log('done')
}

export const report = (result: unknown): void => parentPort?.postMessage(result)

/** The next message; rejects with an error of the worker. */
export const message = async <T>(worker: Worker): Promise<T> => {
  const [value] = (await once(worker, 'message')) as [T]
  return value
}

export const end = (worker: Worker): Promise<number> =>
  new Promise<number>((resolve, reject) => worker.once('exit', resolve).once('error', reject))
