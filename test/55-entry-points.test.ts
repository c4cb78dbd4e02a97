/** The package as users load it: required, imported, copied without its binary. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as jumpout from 'jumpout'
import t from 'tap'
import { copyBuild, root, runNode } from './support/program'

const FUNCTIONS = [
  'jumpoutForward',
  'jumpoutBackward',
  'jumpoutForwardAsync',
  'jumpoutBackwardAsync',
  'countActive',
  'foldIn',
  'allocate',
  'release',
  'Jumpout',
]

t.test('the exports of the package', (t) => {
  for (const name of FUNCTIONS) t.type(jumpout[name as keyof typeof jumpout], 'function', name)
  t.type(jumpout.runtime, 'object')
  t.end()
})

t.test('import and require give the same things, from one binary', async (t) => {
  const { code, stdout, stderr } = await runNode([
    '--input-type=module',
    '--eval',
    `import * as imported from 'jumpout'
     import { createRequire } from 'node:module'
     const required = createRequire(process.cwd() + '/')('jumpout')
     const names = Object.keys(imported).filter((name) => name !== 'default' && name !== 'module.exports').sort()
     const same = names.filter((name) => imported[name] === required[name])
     console.log(JSON.stringify({ names, same, required: Object.keys(required).sort() }))`,
  ])
  t.equal(code, 0, stderr)
  const { names, same, required } = JSON.parse(stdout) as Record<string, string[]>
  t.strictSame(names, required, 'the same names')
  t.strictSame(same, names, 'the same values')
  for (const name of [...FUNCTIONS, 'runtime']) t.ok(names.includes(name), name)
})

/** The package without its binary, in a folder of its own; its dependencies are linked. */
function copyOfPackage(folder: string): string {
  const copy = join(folder, 'node_modules', 'jumpout')
  mkdirSync(copy, { recursive: true })
  for (const name of ['package.json', 'dist']) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  return copy
}

const load = (folder: string) =>
  runNode(
    [
      '--eval',
      `try { require('jumpout') } catch (error) { console.log(error.code + '\\n' + error.message) }`,
    ],
    {
      cwd: folder,
    },
  )

t.test('without a usable binary, the error names the command that builds one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout test '))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const copy = copyOfPackage(folder)
  const helpful = (stdout: string, what: string) => {
    t.match(stdout, /^ERR_NO_BINARY\n/, `${what}: a code`)
    t.match(stdout, /npx jumpout build/, `${what}: a command`)
    t.match(stdout, new RegExp(`${process.platform} ${process.arch}`), `${what}: the platform`)
  }

  helpful((await load(folder)).stdout, 'none')

  mkdirSync(join(copy, 'lib'))
  const { stdout } = await load(folder)
  t.match(stdout, /npm run build:native/, 'in a checkout, as after npm ci --ignore-scripts')
  t.notMatch(stdout, /npx jumpout/)
  rmSync(join(copy, 'lib'), { recursive: true })

  const release = join(copy, 'build', 'Release')
  mkdirSync(release, { recursive: true })
  writeFileSync(join(release, 'jumpout.node'), 'not a binary')
  helpful((await load(folder)).stdout, 'a broken one')

  copyBuild(release)
  const moved = await load(folder)
  t.same(
    moved,
    { code: 0, signal: null, stdout: '', stderr: '' },
    'with the real one it loads, also under a path with spaces',
  )
})

t.test('the package is one module, however often it is loaded', async (t) => {
  const { code, stderr } = await runNode([
    '--eval',
    `const first = require('jumpout')
     for (const name of Object.keys(require.cache)) if (!name.endsWith('.node')) delete require.cache[name]
     const second = require('jumpout')
     const { output } = second.jumpoutForward(new Float32Array(8), { seed: 1 })
     if (first === second || output.length !== 8) process.exit(1)`,
  ])
  t.equal(code, 0, stderr)
})
