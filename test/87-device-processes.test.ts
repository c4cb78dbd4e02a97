/** Processes and worker threads that use devices end without a crash or a hang, in every way. */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Runtime } from 'jumpout'
import t from 'tap'
import { deviceEnvironment, onGpu } from './support/device'
import { endedWell, programPath, runNode, runProgram } from './support/program'

const WAYS = {
  together: 'main thread and workers at once, each with its own streams, get the same results',
  ended: 'workers that end with work in flight',
  endWithMemory: 'an end with memory and streams that were not freed',
  messages: 'arrays and streams that are refused as messages',
}
for (const [way, what] of Object.entries(WAYS)) {
  t.test(what, async (t) =>
    endedWell(t, await runProgram('devices.ts', [way], { env: deviceEnvironment }), what),
  )
}

const emulatedOnly = { skip: onGpu && 'a real device is not lost at will' }

t.test('a device that is lost at some call', emulatedOnly, async (t) => {
  for (const failing of [
    'cudaStreamCreateWithFlags:1',
    'cudaMemcpyAsync:1',
    'cudaLaunchKernelEx:1',
    'cudaLaunchKernelEx:2',
    'cudaLaunchKernelEx:77',
    'cudaStreamSynchronize:1',
  ]) {
    const env = { ...deviceEnvironment, CUDA_ON_CPU_FAIL: failing }
    endedWell(t, await runProgram('devices.ts', ['lost'], { env }), failing)
  }
})

t.test('a call after one whose second launch was refused', emulatedOnly, async (t) => {
  const env = { ...deviceEnvironment, CUDA_ON_CPU_REFUSE: 'cudaLaunchKernelEx:2' }
  endedWell(t, await runProgram('devices.ts', ['refused'], { env }), 'counts for itself')
})

t.test('a device that is lost while a promise waits for it', emulatedOnly, async (t) => {
  const env = { ...deviceEnvironment, CUDA_ON_CPU_FAIL: 'cudaStreamSynchronize:3' }
  endedWell(t, await runProgram('devices.ts', ['lostWhileWaiting'], { env }), 'the promise rejects')
})

t.test('where there is no usable device, the reason says why', emulatedOnly, async (t) => {
  const machines: [Record<string, string>, RegExp][] = [
    [{ CUDA_ON_CPU_DEVICES: '0' }, /^no CUDA device on this machine$/m],
    [{ CUDA_ON_CPU_ARCH: '70' }, /^no CUDA device of compute capability 7.5 or later, only of 7.0, 7.0$/m],
    // The emulated build says that it holds sm_75, sm_90, PTX 90.
    [
      { CUDA_ON_CPU_ARCH: '89', CUDA_ON_CPU_DEVICES: '1' },
      /^this binary holds no code for device 0 \(compute capability 8.9\), only sm_75, sm_90, PTX 90: .*ARCHITECTURES=89$/m,
    ],
    [{ CUDA_ON_CPU_FAIL: 'cudaGetDeviceCount:1' }, /^cudaErrorIllegalAddress \(700\): /m],
  ]
  for (const [env, reason] of machines) {
    const outcome = await runProgram('devices.ts', ['none'], { env: { ...deviceEnvironment, ...env } })
    endedWell(t, outcome, JSON.stringify(env))
    t.match(outcome.stdout, reason)
  }
})

t.test('where only some devices can be used, the reason names the others', emulatedOnly, async (t) => {
  const show = "console.log(JSON.stringify(require('jumpout').runtime.cuda))"
  for (const [architectures, others] of [
    [
      '90,80',
      /^this binary holds no code for device 1 \(compute capability 8.0\), only .*ARCHITECTURES=90,80$/,
    ],
    [
      '80,120',
      /^this binary holds no code for device 0 \(compute capability 8.0\), only .*ARCHITECTURES=80,120$/,
    ],
    ['75,90', undefined],
    ['120,75', undefined],
  ] as const) {
    const env = { ...deviceEnvironment, CUDA_ON_CPU_ARCH: architectures }
    const { code, stdout, stderr } = await runNode(['--eval', show], { env })
    t.equal(code, 0, stderr)
    const { available, reason, devices } = JSON.parse(stdout) as Runtime['cuda']
    t.equal(available, true)
    t.same(
      devices.map(({ computeCapability }) => Number(computeCapability) * 10),
      architectures.split(',').map(Number),
    )
    if (others === undefined) t.equal(reason, undefined, architectures)
    else t.match(reason, others)
  }
})

const noAudit = (): string | false => {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  if (header.glibcVersionRuntime === undefined) return 'LD_AUDIT is of glibc'
  return spawnSync('cc', ['--version']).status !== 0 && 'there is no C compiler'
}

t.test('an engine without external array buffers, as Electron', { skip: noAudit() }, async (t) => {
  const audit = join(t.testdir({}), 'no-external-buffers.so')
  execFileSync('cc', ['-shared', '-fPIC', programPath('no-external-buffers.c'), '-o', audit])
  const program = `
    const { allocate, allocPinned, Jumpout, jumpoutBackward, jumpoutForward, jumpoutForwardAsync, release } = require('jumpout')
    async function main() {
      for (const length of [0, 10, 65536, 1_000_000]) {
        const x = allocate(length).fill(1)
        const { output, saved } = jumpoutForward(x, { seed: 1 })
        release(jumpoutBackward(output, saved))
        const layer = new Jumpout({ seed: 1, reuse: true })
        layer.backward(layer.forward(x))
        const { output: later } = await jumpoutForwardAsync(x, { seed: 1 })
        if (Buffer.compare(Buffer.from(output.buffer), Buffer.from(later.buffer)) !== 0) throw new Error('other bits')
        console.log(output.length, saved.mask.length)
      }
      allocPinned(10)
    }
    main().catch((error) => console.log(error.code, error.message))`
  const { code, stdout, stderr } = await runNode(['--eval', program], {
    env: { ...deviceEnvironment, LD_AUDIT: audit },
  })
  t.same({ code, stderr }, { code: 0, stderr: '' })
  t.equal(
    stdout,
    '0 0\n10 1\n65536 2048\n1000000 31250\n' +
      'ERR_INVALID_STATE Expected an engine that allows external array buffers for allocPinned, got one that does not\n',
  )
})
