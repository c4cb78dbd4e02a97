'use strict'
// Looks at the packages of this platform as a user would: what they hold, entry points and types, and whether they install in
// an empty project, without a compiler, and work by `import` and by `require`; then whether the package can be built there.
//   npm run check:package                packs them first
//   npm run check:package -- --packed    those in release/

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const { existsSync, mkdtempSync, realpathSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { performance } = require('node:perf_hooks')
const { version } = require('../package.json')
const { checkTypes } = require('./check-types')
const { ownPlatform, packageOf } = require('./release/manifests')
const { bareEnvironment, emptyProject } = require('./release/project')
const { startRegistry } = require('./release/registry')

const root = path.resolve(__dirname, '..')
const release = path.join(root, 'release')
const windows = process.platform === 'win32'
const main = path.join(release, `jumpout-${version}.tgz`)
const wanted = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'CMakeLists.txt',
  'cmake/addon.cmake',
  'cmake/cuda.cmake',
  'csrc/include/jumpout.h',
  'dist/index.d.mts',
  'dist/index.d.ts',
  'dist/index.js',
  'dist/index.mjs',
  'dist/tfjs.d.mts',
  'dist/tfjs.d.ts',
  'dist/tfjs.js',
  'dist/tfjs.mjs',
  'scripts/build-jobs.js',
  'scripts/build-tools.js',
  'scripts/cli.js',
  'scripts/install.js',
  'scripts/lock.js',
]
const unwanted =
  /^(test|bench|examples|tools|build|lib|node_modules|\.ci|\.github)\/|\.(node|gyp|so|dylib|dll)$|tsconfig|eslint|prettier/

/** What it says, errors included; the registry of this machine may be answering meanwhile. */
async function run(command, args, options = {}) {
  console.log(`$ ${command} ${args.join(' ')}`)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], shell: windows, ...options })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
      process.stdout.write(text)
    })
  const [status] = await once(child, 'close')
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${status}\n${said}`)
  return said
}

const smokeOf = async (folder, file = 'smoke.cjs') =>
  JSON.parse(await run(process.execPath, [file], { cwd: folder, shell: false }))

function checkFiles() {
  const files = execFileSync('tar', ['-tzf', path.basename(main)], { cwd: release, encoding: 'utf8' })
  const packed = files
    .trimEnd()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''))
  for (const name of wanted) assert(packed.includes(name), `${name} is missing from the package`)
  for (const name of packed) assert(!unwanted.test(name), `${name} does not belong in the package`)
  console.log(`${path.basename(main)}: ${packed.length} files`)
  return packed
}

/** `npm install` on a bare machine: quick, quiet, no script, and what it brings works. */
async function checkInstallation(folder, env, prebuilt, what) {
  emptyProject(folder)
  const began = performance.now()
  const said = await run('npm', ['install', '--no-audit', '--no-fund', ...what], { cwd: folder, env })
  console.log(`installed in ${Math.round(performance.now() - began)} ms`)
  assert.match(said, /^added 2 packages/m)
  assert.doesNotMatch(said, /warn/i)
  const binary = path.join(folder, 'node_modules', prebuilt, 'jumpout.node')
  const first = await smokeOf(folder, 'smoke.mjs')
  assert.equal(first.binary, binary)
  assert.equal(first.native.staticLibrary, undefined)
  for (const [name, file] of Object.entries(first.native)) assert(existsSync(file), `${name}: ${file}`)
  await run('npm', ['rebuild', '--foreground-scripts'], { cwd: folder, env })
  assert.deepEqual(await smokeOf(folder), first, 'npm rebuild changes nothing')
  return first
}

/** A second addon that finds the C library of the installed package. */
async function checkSecondAddon(folder, { native, results }) {
  const consumer = path.join(root, 'test', 'consumers', 'addon')
  const build = path.join(folder, 'consumer')
  const headers = require('node-api-headers').include_dir
  const options = [`-Djumpout_DIR=${native.cmake}`, `-DNODE_API_INCLUDE=${headers}`]
  await run('cmake', ['-S', consumer, '-B', build, ...options])
  await run('cmake', ['--build', build])
  const program = `
    const { forward } = require(${JSON.stringify(path.join(build, 'consumer.node'))})
    const { jumpoutForward } = require('jumpout')
    const input = Float32Array.from({ length: 1000 }, (_, i) => i - 500)
    const theirs = forward(input, new Uint32Array(32), 7n, 0.1)
    assert.deepEqual(theirs, jumpoutForward(input, { seed: 7, sigma: 0.1 }).output)`
  await run(process.execPath, ['--eval', program], { cwd: folder, shell: false })
  assert(results)
}

async function checkBuild(folder, prebuilt) {
  const env = { ...process.env, JUMPOUT_CUDA: 'OFF' }
  await run('npx', ['--no-install', 'jumpout', 'build'], { cwd: folder, env })
  const built = await smokeOf(folder)
  const home = path.join(folder, 'node_modules', 'jumpout')
  assert.equal(
    built.binary,
    path.join(home, 'build', 'Release', 'jumpout.node'),
    'what was built is preferred',
  )
  assert.equal(built.results, prebuilt.results, 'and gives the same bits')
  assert(existsSync(built.native.staticLibrary))
}

async function check(folder) {
  const platform = ownPlatform()
  if (!process.argv.includes('--packed'))
    await run(process.execPath, [path.join(__dirname, 'release', 'pack.js'), platform.name], { shell: false })
  const prebuilt = packageOf(platform)
  const archive = path.join(release, `${prebuilt}-${version}.tgz`)
  const files = checkFiles()
  await run('npx', ['publint', 'run', main, '--strict'], { cwd: root })
  await run('npx', ['attw', main], { cwd: root })

  const registry = await startRegistry(release)
  try {
    const env = bareEnvironment(folder, registry.url)
    const project = path.join(folder, 'from a registry')
    const first = await checkInstallation(project, env, prebuilt, ['jumpout'])
    await checkInstallation(path.join(folder, 'from files'), env, prebuilt, [main, archive])
    await checkSecondAddon(project, first)
    await checkTypes(project, files)
    await checkBuild(project, first)
  } finally {
    registry.close()
  }
}

const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'jumpout-package-')))
check(folder).finally(() => rmSync(folder, { recursive: true, force: true }))
