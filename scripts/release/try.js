'use strict'
// Runs what was built: the golden vectors, bit for bit, and the instruction set that it chose. In a Node of its platform,
// which is this one, one that is started by the C library of another, or one under emulation.

const { spawnSync } = require('node:child_process')
const { cpSync, existsSync, readFileSync } = require('node:fs')
const path = require('node:path')
const { ownPlatform, platformNamed } = require('./manifests')
const { linuxNode, linuxRoot, machines, root, run } = require('./tools')

const LOADERS = {
  glibc: (machine) =>
    `${machine}-linux-gnu/ld-linux-${machine === 'x86_64' ? 'x86-64.so.2' : 'aarch64.so.1'}`,
  musl: (machine) => `${machine}-linux-musl/libc.so`,
}

/** How a Node of this platform is started here, and what that is called; or why none is. */
function nodeOf(platform) {
  if (platform === ownPlatform())
    return { command: [process.execPath], called: `Node ${process.versions.node}` }
  const { os, cpu, libc } = platform
  const isOwnCpu = cpu === process.arch
  if (os !== 'linux' || process.platform !== 'linux') return { why: 'not run: no such system here' }
  const machine = machines[cpu]
  const emulator = `qemu-${machine}`
  if (!isOwnCpu && spawnSync(emulator, ['--version']).status !== 0)
    return { why: `not run: no ${emulator} here` }
  if (!existsSync('/etc/apt/sources.list.d/debian.sources'))
    return { why: `not run: no Debian that brings its ${libc}` }
  const libraries = path.join(linuxRoot(cpu), 'usr', 'lib')
  const node = linuxNode({ cpu, libc })
  const search = [node.libraries, path.join(libraries, `${machine}-linux-gnu`)].join(':')
  const loader = [path.join(libraries, LOADERS[libc](machine)), '--library-path', search]
  const command = [...(isOwnCpu ? [] : [emulator]), ...loader, node.program]
  const version = run(command[0], [...command.slice(1), '--version'])
    .trim()
    .slice(1)
  return { command, called: `Node ${version}, ${libc}${isOwnCpu ? '' : ', qemu'}` }
}

/** The instruction set that the library has to choose: what the system says that the processor has. */
function expectedIsa(cpu) {
  if (cpu === 'arm64') return /^neon$/
  if (process.platform !== 'linux') return /^(avx2|avx512)$/ // every processor of today's runners
  const [, line] = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))
  const flags = new Set(line.split(' '))
  const has = (...names) => names.every((name) => flags.has(name))
  if (has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl')) return /^avx512$/
  return has('avx2') ? /^avx2$/ : /^scalar$/
}

/** The test of the golden vectors as JavaScript, since what compiles TypeScript does not run everywhere. */
function compiledTest() {
  const folder = path.join(root, 'build', 'release', 'checks')
  const options = [
    '--noCheck',
    '--module',
    'node16',
    '--target',
    'es2022',
    '--esModuleInterop',
    '--skipLibCheck',
  ]
  const test = path.join(root, 'test', '20-golden.test.ts')
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  run(process.execPath, [tsc, ...options, '--rootDir', path.join(root, 'test'), '--outDir', folder, test])
  cpSync(path.join(root, 'test', 'vectors'), path.join(folder, 'vectors'), { recursive: true })
  return path.join(folder, '20-golden.test.js')
}

/** What a package's files were run on, and the instruction set that they chose there; throws where they do not work. */
function tryOut(platform, folder) {
  const { command, called, why } = nodeOf(platform)
  if (command === undefined) return { tried: why, isa: '' }
  const env = { ...process.env, JUMPOUT_BINARY: path.resolve(folder, 'jumpout.node') }
  delete env.JUMPOUT_CPU_ISA
  const node = (...args) => run(command[0], [...command.slice(1), ...args], { cwd: root, env })
  const isa = node('--print', "require('jumpout').runtime.cpu.isa").trim()
  if (!expectedIsa(platform.cpu).test(isa)) throw new Error(`${platform.name}: it chose ${isa} on ${called}.`)
  node(compiledTest())
  return { tried: called, isa }
}

module.exports = { tryOut }

if (require.main === module) {
  const [name, folder] = process.argv.slice(2)
  const platform = platformNamed(name)
  const { tried, isa } = tryOut(platform, folder)
  if (isa === '') throw new Error(`${name} was ${tried}`)
  console.log(`${name}: golden vectors, ${isa}, ${tried}`)
}
