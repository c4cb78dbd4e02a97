'use strict'
// Builds build/Release/jumpout.node with CMake, through cmake-js: for `npx jumpout build` where the package is installed, and
// in a checkout for npm ci, npm run build:native and node-gyp rebuild.
// A CMake option JUMPOUT_* can be given as an environment variable of its name, e.g. JUMPOUT_CUDA=OFF. With
// JUMPOUT_CUDA=AUTO a build that fails is tried again without CUDA.
// --emulated: build/emulated/Release/jumpout.node, whose CUDA runs on the CPU, for the tests of the repository. They build
// their native programs from the same objects, in build/emulated/plain (test/support/emulated.ts).

const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { ownBuildJobs } = require('./build-jobs')
const { provideBuildTools } = require('./build-tools')
const { whileLocked } = require('./lock')

const root = path.resolve(__dirname, '..')
const emulated = process.argv.includes('--emulated')
const home = path.join(root, 'build', emulated ? 'emulated' : '')
const buildDir = path.join(home, emulated ? 'plain' : 'cmake')
const options = [
  'JUMPOUT_CUDA',
  'JUMPOUT_CUDA_ARCHITECTURES',
  'JUMPOUT_CURAND',
  'JUMPOUT_CURAND_INCLUDE',
  'JUMPOUT_WERROR',
  'JUMPOUT_SANITIZE',
  'JUMPOUT_EMULATE_AVX512',
  'JUMPOUT_COVERAGE',
]

const minimumCmake = [3, 20]

/** How to get a C++ compiler and CMake, by platform. */
const remedies = {
  linux:
    'Debian, Ubuntu: apt-get install g++ make cmake\n' +
    '  Fedora, RHEL:   dnf install gcc-c++ make cmake\n' +
    '  Alpine:         apk add g++ make cmake',
  darwin: 'xcode-select --install (compiler and make), brew install cmake',
  win32:
    'winget install Kitware.CMake, and Visual Studio Build Tools with the workload "Desktop development with C++"',
}

function stop(problem) {
  console.error(`\njumpout: ${problem}`)
  process.exit(1)
}

function stopForTools(problem) {
  const remedy = remedies[process.platform]
  stop(
    `${problem}\n` +
      `Building the native addon needs a C++20 compiler, make or ninja, and CMake ${minimumCmake.join('.')} or newer.` +
      (remedy ? ` Install them:\n  ${remedy}\nand build again.\n` : '\n'),
  )
}

