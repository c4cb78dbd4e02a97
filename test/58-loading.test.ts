/** Which binary is loaded, what is said where none can be, and that the CUDA driver is left alone. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { native as ownNative, runtime } from 'jumpout'
import t, { type Test } from 'tap'
import manifest from '../package.json'
import { root, runNode } from './support/program'

const platforms = require('../scripts/release/platforms') as {
  name: string
  os: string
  cpu: string
  libc?: string
}[]

const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
const LIBC = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
const own = platforms.find(
  ({ os, cpu, libc }) =>
    os === process.platform && cpu === process.arch && (libc === undefined || libc === LIBC),
)
const PREBUILT = `jumpout-${own?.name ?? 'none'}`
const here = { skip: own === undefined && 'no package is made for this platform' }

/** A project with the package as it is published. */
function project(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'jumpout test ')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const copy = join(folder, 'node_modules', 'jumpout')
  mkdirSync(copy, { recursive: true })
  for (const name of ['package.json', 'dist']) cpSync(join(root, name), join(copy, name), { recursive: true })
  return folder
}

const built = dirname(join(root, 'build', 'Release', 'jumpout.node'))
const source = (folder: string) => join(folder, 'node_modules', 'jumpout', 'build', 'Release')
const prebuilt = (folder: string) => join(folder, 'node_modules', PREBUILT)

function putBuild(folder: string): void {
  cpSync(built, source(folder), { recursive: true, verbatimSymlinks: true })
}

/** The same without the static library, and without links, which npm drops. */
function putPrebuilt(folder: string, name = PREBUILT): string {
  const to = join(folder, 'node_modules', name)
  const libraries = [ownNative.library, ownNative.tensorflow].map((library) => relative(built, library))
  for (const part of ['jumpout.node', 'include', 'lib/cmake', ...libraries])
    cpSync(join(built, part), join(to, part), { recursive: true })
  writeFileSync(join(to, 'package.json'), JSON.stringify({ name, main: './jumpout.node' }))
  return to
}

interface Loaded {
  readonly binary?: string
  readonly native?: Record<string, string>
  readonly code?: string
  readonly message?: string
  readonly causes?: number
}

/** What `require` gives there. `before` is run first. */
async function load(t: Test, folder: string, env: Record<string, string> = {}, before = ''): Promise<Loaded> {
  const program = `${before}
    try {
      const { runtime, native, jumpoutForward } = require('jumpout')
      jumpoutForward(new Float32Array(8).fill(1), { seed: 1 })
      console.log(JSON.stringify({ binary: runtime.binary, native }))
    } catch ({ code, message, cause }) {
      console.log(JSON.stringify({ code, message, causes: cause?.length }))
    }`
  const { code, stdout, stderr } = await runNode(['--eval', program], { cwd: folder, env })
  t.equal(code, 0, stderr)
  return JSON.parse(stdout) as Loaded
}

t.test('the platforms are listed once', async (t) => {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(join(root, 'lib', 'native.ts'), 'utf8')
  const named = [...text.matchAll(/'([\w-]+)': \(\) => require\.resolve\('jumpout-\1'\)/g)]
  t.same(named.map(([, name]) => name).sort(), platforms.map(({ name }) => name).sort())
  t.equal(manifest.version, runtime.version)
})

t.test('the prebuilt binary', here, async (t) => {
  const folder = project(t)
  putPrebuilt(folder)
  const { binary, native } = await load(t, folder)
  t.equal(binary, join(prebuilt(folder), 'jumpout.node'))
  t.strictSame(
    native,
    {
      include: join(prebuilt(folder), 'include'),
      cmake: join(prebuilt(folder), 'lib', 'cmake', 'jumpout'),
      library: join(prebuilt(folder), relative(built, ownNative.library)),
      tensorflow: join(prebuilt(folder), relative(built, ownNative.tensorflow)),
    },
    'what belongs to it lies beside it, without a static library',
  )
})

t.test('a build in the package is preferred', here, async (t) => {
  const folder = project(t)
  putPrebuilt(folder)
  putBuild(folder)
  const { binary, native } = await load(t, folder)
  t.equal(binary, join(source(folder), 'jumpout.node'))
  t.equal(native?.staticLibrary, join(source(folder), relative(built, ownNative.staticLibrary ?? '')))

  writeFileSync(join(source(folder), 'jumpout.node'), 'not a binary')
  t.equal((await load(t, folder)).binary, join(prebuilt(folder), 'jumpout.node'), 'unless it is broken')
})

t.test('JUMPOUT_BINARY is preferred to both', here, async (t) => {
  const folder = project(t)
  putPrebuilt(folder)
  const JUMPOUT_BINARY = join(built, 'jumpout.node')
  t.equal((await load(t, folder, { JUMPOUT_BINARY })).binary, JUMPOUT_BINARY)
  const missing = await load(t, folder, { JUMPOUT_BINARY: 'missing.node' })
  t.equal(missing.code, 'ERR_NO_BINARY', 'and nothing else is loaded for it')
  t.match(missing.message, join(folder, 'missing.node'))
  t.notMatch(missing.message, `- ${PREBUILT}:`)
})

