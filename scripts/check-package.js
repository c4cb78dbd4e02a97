'use strict'
// Packs the package and looks at the tarball as a user would: what it holds, its entry points and types, and whether
// it installs in an empty project and works by `import` and by `require`.

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { checkTypes } = require('./check-types')

const root = path.resolve(__dirname, '..')
const wanted = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'CMakeLists.txt',
  'binding.gyp',
  'cmake/addon.cmake',
  'cmake/cuda.cmake',
  'csrc/include/jumpout.h',
  'dist/index.d.mts',
  'dist/index.d.ts',
  'dist/index.js',
  'dist/index.mjs',
  'scripts/build-jobs.js',
  'scripts/install.js',
]
const unwanted =
  /^(test|bench|examples|tools|build|lib|node_modules|\.ci|\.github)\/|\.node$|tsconfig|eslint|prettier/

function run(command, args, cwd) {
  console.log(`$ ${command} ${args.join(' ')}`)
  execFileSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' })
}

const smoke = `
const input = Float32Array.from({ length: 1000 }, (_, i) => i - 500)
const { output, saved } = jumpoutForward(input, { seed: 1 })
const gradInput = jumpoutBackward(input, saved)
if (output.length !== 1000 || gradInput.length !== 1000 || saved.stats()[0].active !== 499) throw new Error('wrong')
console.log('jumpout', runtime.version, runtime.cpu.isa)
`

async function checkPackage(folder) {
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const [{ filename, files }] = JSON.parse(packed)
  const names = files.map((file) => file.path)
  for (const name of wanted) assert(names.includes(name), `${name} is missing from the package`)
  for (const name of names) assert(!unwanted.test(name), `${name} does not belong in the package`)
  console.log(`${filename}: ${names.length} files`)

  const tarball = path.join(folder, filename)
  run('npx', ['publint', 'run', tarball, '--strict'], root)
  run('npx', ['attw', tarball], root)

  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  const imports = '{ jumpoutForward, jumpoutBackward, runtime }'
  writeFileSync(path.join(folder, 'smoke.mjs'), `import ${imports} from 'jumpout'\n${smoke}`)
  writeFileSync(path.join(folder, 'smoke.cjs'), `const ${imports} = require('jumpout')\n${smoke}`)
  run('npm', ['install', '--foreground-scripts', '--no-audit', '--no-fund', tarball], folder)
  run('node', ['smoke.mjs'], folder)
  run('node', ['smoke.cjs'], folder)
  await checkTypes(folder, names)
  // A dependency's install script may have been skipped above; `npm rebuild` is what then builds it.
  rmSync(path.join(folder, 'node_modules', 'jumpout', 'build'), { recursive: true, force: true })
  run('npm', ['rebuild', '--foreground-scripts', 'jumpout'], folder)
  run('node', ['smoke.cjs'], folder)
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'jumpout-package-'))
checkPackage(folder).finally(() => rmSync(folder, { recursive: true, force: true }))
