'use strict'
// A folder as a lock between processes, since making one either succeeds or fails: builds share folders.

const { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Whether the process that made this lock has ended, also if it never wrote its number. */
function isStale(lock) {
  try {
    return !isAlive(Number(readFileSync(path.join(lock, 'pid'), 'utf8')))
  } catch {
    try {
      return Date.now() - statSync(lock).mtimeMs > 5_000
    } catch {
      return false // released meanwhile
    }
  }
}

/** Does `work` when no other process holds `lock`; calls `onWait` once if it has to wait, for `patience` seconds at most. */
async function whileLocked(lock, work, { patience, onWait }) {
  mkdirSync(path.dirname(lock), { recursive: true })
  const began = Date.now()
  for (let waited = false; ;) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (isStale(lock)) {
        rmSync(lock, { recursive: true, force: true })
        continue
      }
      if (Date.now() - began > patience * 1000)
        throw new Error(`${lock} was held for too long`, { cause: error })
      if (!waited) onWait?.()
      waited = true
      await sleep(200)
    }
  }
  const release = () => rmSync(lock, { recursive: true, force: true })
  process.once('exit', release)
  try {
    writeFileSync(path.join(lock, 'pid'), `${process.pid}`)
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

module.exports = { whileLocked }