t.test('a wrong JUMPOUT_BINARY, whatever it is', here, async (t) => {
  const folder = project(t)
  const failing: Record<string, [text: string, reason: string]> = {
    'null.js': ['throw null', 'it threw null'],
    'undefined.js': ['throw undefined', 'it threw undefined'],
    'string.js': ["throw 'a text'", "it threw 'a text'"],
    'lines.js': ["throw new Error('one\\ntwo')", 'one'],
    'nothing.js': ['module.exports = null', "Cannot read properties of null (reading 'host')"],
    'other.js': ['', `it belongs to another version, unknown, than ${runtime.version}`],
  }
  for (const [name, [text, reason]] of Object.entries(failing)) {
    writeFileSync(join(folder, name), text)
    const { code, message } = await load(t, folder, { JUMPOUT_BINARY: name })
    t.equal(code, 'ERR_NO_BINARY', name)
    t.equal(
      message?.split('\n').slice(1).join('\n'),
      `- ${join(folder, name)}: ${reason}\nPossible solutions:\n` +
        '- Let JUMPOUT_BINARY name a jumpout.node of this version, or unset it: then others are tried',
    )
  }
  const gone = `
    const { mkdirSync, rmdirSync } = require('node:fs')
    require('node:module').globalPaths.push(${JSON.stringify(join(folder, 'node_modules'))})
    mkdirSync('gone'); process.chdir('gone'); rmdirSync('../gone')`
  const { code, message } = await load(t, folder, { JUMPOUT_BINARY: 'null.js' }, gone)
  t.equal(code, 'ERR_NO_BINARY')
  t.match(message, /^- JUMPOUT_BINARY: ENOENT.*cwd/m, 'a relative one, where there is no folder')
})

t.test('a process that may load no addon, or not read it', here, async (t) => {
  const folder = project(t)
  putBuild(folder)
  const solutionsOf = ({ message = '' }: Loaded) => message.replace(/^[^]*Possible solutions:\n/, '')
  const disabled = `process.dlopen = () => {
    throw Object.assign(new Error('disabled'), { code: 'ERR_DLOPEN_DISABLED' }) // as with --no-addons
  }`
  t.equal(
    solutionsOf(await load(t, folder, {}, disabled)),
    '- Start Node.js without --no-addons, or with --allow-addons where its permission model is on',
  )
  const hidden = `require('node:fs').existsSync = () => {
    throw Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' }) // as with --permission
  }`
  const restricted = await load(t, folder, {}, hidden)
  t.equal(restricted.code, 'ERR_NO_BINARY')
  t.equal(
    solutionsOf(restricted),
    `- Let Node.js read ${join(folder, 'node_modules', 'jumpout')}: --allow-fs-read`,
  )
})

t.test('where none can be loaded, the error says what was tried, and what to do', here, async (t) => {
  const folder = project(t)
  const none = await load(t, folder)
  t.equal(none.code, 'ERR_NO_BINARY')
  t.match(none.message, `${process.platform} ${process.arch}`)
  t.match(none.message, `- ${join(source(folder), 'jumpout.node')}: not there\n- ${PREBUILT}: not there\n`)
  t.match(none.message, /npm install --include=optional jumpout/)
  t.match(none.message, /npx jumpout build/)
  t.equal(none.causes, 0)

  putPrebuilt(folder)
  putBuild(folder)
  rmSync(join(prebuilt(folder), 'lib'), { recursive: true })
  writeFileSync(join(source(folder), 'jumpout.node'), 'not a binary')
  const broken = await load(t, folder)
  t.equal(broken.code, 'ERR_NO_BINARY')
  t.match(broken.message, new RegExp(`^- ${join(source(folder), 'jumpout.node')}: .+`, 'm'))
  t.match(broken.message, new RegExp(`^- ${join(prebuilt(folder), 'jumpout.node')}: .*libjumpout`, 'm'))
  t.equal(broken.causes, 2, 'each failure is kept')
})

t.test('a binary of another version is none', here, async (t) => {
  const folder = project(t)
  putPrebuilt(folder)
  const file = join(folder, 'node_modules', 'jumpout', 'package.json')
  writeFileSync(file, JSON.stringify({ ...manifest, version: '99.0.0' }))
  const { code, message } = await load(t, folder)
  t.equal(code, 'ERR_NO_BINARY')
  t.match(message, `another version, ${runtime.version}, than 99.0.0`)
})

t.test('a wrong environment variable is not mistaken for a wrong binary', here, async (t) => {
  const folder = project(t)
  putPrebuilt(folder)
  t.equal((await load(t, folder, { JUMPOUT_NUM_THREADS: 'many' })).code, 'ERR_BAD_ENVIRONMENT')
})

t.test('the C library of the process decides', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = project(t)
  const pretend = (maps: string) => `
    const fs = require('node:fs')
    const { readFileSync } = fs
    fs.readFileSync = (file, ...rest) => {
      if (file !== '/proc/self/maps') return readFileSync(file, ...rest)
      ${maps}
    }`
  const musl = await load(t, folder, {}, pretend(`return '7f00-7f01 r--p /lib/ld-musl-x86_64.so.1'`))
  t.match(musl.message, `- jumpout-linux-${process.arch}-musl: not there`)
  const withoutProc = await load(t, folder, {}, pretend(`throw new Error('ENOENT')`))
  t.match(withoutProc.message, `- ${PREBUILT}: not there`)
})

t.test('a platform without a package', async (t) => {
  const { code, message } = await load(
    t,
    project(t),
    {},
    `Object.defineProperty(process, 'platform', { value: 'sunos' })`,
  )
  t.equal(code, 'ERR_NO_BINARY')
  t.match(
    message,
    /- There is no prebuilt package for sunos-\w+\n- Build it on this machine: npx jumpout build/,
  )
})
