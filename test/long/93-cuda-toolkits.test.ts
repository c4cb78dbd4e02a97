/**
 * JUMPOUT_CUDA=AUTO with this machine's nvcc: parts of its toolkit are missing, or it fails in the middle of an
 * installation, whose CPU part is built all the same.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../support/program'
import { configure, leavesOut, scratch, script, unix } from '../support/toolkits'

/** The toolkit of this machine's nvcc, which may be reached through links and scripts; null without one. */
function ownToolkit(): string | null {
  for (const compiler of ['nvcc', '/usr/local/cuda/bin/nvcc']) {
    const { stdout, stderr } = spawnSync(compiler, ['-v', 'nothing'], { encoding: 'utf8' })
    const [, top] = /^#\$ TOP=(.+)$/m.exec(`${stdout}\n${stderr}`) ?? []
    if (top) return realpathSync(top)
  }
  return null
}

const toolkit = ownToolkit()

/** That toolkit in links, without the files of which a path ends like one of `hidden`. */
function without(from: string, ...hidden: readonly string[]): string {
  const to = mkdtempSync(join(scratch, 'toolkit '))
  const farm = (folder: string): void => {
    mkdirSync(join(to, folder), { recursive: true })
    for (const entry of readdirSync(join(from, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (hidden.some((end) => path.endsWith(end))) continue
      if (entry.isDirectory()) farm(path)
      else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, path)), join(to, path))
      else if (folder === 'bin')
        cpSync(join(from, path), join(to, path)) // they look for others beside them
      else symlinkSync(join(from, path), join(to, path))
    }
  }
  farm('')
  return join(to, 'bin', 'nvcc')
}

t.test('this toolkit with parts missing', (t) => {
  if (toolkit === null) {
    t.comment('skipped: nvcc is not installed')
    t.end()
    return
  }
  for (const [file, reason] of Object.entries({
    'libcudart_static.a': /cudart_static/,
    'cuda_runtime.h': /error: cuda_runtime\.h|cuda_runtime\.h: No such file/,
    'cuda_bf16.h': /bf16|bfloat16/,
    'cooperative_groups.h': /error: cooperative_groups\.h/,
    'nvvm/bin/cicc': /cicc: not found/,
  }))
    leavesOut(t, without(toolkit, file), reason, `without ${file}`)
  const { status, said, summary } = configure(without(toolkit), ['-DJUMPOUT_CUDA=ON'])
  t.equal(status, 0, 'and whole', { said })
  t.match(summary, /; CUDA \d+\.\d+.* \(.*(sm_|PTX )\d+/)
  t.end()
})

/** What a process says, and how it ended. */
function run(command: string, args: readonly string[], env: Record<string, string>, cwd = root) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, said: stderr + stdout }
}

t.test('an installation whose CUDA part does not compile', unix, (t) => {
  if (toolkit === null) {
    t.comment('skipped: nvcc is not installed')
    t.end()
    return
  }
  const folder = mkdtempSync(join(scratch, 'package '))
  for (const name of ['CMakeLists.txt', 'cmake', 'csrc', 'dist', 'package.json', 'scripts'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  const compiler = script(
    'nvcc',
    `case "$*" in *csrc/cuda/*) echo "backend.cu(1): error: out of luck"; kill -9 $$ ;; esac
exec '${join(toolkit, 'bin', 'nvcc')}' "$@"`,
  )
  const install = (cuda: string) =>
    run(process.execPath, ['scripts/install.js'], { CUDACXX: compiler, JUMPOUT_CUDA: cuda }, folder)

  const failed = install('ON')
  t.equal(failed.status, 1, 'ON fails', { said: failed.said })
  t.match(failed.said, /error: out of luck/)

  const { status, said } = install('AUTO')
  t.equal(status, 0, 'AUTO does not', { said })
  const reason = 'the build with it failed: backend.cu(1): error: out of luck'
  t.ok(said.endsWith(`CUDA left out: ${reason}\n`), said.slice(-300))
  const print = 'const { cuda } = require("jumpout").runtime; console.log(cuda.compiled, cuda.reason)'
  t.match(
    run(process.execPath, ['-e', print], {}, folder).said,
    `false ${reason}\n`,
    'and the addon says why',
  )
  t.end()
})