/** The output of `command`, or null where it cannot be run. */
function output(command, args) {
  const { error, status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return error || status !== 0 ? null : stdout
}

/** The compilers that CXX may name. CMake takes it for a path, and then for a command of the shell. */
function compilersIn(cxx) {
  const [word] = /^(?:"[^"]*"|'[^']*'|\\.|\S)+/.exec(cxx)
  return [...new Set([cxx, word.replace(/\\(.)|["']/g, '$1')])].filter((name) => name !== '')
}

function checkTools() {
  const cmake = output('cmake', ['--version'])
  if (cmake === null) stopForTools('CMake was not found.')
  const [, major, minor] = /(\d+)\.(\d+)/.exec(cmake)?.map(Number) ?? []
  if (major === undefined) stopForTools('CMake did not say its version.')
  if (major < minimumCmake[0] || (major === minimumCmake[0] && minor < minimumCmake[1])) {
    stopForTools(`CMake ${major}.${minor} is too old.`)
  }
  if (process.platform === 'win32') return // cmake-js looks for Visual Studio, and says so if there is none
  const compilers = process.env.CXX ? compilersIn(process.env.CXX) : ['c++', 'g++', 'clang++']
  if (!compilers.some((name) => output(name, ['--version']) !== null)) {
    stopForTools(`No C++ compiler was found (looked for ${compilers.join(', ')}).`)
  }
  if (!['make', 'gmake', 'ninja'].some((name) => output(name, ['--version']) !== null)) {
    stopForTools('Neither make nor ninja was found.')
  }
}

/** Runs cmake-js; what it says is shown and returned. */
async function cmakeJs(command, ...args) {
  const folder = tools['cmake-js']
  const bin = path.join(folder, require(path.join(folder, 'package.json')).bin['cmake-js'])
  const where = ['--directory', root, '--out', buildDir]
  const child = spawn(process.execPath, [bin, command, ...where, ...args], {
    cwd: root,
    stdio: ['inherit', 'pipe', 'pipe'],
  })
  let said = ''
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    from.setEncoding('utf8').on('data', (text) => {
      said += text
      to.write(text)
    })
  }
  const [status] = await once(child, 'close')
  return { status, said }
}

/** Forgets an earlier configuration (another compiler, folder or set of options); compiled objects stay. */
function forgetConfiguration() {
  rmSync(path.join(buildDir, 'CMakeCache.txt'), { force: true })
  const internals = path.join(buildDir, 'CMakeFiles')
  const compilers = existsSync(internals) ? readdirSync(internals).filter((name) => /^\d+\./.test(name)) : []
  for (const name of compilers) rmSync(path.join(internals, name), { recursive: true })
}

// CMake does not see that a blank one is none.
const cxx = process.env.CXX?.trim()
if (cxx) process.env.CXX = cxx
else delete process.env.CXX

const environment = { ...process.env }
if (environment.JUMPOUT_CUDA === 'EMULATED') {
  stop(
    'JUMPOUT_CUDA=EMULATED is for tests and never installed; npm run build:emulated builds it in a checkout.',
  )
}
if (emulated) environment.JUMPOUT_CUDA = 'EMULATED'
const programs = emulated ? ['--CDJUMPOUT_BUILD_TESTS=ON', '--CDJUMPOUT_BUILD_BENCH=ON'] : []
const targets = emulated ? ['--target', 'jumpout_addon'] : [] // tests build the programs that they need

const summary = path.join(buildDir, 'summary.txt')
const binary = path.join(home, 'Release', 'jumpout.node')
const defines = options.filter((name) => environment[name]).map((name) => `--CD${name}=${environment[name]}`)
let tools

/** Configures and builds; what was said where the build fails, else undefined. */
async function build(...more) {
  forgetConfiguration()
  // cmake-js would look for the headers from here, where a project may have others.
  const headers = [path.join(tools['node-api-headers'], 'include'), tools['node-addon-api']].join(';')
  if (
    (await cmakeJs('configure', `--CDCMAKE_JS_INC=${headers}`, ...defines, ...programs, ...more)).status !== 0
  ) {
    stop('CMake could not configure the build; it says why above.')
  }
  const { status, said } = await cmakeJs(
    'build',
    ...targets,
    '--parallel',
    String(ownBuildJobs(isWithCuda())),
  )
  return status === 0 ? undefined : said
}

const isWithCuda = () => !readFileSync(summary, 'utf8').includes('CUDA left out')

async function buildAll() {
  try {
    tools = provideBuildTools()
  } catch (error) {
    stop(error.message)
  }
  let failure = await build()
  if (failure !== undefined && (environment.JUMPOUT_CUDA || 'AUTO') === 'AUTO' && isWithCuda()) {
    console.error('\njumpout: the build with CUDA failed; the CPU part is built without it.\n')
    const log = path.join(buildDir, 'cuda-failed.log')
    writeFileSync(log, failure)
    failure = await build(`--CDJUMPOUT_CUDA_FAILED=${log}`)
  }
  if (failure !== undefined) stop('the native addon did not compile; the compiler says why above.')
  if (!existsSync(binary)) stop(`the build ended without an error, but ${binary} is missing.`)
  console.log(readFileSync(summary, 'utf8').trimEnd())
}

async function main() {
  checkTools()
  const lock = path.join(home, 'building')
  const onWait = () =>
    console.log(`jumpout: waiting for another build here to end; if there is none, remove ${lock}`)
  try {
    await whileLocked(lock, buildAll, { patience: Infinity, onWait })
  } catch (error) {
    if (error.syscall === undefined) throw error
    stop(`${error.message}. The build needs to write into ${home}: build as the user who owns it.`)
  }
}

main()
