'use strict'
// node run.js <program.ts> [arguments]: TypeScript in child processes and in worker threads, whatever other loaders the
// test runner puts in front of them.
const path = require('node:path')

delete process.env.NODE_OPTIONS // the runner's, which cost each worker thread a second
require('tsx/cjs')
process.argv.splice(1, 1)
require(path.resolve(process.argv[1]))
