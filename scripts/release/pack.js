'use strict'
// What is published, as release/*.tgz: the packages of the platforms that can be built here (or of those named), and the main
// one. Two runs give the same bytes.
//   npm run release:pack [-- NAME...]    e.g. linux-x64-gnu

const { execFileSync } = require('node:child_process')
const { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { mainManifest, packageOf, platformManifest, platformNamed } = require('./manifests')
const platforms = require('./platforms')

const root = path.resolve(__dirname, '..', '..')

function npmPack(folder, ...options) {
  const shell = process.platform === 'win32'
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', ...options], {
    cwd: folder,
    encoding: 'utf8',
    shell,
  })
  return Object.values(JSON.parse(output))[0] // an array, and from npm 12 on an object
}

function emptyFolder(release, name) {
  const folder = path.join(release, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return folder
}

const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

/** The same modes whatever the umask of this process. */
function setModes(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name)
    if (entry.isSymbolicLink()) throw new Error(`${file} is a link, which npm would leave out`)
    chmodSync(file, entry.isDirectory() || path.basename(file) === 'cli.js' ? 0o755 : 0o644)
  }
}

/** What is in `folder`, as an archive beside it. */
function pack(folder, manifest) {
  const release = path.dirname(folder)
  writeJson(path.join(folder, 'package.json'), manifest)
  copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'))
  setModes(folder)
  const { filename, size, unpackedSize } = npmPack(folder, '--pack-destination', release)
  return { file: path.join(release, filename), size, unpackedSize }
}

/** `build` fills a folder with the native files, and says what it verified; `contents` lists what is in them. */
async function packPlatform(release, platform, { build, contents }) {
  const folder = emptyFolder(release, packageOf(platform))
  const { floor, tried, isa } = await build(platform, folder)
  writeFileSync(
    path.join(folder, 'README.md'),
    `# ${packageOf(platform)}\n\nThe native part of \`jumpout\` for ${platform.name}. Install \`jumpout\`, which brings it.\n`,
  )
  writeJson(path.join(folder, 'sbom.cdx.json'), contents(platform))
  return { ...pack(folder, platformManifest(platform)), floor, tried: isa ? `${tried}, ${isa}` : tried }
}

/** With dist/ as it is. */
function packMain(release) {
  const folder = emptyFolder(release, 'jumpout')
  for (const { path: name } of npmPack(root, '--dry-run').files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    copyFileSync(path.join(root, name), path.join(folder, name))
  }
  return { ...pack(folder, mainManifest()), floor: `Node ${mainManifest().engines.node}`, tried: '' }
}

const bytes = (count) => (count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`)

/** Aligned for a terminal. */
function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
}

async function main(names) {
  const rows = [['package', 'packed', 'unpacked', 'floor', 'run on']]
  const add = (name, { size, unpackedSize, floor, tried }) =>
    rows.push([name, bytes(size), bytes(unpackedSize), floor, tried])
  const named = names.map(platformNamed)
  const wanted = platforms.filter((platform) => names.length === 0 || named.includes(platform))
  const release = path.join(root, 'release')
  const builder = { ...require('./build'), ...require('./contents') }
  if (names.length === 0) rmSync(release, { recursive: true, force: true })
  // First, since binaries are tried with it.
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build.js')], { stdio: 'inherit' })
  for (const platform of wanted) {
    const name = packageOf(platform)
    const obstacle = builder.canBuild(platform)
    if (obstacle) rows.push([name, '-', '-', '', `not built: ${obstacle}`])
    else add(name, await packPlatform(release, platform, builder))
  }
  add('jumpout', packMain(release))
  printTable(rows)
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(`\njumpout: ${error.message}`)
    process.exitCode = 1
  })
}

module.exports = { packMain, packPlatform }
