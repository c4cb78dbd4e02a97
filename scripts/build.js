'use strict'
// lib/ to dist/: CommonJS by tsc, and for each entry point one file of declarations, and two files that re-export both to
// `import`.
// --prepare, at the end of an installation: where development dependencies were omitted, a dist/ that is there will do.

const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const dist = path.join(root, 'dist')
const declarations = path.join(root, 'build', 'declarations')
const tools = ['typescript', '@microsoft/api-extractor', '@types/node']
const entries = ['index', 'tfjs']
const kinds = ['js', 'd.ts', 'mjs', 'd.mts']

function isInstalled(name) {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}

/** Where something is missing, says so before anything is changed, and ends. */
function checkTools() {
  const missing = tools.filter((name) => !isInstalled(`${name}/package.json`)).join(', ')
  if (missing === '') return
  // What is packed is made anew.
  const packing = ['pack', 'publish'].includes(process.env.npm_command)
  const built = entries.every((entry) =>
    kinds.every((kind) => existsSync(path.join(dist, `${entry}.${kind}`))),
  )
  if (process.argv.includes('--prepare') && built && !packing) {
    console.warn(`jumpout: dist/ stays as it is; what makes it is not installed: ${missing}.`)
    process.exit(0)
  }
  console.error(
    `\njumpout: dist/ is made by development dependencies that are not installed: ${missing}.\n` +
      `Run npm ci --include=dev in ${root}. Afterwards npm prune --omit=dev may remove them; dist/ stays.\n`,
  )
  process.exit(1)
}

checkTools()
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
const { Extractor, ExtractorConfig } = require('@microsoft/api-extractor')
const configured = path.join(root, 'api-extractor.json')

for (const entry of entries) {
  const configObject = ExtractorConfig.loadFile(configured)
  configObject.mainEntryPointFilePath = path.join(declarations, `${entry}.d.ts`)
  configObject.dtsRollup.untrimmedFilePath = path.join(dist, `${entry}.d.ts`)
  const packageJsonFullPath = path.join(root, 'package.json')
  const config = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: configured,
    packageJsonFullPath,
  })
  if (!Extractor.invoke(config).succeeded) process.exit(1)

  // Named one by one, since not every loader and bundler sees what a CommonJS file exports.
  const declared = readFileSync(path.join(dist, `${entry}.d.ts`), 'utf8')
  const values = [...declared.matchAll(/^export declare (?:function|class|const) (\w+)/gm)].map(
    ([, name]) => name,
  )
  const names = [...new Set(values)].map((name) => `  ${name},\n`).join('') // an overloaded function is declared twice
  writeFileSync(path.join(dist, `${entry}.mjs`), `export {\n${names}} from './${entry}.js'\n`)
  writeFileSync(path.join(dist, `${entry}.d.mts`), `export * from './${entry}.js'\n`)
}
