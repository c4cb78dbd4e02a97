'use strict'
// lib/ to dist/: CommonJS by tsc, and beside it the two hand-made files that re-export it to `import`.

const { spawnSync } = require('node:child_process')
const { copyFileSync, rmSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const dist = path.join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const tsc = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
for (const file of ['index.mjs', 'index.d.mts'])
  copyFileSync(path.join(root, 'lib', file), path.join(dist, file))
