/** Measures one suite in a process of its own and sends the table to its parent. */
import { loadSuite, type SuiteName } from './suites'

async function main(name: SuiteName, quick: boolean) {
  const { measure } = await loadSuite(name)
  process.send?.(await measure({ quick }))
  process.disconnect()
}

main(process.argv[2] as SuiteName, process.argv[3] === 'quick').catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
