'use strict'
// A user's project: a machine with Node alone, an empty folder, and a program that uses the package.

const { execFileSync } = require('node:child_process')
const { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } = require('node:fs')
const path = require('node:path')

/** Prints one line of JSON: which binary was loaded, and a digest of results. */
const smoke = `
const input = Float32Array.from({ length: 1000 }, (_, i) => i - 500)
const { output, saved } = jumpoutForward(input, { seed: 1 })
const gradInput = jumpoutBackward(input, saved)
if (output.length !== 1000 || gradInput.length !== 1000 || saved.stats()[0].active !== 499) throw new Error('wrong')
const results = createHash('sha256').update(output).update(gradInput).digest('hex')
console.log(JSON.stringify({ binary: runtime.binary, isa: runtime.cpu.isa, native, results }))
`
const names = '{ jumpoutForward, jumpoutBackward, native, runtime }'

function emptyProject(folder) {
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  writeFileSync(
    path.join(folder, 'smoke.mjs'),
    `import { createHash } from 'node:crypto'\nimport ${names} from 'jumpout'\n${smoke}`,
  )
  writeFileSync(
    path.join(folder, 'smoke.cjs'),
    `const { createHash } = require('node:crypto')\nconst ${names} = require('jumpout')\n${smoke}`,
  )
}

/** The environment of a machine with Node and npm alone. */
function bareEnvironment(folder, registry) {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin)
  const programs = execFileSync('which', ['-a', 'node', 'npm', 'npx', 'sh'], { encoding: 'utf8' })
  for (const program of programs.trimEnd().split('\n')) {
    const link = path.join(bin, path.basename(program))
    if (!existsSync(link)) symlinkSync(realpathSync(program), link)
  }
  const home = path.join(folder, 'home')
  return {
    PATH: bin,
    HOME: home,
    npm_config_registry: registry,
    npm_config_cache: path.join(folder, 'cache'),
  }
}

module.exports = { bareEnvironment, emptyProject }
