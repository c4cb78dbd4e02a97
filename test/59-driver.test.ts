/** A binary with CUDA on a machine whose driver is missing, old or broken: what does not need CUDA is not hindered. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runtime } from 'jumpout'
import t from 'tap'
import { programPath, runNode } from './support/program'

const cannot = (): string | false => {
  if (process.platform !== 'linux') return 'the stubs are libraries of Linux'
  if (!runtime.cuda.compiled) return 'this build is without CUDA'
  return spawnSync('cc', ['--version']).status !== 0 && 'there is no C compiler'
}

/** What `runtime.cuda.reason` then says; undefined where asking the driver ends the process. */
const DRIVERS: Record<string, { defines?: string[]; reason?: RegExp }> = {
  missing: { reason: /\w+ \w+/ },
  'without its functions': { defines: ['WITHOUT_SYMBOLS'], reason: /\w+ \w+/ },
  'too old': {
    defines: ['ANSWER=0', 'VERSION=11000', 'CRASHES=0'],
    reason:
      /made for CUDA 11\.0, too old for the CUDA \d+\.\d of this build, which needs driver R(525|580) or newer/,
  },
  'without a device': { defines: ['ANSWER=100', 'VERSION=99000', 'CRASHES=0'], reason: /no CUDA device/ },
  'that fails in each call': { defines: ['ANSWER=999', 'VERSION=99000', 'CRASHES=0'], reason: /999/ },
  'that crashes': { defines: ['ANSWER=0', 'VERSION=99000', 'CRASHES=1'] },
}

const HOST = `
  const { Jumpout, jumpoutForward, jumpoutBackward, native, runtime } = require('jumpout')
  const x = new Float32Array(1000).fill(1)
  const { output, saved } = jumpoutForward(x, { seed: 1 })
  jumpoutBackward(x, saved)
  new Jumpout({ seed: 1 }).forward(x)
  console.log(JSON.stringify([runtime.version, runtime.cpu, runtime.binary, native.library, output.length]))`

t.test('a driver', { skip: cannot() }, async (t) => {
  for (const [name, { defines, reason }] of Object.entries(DRIVERS)) {
    if (defines === undefined && runtime.cuda.available) continue // it is not missing here
    const folder = join(t.testdir({}), name)
    mkdirSync(folder)
    if (defines !== undefined) {
      const options = ['-shared', '-fPIC', ...defines.map((define) => `-D${define}`)]
      execFileSync('cc', [...options, programPath('stub-driver.c'), '-o', join(folder, 'libcuda.so.1')])
    }
    const run = (program: string) =>
      runNode(['--eval', program], { env: { LD_LIBRARY_PATH: folder, CUDA_VISIBLE_DEVICES: undefined } })

    const host = await run(HOST)
    t.same(
      { code: host.code, signal: host.signal, stderr: host.stderr },
      { code: 0, signal: null, stderr: '' },
      `${name}: loading and calls on the host do not load it`,
    )

    const asked = await run(`${HOST}
      const { backend, cuda } = runtime
      console.log(JSON.stringify({ backend, ...cuda }))
      try { new (require('jumpout').DeviceArray)(8) } catch (error) { console.log(error.code) }
      jumpoutForward(x, { seed: 1 })`)
    if (reason === undefined) {
      t.equal(asked.signal, 'SIGABRT', `${name}: it is asked with \`runtime.cuda\``)
      continue
    }
    t.equal(asked.code, 0, name, { asked })
    const [, said] = asked.stdout.split('\n')
    const cuda = JSON.parse(said) as { backend: string; available: boolean; reason: string }
    t.same([cuda.backend, cuda.available], ['cpu', false], name)
    t.match(cuda.reason, reason, name)
  }
})
