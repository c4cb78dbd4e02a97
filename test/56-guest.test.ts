/**
 * Other native code in the process: results stay the same, and so does what is not ours. test/native/guest_test.cpp has more,
 * fork() among it. V8 keeps its heap from children, so that no JavaScript runs in one; the addon of
 * test/90-native-consumers.test.ts forks a process of Node and makes the child's call in C.
 */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { endedWell, root, runProgram } from './support/program'

const WAYS = {
  floats: 'a main thread that flushes subnormals',
  asyncFloats: "threads of Node's pool that flush subnormals",
}

t.test('beside another addon', { skip: process.platform === 'win32' && 'POSIX' }, async (t) => {
  const host = join(t.testdir(), 'host.node')
  const headers = createRequire(__filename)('node-api-headers') as { include_dir: string }
  const flags = ['-shared', '-fPIC', '-DNAPI_VERSION=8', `-I${headers.include_dir}`]
  if (process.platform === 'darwin') flags.push('-undefined', 'dynamic_lookup')
  const source = join(root, 'test', 'programs', 'guest', 'host.c')
  execFileSync(process.env.CC ?? 'cc', [...flags, source, '-o', host])
  for (const [way, what] of Object.entries(WAYS))
    for (const threads of ['1', '3'])
      endedWell(
        t,
        await runProgram('guest.ts', [host, way], { env: { JUMPOUT_NUM_THREADS: threads } }),
        `${what}, ${threads} threads`,
      )
})
