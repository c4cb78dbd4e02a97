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
const NODE_TYPES = require('../package.json').devDependencies['@types/node']

/** Parts of test/60-types.ts by what they need. */
const ALL = '60-types'
const USING = '60-types-using'
const SIGNAL = '60-types-signal'

const PROJECTS = [
  { resolution: 'node16', lib: [], types: [], parts: [ALL] },
  { resolution: 'nodenext', lib: [], types: [], parts: [ALL] },
  { resolution: 'bundler', lib: [], types: [], parts: [ALL] },
  { resolution: 'node16', lib: ['esnext.disposable'], types: [], parts: [ALL, USING] },
  { resolution: 'bundler', lib: ['dom'], types: [], parts: [ALL, SIGNAL] },
  { resolution: 'nodenext', lib: [], types: ['node'], parts: [ALL, USING, SIGNAL] },
  { resolution: 'node16', lib: ['esnext.disposable'], types: ['node'], parts: [ALL, USING, SIGNAL] },
]

/** What is declared and not exported: names that the exported ones need. */
const UNEXPORTED = ['DisposeSymbol', 'NewFloat32Array', '_unknownToCompiler', 'dispose']

function checkDeclared(names, text) {
  const declarations = names.filter((name) => /\.d\.[cm]?ts$/.test(name))
  assert.deepEqual(declarations.sort(), ['dist/index.d.mts', 'dist/index.d.ts'])
  const named = (pattern) => [...text.matchAll(pattern)].map(([, name]) => name)
  assert.deepEqual(named(/^declare [a-z ]+ (\w+)/gm).sort(), UNEXPORTED)
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
  checkDeclared(
    names,
    readFileSync(path.join(folder, 'node_modules', 'jumpout', 'dist', 'index.d.ts'), 'utf8'),
  )

  const shell = process.platform === 'win32'
  const run = promisify(execFile)
  const compilers = COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`)
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `@types/node@${NODE_TYPES}`]
  await run('npm', [...install, ...compilers], { cwd: folder, shell })

  PROJECTS.forEach((project, index) => writeProject(path.join(folder, `types-${index}`), project))
  const runs = COMPILERS.flatMap((version) => PROJECTS.map((project, index) => ({ version, project, index })))
  async function compileNext() {
    for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
      const { version, project, index } = next
      const tsc = path.join(folder, 'node_modules', `typescript-${version}`, 'bin', 'tsc')
      await run(process.execPath, [tsc, '-p', `types-${index}`], { cwd: folder }).catch((error) => {
        throw new Error(`TypeScript ${version}, ${JSON.stringify(project)}:\n${error.stdout}${error.stderr}`)
      })
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, compileNext))
  console.log(`the declarations compile under TypeScript ${COMPILERS.join(', ')}`)
}

module.exports = { checkTypes }
