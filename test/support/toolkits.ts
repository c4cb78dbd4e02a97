/** What the build makes of a compiler: made-up programs, and JUMPOUT_CUDA=AUTO without them. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from './program'

export const scratch = mkdtempSync(join(tmpdir(), 'jumpout toolkits '))
t.teardown(() => rmSync(scratch, { recursive: true }))
export const unix = { skip: process.platform === 'win32' && 'the made-up programs are shell scripts' }

const KNOWN = [75, 80, 86, 87, 89, 90]

/** A program of this name in a folder of its own, with the shell's words as its body. */
export function script(name: string, body: string): string {
  const path = join(mkdtempSync(join(scratch, 'bin ')), name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return path
}

/** An nvcc that says what it is, and does the rest by `otherwise`. */
export const nvcc = (version: string, otherwise: string): string =>
  script(
    'nvcc',
    `case "$*" in
  --version) printf 'nvcc: NVIDIA (R) Cuda compiler driver\\nCuda compilation tools, release ${version}, V${version}.99\\n' ;;
  --list-gpu-code) printf 'sm_%s\\n' ${KNOWN.join(' ')} ;;
  *) ${otherwise} ;;
esac`,
  )

interface Configured {
  status: number | null
  said: string
  /** The last line of the build. */
  summary: string
  /** The source that carries the reason into the library. */
  source: string
}

export function configure(compiler: string, options: readonly string[] = []): Configured {
  const build = mkdtempSync(join(scratch, 'build '))
  const { status, stdout, stderr } = spawnSync(
    'cmake',
    ['-S', root, '-B', build, '-DJUMPOUT_BUILD_ADDON=OFF', '-DJUMPOUT_PATIENCE=2', ...options],
    { encoding: 'utf8', env: { ...process.env, CUDACXX: compiler } },
  )
  const summary = status === 0 ? readFileSync(join(build, 'summary.txt'), 'utf8').trimEnd() : ''
  return { status, said: stdout + stderr, summary, source: join(build, 'cuda_reason.cpp') }
}

/** AUTO leaves CUDA out for this reason, in one line. */
export function leavesOut(
  t: Test,
  compiler: string,
  reason: RegExp,
  what: string,
  options: readonly string[] = [],
) {
  const { status, said, summary, source } = configure(compiler, options)
  t.equal(status, 0, `${what}: configured`, { said })
  const compiled = spawnSync('c++', ['-std=c++20', '-fsyntax-only', source], { encoding: 'utf8' })
  t.same([compiled.status, compiled.stderr], [0, ''], `${what}: the library can say it`)
  t.match(summary, reason, what)
  t.match(summary, /^jumpout .+: CPU backend \(.+\) built; CUDA left out: [^\n]+$/, `${what}: one line`)
}
