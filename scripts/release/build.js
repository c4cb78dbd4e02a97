'use strict'
// Builds the native files of one platform package: zig cross-compiles them and links them with its own C++ library, against
// the oldest system that they are to run on. CUDA's files are compiled by nvcc, whose host compiler is g++.

const { spawnSync } = require('node:child_process')
const { rmSync } = require('node:fs')
const path = require('node:path')
const { ownBuildJobs } = require('../build-jobs')
const { checkFloor } = require('./floor')
const { platformNamed } = require('./manifests')
const { cuda, ninja, python, root, run, zig } = require('./tools')
const { tryOut } = require('./try')

const runs = (command) => spawnSync(command, ['--version']).status === 0

/** Why the files of this platform cannot be built on this machine, a sentence; undefined where they can. */
function canBuild(platform) {
  const missing = ['cmake', python].filter((command) => !runs(command))
  if (platform.cuda) {
    if (process.platform !== 'linux' || process.arch !== 'x64')
      return 'nvcc is fetched for Linux on x64 alone'
    if (!runs('g++')) missing.push('g++, for nvcc')
  }
  return missing.length > 0 ? `${missing.join(', ')} is missing` : undefined
}

/** What CMake is told. */
function settings(platform, folder) {
  const { include_dir: api, def_paths: defs } = require('node-api-headers')
  const cxx = path.dirname(require.resolve('node-addon-api/package.json'))
  const prefixes = `-ffile-prefix-map=${root}=. -s`
  const all = {
    CMAKE_TOOLCHAIN_FILE: path.join(root, 'cmake', 'zig.cmake'),
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_MAKE_PROGRAM: ninja(), // make packs objects for Windows with an `ar` of its own
    CMAKE_CXX_FLAGS: prefixes,
    CMAKE_JS_INC: `${api};${cxx}`,
    CMAKE_JS_NODELIB_DEF: defs.node_api_def,
    JUMPOUT_ZIG: zig(),
    JUMPOUT_ZIG_TARGET: platform.zig,
    JUMPOUT_ADDON_DIR: folder,
    JUMPOUT_INSTALL_STATIC: 'OFF',
    JUMPOUT_CUDA: 'OFF',
  }
  if (!platform.cuda) return all
  const toolkit = cuda()
  return {
    ...all,
    JUMPOUT_CUDA: 'ON',
    JUMPOUT_CUDA_ARCHITECTURES: 'ALL',
    JUMPOUT_CURAND: 'OFF', // its twin gives the same numbers
    CMAKE_CUDA_COMPILER: path.join(toolkit, 'bin', 'nvcc'),
    CMAKE_CUDA_HOST_COMPILER: 'g++',
    CMAKE_CUDA_FLAGS: `--compress-mode=size -Xcompiler=-ffile-prefix-map=${root}=.`,
    CUDAToolkit_ROOT: toolkit,
  }
}

/**
 * Fills `folder` with the files of a platform package, or throws: where a tool is missing, the build fails, what was built
 * asks for more than its floor, or does not work where it can be run. All texts are for people.
 */
function build(platform, folder) {
  const problem = canBuild(platform)
  if (problem !== undefined) throw new Error(`${platform.name} cannot be built here: ${problem}.`)
  const objects = path.join(root, 'build', 'release', platform.name)
  for (const old of [objects, folder]) rmSync(old, { recursive: true, force: true })
  const options = Object.entries(settings(platform, path.resolve(folder))).map(
    ([name, value]) => `-D${name}=${value}`,
  )
  // Beside the tools, and in this folder alone.
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: path.join(root, 'build', 'release', 'zig-cache') }
  env.ZIG_LOCAL_CACHE_DIR = env.ZIG_GLOBAL_CACHE_DIR
  for (const name of ['CXXFLAGS', 'CUDAFLAGS', 'LDFLAGS']) delete env[name] // CMake would add them
  run('cmake', ['-S', root, '-B', objects, '-G', 'Ninja', ...options], { env })
  run('cmake', ['--build', objects, '--parallel', String(ownBuildJobs(platform.cuda))], { env })
  return { floor: checkFloor(platform, folder), ...tryOut(platform, folder) }
}

module.exports = { build, canBuild }

if (require.main === module) {
  for (const name of process.argv.slice(2)) {
    const platform = platformNamed(name)
    const started = Date.now()
    const result = build(platform, path.join(root, 'release', name))
    console.log(name, result, `${Math.round((Date.now() - started) / 1000)} s`)
  }
}
