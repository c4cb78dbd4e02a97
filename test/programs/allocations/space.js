'use strict'
// Calls in a process whose address space is used up: each says so, and succeeds once there is room again. Not in TypeScript, whose
// loader reserves gigabytes at a time of its own choice.
const { deepStrictEqual, ok } = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
const { allocate, jumpoutForward, jumpoutForwardAsync } = require('jumpout')

const LENGTH = 4_000_000
const input = Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(i))
const options = { seed: 1n, call: 2n }
const expected = jumpoutForward(input, options).output.slice()

/** As `ulimit -v`, but of the running process: Node itself ends where it cannot reserve what it begins with. */
function leave(megabytes) {
  const [, kilobytes] = /VmSize:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))
  const bytes = Number(kilobytes) * 1024 + megabytes * 2 ** 20
  execFileSync('prlimit', [`--pid=${process.pid}`, `--as=${bytes}:unlimited`])
}

/** Buffers until there is room for none of 16 MB. */
function fill() {
  const all = []
  for (;;) {
    try {
      all.push(new ArrayBuffer(LENGTH * 4))
    } catch {
      return all
    }
  }
}

async function main() {
  leave(200)
  let held = fill()
  ok(held.length > 1, 'there was room')
  const refusals = new Set()
  for (const call of [
    () => jumpoutForward(input, options),
    () => jumpoutForwardAsync(input, options),
    () => allocate(LENGTH),
  ]) {
    try {
      await call()
    } catch (error) {
      ok(error.name === 'RangeError' || error.code === 'ERR_OUT_OF_MEMORY', error.stack)
      refusals.add(`${error.name} ${error.code ?? '(of V8)'}`)
    }
  }
  ok(refusals.size > 0, 'calls were refused')
  held = []
  // In place: nothing has to be collected first.
  deepStrictEqual(jumpoutForward(input, { ...options, out: input }).output, expected)
  console.log([...refusals].join(', '), held.length)
  console.log('done')
}

void main()
