'use strict'
// What the native build needs from the registry, at the pinned versions: in a checkout these are development dependencies,
// and the published manifest names them as "buildTools". Where they are not installed, npm puts them into build/tools.

const { spawnSync } = require('node:child_process')
const { mkdirSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const folder = path.join(root, 'build', 'tools')
const NAMES = ['cmake-js', 'node-addon-api', 'node-api-headers']

/** Names and versions, from a manifest of either kind. */
function buildTools({ buildTools, devDependencies }) {
  return buildTools ?? Object.fromEntries(NAMES.map((name) => [name, devDependencies[name]]))
}

/** The folder of each tool as seen from `place`, or null where one is missing or of another version. */
function findIn(place, wanted) {
  const found = {}
  for (const [name, version] of Object.entries(wanted)) {
    let file
    try {
      file = require.resolve(`${name}/package.json`, { paths: [place] })
    } catch {
      return null
    }
    if (require(file).version !== version) return null
    found[name] = path.dirname(file)
  }
  return found
}

/** The folder of each tool; fetches them where they are missing, and throws where that fails. */
function provideBuildTools() {
  const wanted = buildTools(require('../package.json'))
  const installed = findIn(root, wanted) ?? findIn(folder, wanted)
  if (installed !== null) return installed
  const list = Object.entries(wanted).map(([name, version]) => `${name}@${version}`)
  console.log(`jumpout: fetching ${list.join(', ')} into ${folder}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: wanted }))
  const install = [
    'install',
    '--global=false',
    '--location=project',
    '--dry-run=false',
    '--package-lock-only=false',
    '--workspaces=false',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ]
  const windows = process.platform === 'win32'
  const env = Object.entries(process.env).filter(([name]) => !/^npm_config_workspace$/i.test(name)) // has no other "none"
  const { error, status } = spawnSync('npm', [...install, '--prefix', windows ? `"${folder}"` : folder], {
    cwd: folder,
    env: Object.fromEntries(env),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: windows, // npm is a batch file there
  })
  const fetched = error || status !== 0 ? null : findIn(folder, wanted)
  if (fetched === null) {
    throw new Error(
      `${list.join(', ')}, which the build needs, could not be fetched; npm says why above` +
        `${error ? ` (${error.message})` : ''}. Without a network, in a checkout: npm ci first.`,
    )
  }
  return fetched
}

module.exports = { buildTools, provideBuildTools }
