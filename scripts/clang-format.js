'use strict'
// Checks the layout of every C++ and CUDA file, or of those that are named; with --fix, writes it.

const { spawnSync } = require('node:child_process')
const { readdirSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const folders = [
  'csrc',
  'test/native',
  'tools/cuda-on-cpu',
  'bench/gpu',
  'bench/native',
  'test/differential',
  'test/consumers',
  'examples',
]

const named = process.argv.slice(2).filter((argument) => argument !== '--fix')
const files = folders.flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.(c|h|hpp|cpp|cuh|cu)$/.test(name))
    .map((name) => path.join(folder, name))
    .filter((name) => named.length === 0 || named.includes(name)),
)
if (files.length === 0) process.exit(0)
const mode = process.argv.includes('--fix') ? ['-i'] : ['--dry-run', '--Werror']
const bin = require('clang-format-node').clangFormatPath
const { status } = spawnSync(bin, [...mode, ...files], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
