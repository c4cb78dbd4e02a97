/**
 * A test runner for Stryker: each test file runs in Stryker's own process, with lib/ loaded anew, since starting Node and tap takes
 * longer than most mutants live. A test, for Stryker, is a file. Its path is relative to the copy, the working directory.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'

process.env.TAP_TIMEOUT = '86400' // Stryker ends what hangs

const stryker = (globalThis.__stryker__ = {})
const require = createRequire(import.meta.url)
require('tsx/cjs')
const { Test } = require('tap')
const tapsModule = require.cache[require.resolve('tap')]

const UNCAUGHT = 'nobody caught '

/** What a test throws where nobody catches it. */
let uncaught = () => undefined
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => uncaught(error))

function forgetModules(folder) {
  for (const path of Object.keys(require.cache))
    if (path.startsWith(folder) && /\.[jt]s$/.test(path)) delete require.cache[path]
}

/** The failures of one test file, none of them where it passes. */
async function failuresOf(file) {
  const environment = { ...process.env }
  const root = new Test({ name: file, bail: true })
  const failures = []
  root.on('bailout', (reason) => failures.push(String(reason)))
  tapsModule.exports = { __esModule: true, default: root }
  forgetModules(process.cwd())
  const thrown = new Promise((resolve) => (uncaught = resolve))
  const ended = new Promise((resolve) => {
    for (const event of ['end', 'bailout']) root.on(event, () => resolve(undefined))
  })
  root.resume()
  try {
    require(join(process.cwd(), file))
    root.end()
    const error = await Promise.race([ended, thrown])
    if (error !== undefined) failures.push(`${UNCAUGHT}${String(error)}`)
    else if (!root.passing()) failures.push('a test failed')
  } catch (error) {
    failures.push(String(error))
  } finally {
    uncaught = () => undefined
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
    Object.assign(process.env, environment)
  }
  return failures
}

class Runner {
  static inject = ['options']
  #files

  constructor({ jumpout }) {
    this.#files = jumpout.testFiles
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async dryRun() {
    stryker.mutantCoverage = { static: {}, perTest: {} }
    stryker.activeMutant = undefined
    const tests = []
    for (const file of this.#files) {
      stryker.currentTestId = file
      const begin = performance.now()
      const failures = await failuresOf(file)
      const test = { id: file, name: file, timeSpentMs: Math.ceil(performance.now() - begin) }
      tests.push(
        failures.length === 0
          ? { ...test, status: 0 }
          : { ...test, status: 1, failureMessage: failures.join('\n') },
      )
    }
    const { mutantCoverage } = stryker
    delete stryker.mutantCoverage
    return { status: 'complete', tests, mutantCoverage }
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    const files = this.#files.filter((file) => testFilter?.includes(file) ?? true)
    stryker.activeMutant = activeMutant.id
    stryker.hitLimit = hitLimit
    stryker.hitCount = hitLimit === undefined ? undefined : 0
    for (const [i, file] of files.entries()) {
      let failures = await failuresOf(file)
      // It may have come from what is left of the test that the last mutant failed.
      if (failures[0]?.startsWith(UNCAUGHT)) failures = await failuresOf(file)
      if (stryker.hitCount > hitLimit) return { status: 'timeout', reason: 'it runs on and on' }
      if (failures.length > 0)
        return { status: 'killed', killedBy: [file], failureMessage: failures.join('\n'), nrOfTests: i + 1 }
    }
    return { status: 'survived', nrOfTests: files.length }
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', injectableClass: Runner }]
