'use strict'
// The manifests of what is published, made from package.json and the list of platforms.

const own = require('../../package.json')
const { buildTools } = require('../build-tools')
const platforms = require('./platforms')

const packageOf = ({ name }) => `${own.name}-${name}`

/** What only a checkout has a use for. */
const UNPUBLISHED = ['scripts', 'devDependencies', 'tap', 'files', 'gypfile']

/** Without scripts, and with no dependencies but the binaries. */
function mainManifest() {
  const published = Object.entries(own).filter(([field]) => !UNPUBLISHED.includes(field))
  const optional = platforms.map((platform) => [packageOf(platform), own.version])
  return {
    ...Object.fromEntries(published),
    optionalDependencies: Object.fromEntries(optional),
    buildTools: buildTools(own),
  }
}

function platformManifest(platform) {
  const { name, os, cpu, libc } = platform
  return {
    name: packageOf(platform),
    version: own.version,
    description: `The native part of ${own.name} for ${name}`,
    license: own.license,
    engines: own.engines,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: './jumpout.node',
    preferUnplugged: true, // Yarn: binaries are loaded from folders, not from archives
  }
}

/** The platform of this name; throws where there is none. */
function platformNamed(name) {
  const found = platforms.find((known) => known.name === name)
  if (found === undefined)
    throw new Error(`Expected one of ${platforms.map((known) => known.name).join(', ')}, got ${name}`)
  return found
}

/** The platform of this machine; undefined where no package is made for it. */
function ownPlatform() {
  const { glibcVersionRuntime } = process.report.getReport().header
  const libc = glibcVersionRuntime === undefined ? 'musl' : 'glibc'
  const fits = ({ os, cpu, libc: needed = libc }) =>
    os === process.platform && cpu === process.arch && needed === libc
  return platforms.find(fits)
}

module.exports = { ownPlatform, packageOf, mainManifest, platformManifest, platformNamed }
