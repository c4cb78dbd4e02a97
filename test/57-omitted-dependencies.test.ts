/** A checkout whose development dependencies were not installed: what works without them works, the rest says what to do. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../package.json'
import { type Outcome, root, runNode } from './support/program'
import { script, unix } from './support/toolkits'

const TRACKED = [
  'package.json',
  'lib',
  'scripts',
  'tsconfig.json',
  'tsconfig.build.json',
  'api-extractor.json',
]
const BUILT = ['index', 'tfjs'].flatMap((name) =>
  ['js', 'd.ts', 'mjs', 'd.mts'].map((kind) => `${name}.${kind}`),
)

/** Outside the repository, whose node_modules would be found from within. */
function checkout(t: Test, built: readonly string[] = [], installed: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout test '))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of TRACKED) cpSync(join(root, name), join(folder, name), { recursive: true })
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const name of built) write(join('dist', name), `// ${name}`)
  for (const name of installed) write(join('node_modules', name, 'package.json'), '{}')
  return folder
}

const build = (folder: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
  runNode([join(folder, 'scripts', 'build.js'), ...args], { cwd: folder, env: { npm_command: 'ci', ...env } })

function asBefore(t: Test, folder: string, built: readonly string[]): void {
  const found = existsSync(join(folder, 'dist')) ? readdirSync(join(folder, 'dist')) : []
  t.same(found.sort(), [...built].sort(), 'dist/ is as it was')
  for (const name of built) t.equal(readFileSync(join(folder, 'dist', name), 'utf8'), `// ${name}`)
}

function refuses(
  t: Test,
  { code, stdout, stderr }: Outcome,
  missing = /typescript, @microsoft\/api-extractor/,
) {
  t.equal(code, 1)
  t.match(stderr, missing)
  t.match(stderr, /^jumpout: dist\/ is made by development dependencies that are not installed: /m)
  t.match(stderr, /npm ci --include=dev in .*jumpout test /, 'a command, and where')
  t.notMatch(stderr + stdout, /^ +at |node:internal/m, 'no stack trace')
}

t.test('without dist/, an installation fails and says why', async (t) => {
  for (const built of [[], ['index.js'], BUILT.slice(1)]) {
    const folder = checkout(t, built)
    refuses(t, await build(folder, ['--prepare']))
    asBefore(t, folder, built)
  }
})

t.test('a dist/ that is there stays, and is enough for an installation', async (t) => {
  const folder = checkout(t, BUILT)
  const { code, stderr } = await build(folder, ['--prepare'])
  t.equal(code, 0, stderr)
  t.match(stderr, /^jumpout: dist\/ stays as it is; what makes it is not installed: typescript, /m)
  asBefore(t, folder, BUILT)
})

t.test('it is not enough for who asks for a new one, nor for a package', async (t) => {
  const folder = checkout(t, BUILT)
  refuses(t, await build(folder))
  for (const command of ['pack', 'publish'])
    refuses(t, await build(folder, ['--prepare'], { npm_command: command }))
  asBefore(t, folder, BUILT)
})

t.test('what is missing is named', async (t) => {
  const folder = checkout(t, [], ['typescript', '@types/node'])
  refuses(t, await build(folder, ['--prepare']), /not installed: @microsoft\/api-extractor\.$/m)
})

t.test('the scripts of package.json', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  t.equal(scripts.prepare, 'node scripts/build.js --prepare')
  t.equal(scripts.build, 'node scripts/build.js')
})

t.test('the addon, where neither its tools nor a registry are there', async (t) => {
  // A cmake-js of another version, as a project around the package may have, does not count.
  const folder = checkout(t, [], ['cmake-js', 'node-addon-api', 'node-api-headers'])
  const { code, stdout, stderr } = await runNode([join(folder, 'scripts', 'cli.js'), 'build'], {
    cwd: folder,
    env: {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder, 'cache'),
    },
  })
  t.equal(code, 1)
  t.match(stdout, /^jumpout: fetching cmake-js@\d+\.\d+\.\d+, node-addon-api@.* into .*build.tools$/m)
  t.match(stderr, /^jumpout: cmake-js@.* could not be fetched; .*: npm ci first\.$/m)
  t.notMatch(stderr, /^ +at /m, 'no stack trace of ours')
})

const { buildTools } = require('../scripts/build-tools') as {
  buildTools(manifest: object): Record<string, string>
}
const TOOLS = Object.entries(buildTools(manifest))

/** Stands for cmake-js: says what compiler it is given and whether the folder is locked, and builds what is none. */
const CMAKE_JS = `
const { existsSync, mkdirSync, writeFileSync } = require('node:fs')
const [command, , root, , out] = process.argv.slice(2)
if (command === 'configure') {
  console.log('CXX is', JSON.stringify(process.env.CXX), 'locked', existsSync(root + '/build/building'))
  mkdirSync(out, { recursive: true })
  writeFileSync(out + '/summary.txt', 'CUDA left out\\n')
} else {
  mkdirSync(root + '/build/Release', { recursive: true })
  writeFileSync(root + '/build/Release/jumpout.node', '')
}`

/** Puts the packages that the build asks for, made-up ones, into a folder. */
function putTools(folder: string): void {
  for (const [name, version] of TOOLS) {
    const manifest = { name, version, bin: { [name]: 'bin.js' } }
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(folder, name, 'bin.js'), CMAKE_JS)
  }
}

const PROGRAMS = { cmake: 'echo cmake version 3.25.1', 'c++': 'exit 0', make: 'exit 0' }

