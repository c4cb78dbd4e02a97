/** Makes the runs of examples/cifar10 that a test asks for: a parent that may be killed. */
import process from 'node:process'
import { searchJobs, type Design } from '../../examples/cifar10/design'
import { makeRuns } from '../../examples/cifar10/runner'

const [folder, text, atOnce] = process.argv.slice(2)
const design = JSON.parse(text) as Design
makeRuns(design, 'search', searchJobs(design), { folder, atOnce: Number(atOnce) }).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
