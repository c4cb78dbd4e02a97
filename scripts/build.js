'use strict'
// lib/ to dist/: CommonJS by tsc, one file of declarations, and beside them the two hand-made files that re-export both to
// `import`.

const { spawnSync } = require('node:child_process')
const { copyFileSync, rmSync } = require('node:fs')
const path = require('node:path')
const { Extractor } = require('@microsoft/api-extractor')

const root = path.resolve(__dirname, '..')
const dist = path.join(root, 'dist')
const declarations = path.join(root, 'build', 'declarations')

for (const folder of [dist, declarations]) rmSync(folder, { recursive: true, force: true })
const tsc = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
if (!Extractor.loadConfigAndInvoke(path.join(root, 'api-extractor.json')).succeeded) process.exit(1)
for (const file of ['index.mjs', 'index.d.mts'])
  copyFileSync(path.join(root, 'lib', file), path.join(dist, file))
