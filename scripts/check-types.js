'use strict'
// The declarations of the installed package: what they declare, and that they compile under every TypeScript from 5.4 on,
// library check included, with and without the types of Node.js.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { copyFileSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')

const root = path.resolve(__dirname, '..')
const COMPILERS = ['5.4.5', '5.5.4', '5.6.3', '5.7.3', '5.8.3', '5.9.3', '6.0.3', '7.0.2']
const { devDependencies } = require('../package.json')
const INSTALLED = ['@types/node', '@tensorflow/tfjs-core', '@tensorflow/tfjs-layers']

/** Parts of test/60-types.ts by what they need. */
const ALL = '60-types'
const USING = '60-types-using'
const SIGNAL = '60-types-signal'
/** Beside TensorFlow.js, whose own declarations do not compile under `strict`: what is said of other files does not count. */
const TFJS = '60-types-tfjs'
const OF_OURS = /^types-\d+\/|node_modules\/jumpout\//

const PROJECTS = [
  { resolution: 'node16', lib: [], types: [], parts: [ALL] },
  { resolution: 'nodenext', lib: [], types: [], parts: [ALL] },
  { resolution: 'bundler', lib: [], types: [], parts: [ALL] },
  { resolution: 'node16', lib: ['esnext.disposable'], types: [], parts: [ALL, USING] },
  { resolution: 'bundler', lib: ['dom'], types: [], parts: [ALL, SIGNAL] },
  { resolution: 'nodenext', lib: [], types: ['node'], parts: [ALL, USING, SIGNAL] },
  { resolution: 'node16', lib: ['esnext.disposable'], types: ['node'], parts: [ALL, USING, SIGNAL] },
  { resolution: 'node16', lib: ['dom'], types: ['node', 'long'], parts: [TFJS] },
  { resolution: 'bundler', lib: ['dom'], types: ['node', 'long'], parts: [TFJS] },
]

/** What is declared and not exported, by entry point: names that the exported ones need. */
const UNEXPORTED = {
  index: ['DisposeSymbol', 'NewFloat32Array', '_unknownToCompiler', 'dispose'],
  tfjs: ['LayerArgs'],
}

function checkDeclared(entry, text) {
  const named = (pattern) => [...text.matchAll(pattern)].map(([, name]) => name)
  assert.deepEqual(named(/^declare [a-z ]+ (\w+)/gm).sort(), UNEXPORTED[entry])
  const documented = named(/\*\/\nexport declare [a-z ]+ (\w+)/g)
  for (const name of named(/^export declare (?:function|class|const|type) (\w+)/gm))
    assert(documented.includes(name), `${name} has lost its comment`)
}

function writeProject(folder, { resolution, lib, types, parts }) {
  mkdirSync(folder)
  // One file for `import`, one for `require`.
  const files = parts.flatMap((part) => [`${part}.mts`, `${part}.cts`])
  for (const file of files)
    copyFileSync(path.join(root, 'test', `${path.parse(file).name}.ts`), path.join(folder, file))
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', ...lib],
    types,
    module: resolution === 'bundler' ? 'preserve' : resolution,
    moduleResolution: resolution,
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
}

/**
 * @param folder where the package is installed
 * @param names the files of the package
 */
async function checkTypes(folder, names) {
  const declarations = names.filter((name) => /\.d\.[cm]?ts$/.test(name))
  const entries = Object.keys(UNEXPORTED)
  // So that it compiles without the peers of the other entry point.
  assert.doesNotMatch(
    readFileSync(path.join(folder, 'node_modules', 'jumpout', 'dist', 'index.d.ts'), 'utf8'),
    /@tensorflow/,
  )
  assert.deepEqual(
    declarations.sort(),
    entries.flatMap((name) => [`dist/${name}.d.mts`, `dist/${name}.d.ts`]),
  )
  for (const entry of entries) {
    const file = path.join(folder, 'node_modules', 'jumpout', 'dist', `${entry}.d.ts`)
    checkDeclared(entry, readFileSync(file, 'utf8'))
  }

  const shell = process.platform === 'win32'
  const run = promisify(execFile)
  const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`)
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund']
  const installed = INSTALLED.map((name) => `${name}@${devDependencies[name]}`)
  await run('npm', [...install, ...installed, ...compilers], { cwd: folder, shell })

  PROJECTS.forEach((project, index) => writeProject(path.join(folder, `types-${index}`), project))
  const runs = COMPILERS.flatMap((version) => PROJECTS.map((project, index) => ({ version, project, index })))
  async function compileNext() {
    for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
      const { version, project, index } = next
      const tsc = path.join(folder, 'node_modules', `typescript-${version}`, 'bin', 'tsc')
      await run(process.execPath, [tsc, '-p', `types-${index}`, '--pretty', 'false'], {
        cwd: folder,
        maxBuffer: 2 ** 26,
      }).catch(({ stdout, stderr }) => {
        const lines = stdout.split('\n').filter((line) => line !== '')
        const ours = project.parts.includes(TFJS) ? lines.filter((line) => OF_OURS.test(line)) : lines
        if (ours.length > 0 || stderr !== '')
          throw new Error(`TypeScript ${version}, ${JSON.stringify(project)}:\n${ours.join('\n')}${stderr}`)
      })
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, compileNext))
  console.log(`the declarations compile under TypeScript ${COMPILERS.join(', ')}`)
}

module.exports = { checkTypes }
