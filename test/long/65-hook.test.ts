/** .githooks/pre-commit, in a copy of the repository: it refuses what is staged and badly formatted, and only that. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HANG, root } from '../support/program'

const skip =
  (!existsSync(join(root, '.git')) && 'no repository') || (process.platform === 'win32' && 'needs bash')

t.test('what is staged is linted', { skip }, (t) => {
  const copy = join(t.testdir(), 'copy')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: copy, stdio: 'pipe' })
  execFileSync('git', ['clone', '--quiet', '--shared', root, copy], { stdio: 'pipe' })
  for (const name of ['node_modules', 'dist']) symlinkSync(join(root, name), join(copy, name), 'dir')
  git('config', 'core.hooksPath', join(root, '.githooks'))
  git('config', 'user.name', 'test')
  git('config', 'user.email', 'test@example.org')
  const commit = () =>
    spawnSync('git', ['commit', '--message', 'test'], { cwd: copy, encoding: 'utf8', timeout: HANG })

  const wrong: Record<string, [RegExp, string]> = {
    'SECURITY.md': [/SECURITY\.md/, '*  a list\n'],
    'lib/errors.ts': [/no-unused-vars/, 'let unused = 1\n'],
    'csrc/core/rate.hpp': [/clang-format-violations/, 'int  badly ( ) ;\n'],
  }
  for (const [name, [words, addition]] of Object.entries(wrong)) {
    const path = join(copy, name)
    const right = readFileSync(path, 'utf8')
    writeFileSync(path, `${right}${addition}`)
    git('add', name)
    writeFileSync(path, right)
    const { status, stdout, stderr } = commit()
    t.equal(status, 1, `${name} is refused, although the file is right by now`)
    t.match(`${stdout}${stderr}`, words)
    git('add', name)
  }

  writeFileSync(join(copy, 'SECURITY.md'), '*  a list\n')
  writeFileSync(join(copy, 'lib', 'added.ts'), 'export const added = 1\n')
  git('add', 'lib/added.ts')
  const { status, stderr } = commit()
  t.equal(status, 0, stderr)
  t.match(String(git('show', '--stat')), /1 file changed/)
  t.end()
})