/** PATH with made-up programs in it alone. */
function pathOf(programs: Record<string, string>): string {
  const found = Object.entries(programs).map(([name, body]) => dirname(script(name, body)))
  return [...found, '/bin', '/usr/bin'].join(delimiter)
}

const install = (folder: string, env: Record<string, string> = {}) =>
  runNode([join(folder, 'scripts', 'cli.js'), 'build'], {
    cwd: folder,
    env: { PATH: pathOf(PROGRAMS), CXX: undefined, ...env },
  })

function checkoutWithTools(t: Test): string {
  const folder = checkout(t)
  putTools(join(folder, 'node_modules'))
  return folder
}

/** Ends with a sentence of ours. */
function stops(t: Test, { code, stderr }: Outcome, message: RegExp, what: string): void {
  t.equal(code, 1, what)
  t.match(stderr, /^jumpout: /m, what)
  t.match(stderr, message, what)
  t.notMatch(stderr, /^ +at |node:internal/m, 'no stack trace')
}

t.test('the compiler that CXX names, as CMake reads it', unix, async (t) => {
  const folder = checkoutWithTools(t)
  const compiler = script('g++', 'exit 0') // in a folder with a space in its name
  const cases: [cxx: string, seen: string | undefined][] = [
    [' ', undefined],
    [' c++ ', 'c++'],
    ['c++ -m64', 'c++ -m64'],
    [compiler, compiler],
    [`"${compiler}" -m64`, `"${compiler}" -m64`],
    [compiler.replaceAll(' ', '\\ '), compiler.replaceAll(' ', '\\ ')],
  ]
  for (const [CXX, seen] of cases) {
    const { code, stdout, stderr } = await install(folder, { CXX })
    t.equal(code, 0, CXX, { stderr })
    t.match(stdout, `CXX is ${JSON.stringify(seen)}`, CXX)
  }
  for (const CXX of ['absent', 'absent -m64', '""', `${compiler} -m64`])
    stops(t, await install(folder, { CXX }), /No C\+\+ compiler was found/, CXX)
})

t.test('a CMake that does not say its version', unix, async (t) => {
  const PATH = pathOf({ ...PROGRAMS, cmake: 'echo hello' })
  stops(t, await install(checkoutWithTools(t), { PATH }), /CMake did not say its version/, 'no number')
})

t.test('a package that cannot be written', unix, async (t) => {
  const folder = checkoutWithTools(t)
  writeFileSync(join(folder, 'build'), 'no folder')
  stops(t, await install(folder), /The build needs to write into .*build.*: build as the user/, 'no folder')
})

t.test('one build at a time', unix, async (t) => {
  const folder = checkoutWithTools(t)
  const lock = join(folder, 'build', 'building')
  mkdirSync(lock, { recursive: true })
  writeFileSync(join(lock, 'pid'), `${process.pid}`)
  const child = spawn(process.execPath, [join(folder, 'scripts', 'install.js')], {
    env: { ...process.env, PATH: pathOf(PROGRAMS), CXX: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (/waiting/.test(said)) rmSync(lock, { recursive: true, force: true })
  })
  const [status] = (await once(child, 'close')) as [number]
  t.equal(status, 0)
  t.match(
    said,
    /^jumpout: waiting for another build here to end; .*remove .*building\nCXX is .* locked true$/m,
  )
  t.notOk(existsSync(lock), 'released')

  mkdirSync(lock)
  writeFileSync(join(lock, 'pid'), `${spawnSync(process.execPath, ['--eval', '']).pid}`)
  const { code, stdout } = await install(folder)
  t.equal(code, 0)
  t.notMatch(stdout, /waiting/, 'the lock of a process that has ended is none')
})

const { startRegistry } = require('../scripts/release/registry') as {
  startRegistry(folder: string): Promise<{ url: string; close: () => void }>
}

t.test('tools are fetched, whatever npm is configured for', unix, async (t) => {
  const folder = checkout(t)
  const registry = join(folder, 'registry')
  putTools(registry)
  for (const [name] of TOOLS)
    execFileSync('tar', ['-czf', `${name}.tgz`, '--transform', `s/^${name}/package/`, name], {
      cwd: registry,
    })
  const { url, close } = await startRegistry(registry)
  t.teardown(close)
  const cases: Record<string, string>[] = [
    { npm_config_workspace: 'some' },
    { npm_config_workspaces: 'true' },
    { NPM_CONFIG_DRY_RUN: 'true' },
    { npm_config_package_lock_only: 'true' },
    { npm_config_location: 'global' },
  ]
  for (const configured of cases) {
    rmSync(join(folder, 'build'), { recursive: true, force: true })
    const { code, stderr } = await install(folder, {
      PATH: [pathOf(PROGRAMS), dirname(process.execPath)].join(delimiter),
      npm_config_registry: url,
      npm_config_cache: join(folder, 'cache'),
      ...configured,
    })
    t.equal(code, 0, JSON.stringify(configured), { stderr })
  }
})

t.test('help', async (t) => {
  for (const words of [['help'], ['--help'], ['-h'], ['build', '--help'], ['build', '-h']]) {
    const { code, stdout } = await runNode([join(root, 'scripts', 'cli.js'), ...words])
    t.equal(code, 0, words.join(' '))
    t.match(stdout, /^Usage: jumpout build/, words.join(' '))
  }
  t.equal((await runNode([join(root, 'scripts', 'cli.js'), 'built'])).code, 2)
})
