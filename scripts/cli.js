#!/usr/bin/env node
'use strict'
// `npx jumpout build`, where no prebuilt binary fits.

const usage = `Usage: jumpout build

Compiles the native part of this package on this machine, into build/Release of the package, where it is preferred to the
prebuilt one. Needs a C++20 compiler, make or ninja, and CMake 3.20 or newer; fetches cmake-js and the headers of Node-API
with npm. Options are environment variables: JUMPOUT_CUDA=AUTO, ON or OFF and others, see docs/install.md.
`

const [command, ...rest] = process.argv.slice(2)
if (command === 'build' && rest.length === 0) {
  require('./install')
} else if (command === 'help' || [command, ...rest].some((word) => ['--help', '-h'].includes(word))) {
  process.stdout.write(usage)
} else {
  process.stderr.write(usage)
  process.exitCode = 2
}
