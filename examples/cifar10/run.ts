/** The process of one run: takes an assignment from the runner, reports each epoch, sends the result, and ends. */
import { constants, setPriority } from 'node:os'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { runtime } from 'jumpout'
import { readDataset } from './data'
import type { Assignment, Report } from './runner'
import { tensorFlowVersion, tf } from './tfjs'
import { train } from './train'

setPriority(constants.priority.PRIORITY_LOW)
// A run whose runner has ended must not go on: its result would be made twice.
process.on('disconnect', () => process.exit())

const send = (report: Report): Promise<void> =>
  new Promise((resolve, reject) =>
    process.send?.(report, (error: Error | null) => (error ? reject(error) : resolve())),
  )

process.once('message', (assignment: Assignment) => {
  const { design, job } = assignment
  readDataset()
    .then((dataset) =>
      train(dataset, design, job, async (loss) => {
        await send({ loss })
        await setImmediate() // sees whether the runner has ended
      }),
    )
    .then((result) => {
      const versions = {
        jumpout: runtime.version,
        node: process.versions.node,
        tfjs: tf.version_core,
        tensorflow: tensorFlowVersion,
      }
      return send({ result, versions })
    })
    .then(
      () => process.exit(),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
})
