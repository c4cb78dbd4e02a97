'use strict'
// What finished binaries ask for, read in the files themselves, against what a platform package may ask for.

const path = require('node:path')
const { version } = require('../../package.json')
const { readBinaries } = require('./tools')

const NEWEST_GLIBC = [2, 28]
const NEWEST_MACOS = [11, 0]

/** Libraries of the system, which every machine of a platform has. */
const SYSTEM = {
  glibc: /^(lib(c|m|dl|pthread|rt)\.so\.\d|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/,
  musl: /^libc\.so$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(kernel32|api-ms-win-crt-[a-z]+-l1-1-0)\.dll$/i, // the latter are Windows 10's own
}

/** Symbols of the addon, of the library, and of that for TensorFlow; what zig shows on macOS beside them is operator new and delete. */
const EXPORTS = [
  /^(napi_register_module_v\d+|node_api_module_get_api_version_v\d+)$/,
  /^jumpout_(?!tensorflow)/,
  /^jumpout_tensorflow_fields$/,
]

/** Of each system: the library, and that for TensorFlow. */
const LIBRARIES = {
  linux: [`lib/libjumpout.so.${version}`, 'lib/libjumpout_tensorflow.so'],
  darwin: [`lib/libjumpout.${version}.dylib`, 'lib/libjumpout_tensorflow.dylib'],
  win32: [`jumpout-${version}.dll`, 'jumpout_tensorflow.dll'],
}

const filesOf = ({ os }) => ['jumpout.node', ...LIBRARIES[os]]

const numbers = (text) => text.split('.').map(Number)
const isNewer = ([major, minor], [otherMajor, otherMinor]) =>
  major > otherMajor || (major === otherMajor && minor > otherMinor)

/** The newest glibc in symbol versions like GLIBC_2.17; any other kind of version belongs to a library that is not there. */
function newestGlibc(name, versions) {
  let newest = [0, 0]
  for (const text of versions) {
    const found = /^GLIBC_(\d+\.\d+)(\.\d+)?$/.exec(text)
    if (found === null) throw new Error(`${name} asks for ${text}.`)
    if (isNewer(numbers(found[1]), newest)) newest = numbers(found[1])
  }
  return newest
}

/** The oldest system that one file runs on, in words. */
function floorOf({ libc, os, cpu }, name, { versions, system, signed }) {
  if (libc === 'glibc') {
    const newest = newestGlibc(name, versions)
    if (isNewer(newest, NEWEST_GLIBC)) throw new Error(`${name} asks for glibc ${newest.join('.')}.`)
    return newest
  }
  if (os === 'darwin') {
    if (isNewer(numbers(system), NEWEST_MACOS)) throw new Error(`${name} asks for macOS ${system}.`)
    // Apple silicon loads nothing unsigned; for Intel zig signs nothing.
    if (cpu === 'arm64' && !signed) throw new Error(`${name} is not signed, not even by its builder.`)
    return numbers(system)
  }
  return [0, 0]
}

/**
 * The oldest system that the files of a platform package run on, in words, from what LIEF read in each of them; throws where
 * it is newer than it may be, or where they need, or show, what they may not.
 */
function judge(platform, binaries) {
  const names = filesOf(platform).map((file) => path.posix.basename(file))
  const library = names[1]
  let floor = [0, 0]
  for (const [i, binary] of binaries.entries()) {
    const name = `${platform.name}: ${names[i]}`
    const links = names[i] !== library
    const foreign = binary.needed.filter((file) => !links || path.posix.basename(file) !== library)
    if (links && foreign.length === binary.needed.length) throw new Error(`${name} does not link ${library}.`)
    const strange = foreign.filter((file) => !SYSTEM[platform.libc ?? platform.os].test(file))
    if (strange.length > 0) throw new Error(`${name} needs ${strange.join(', ')}.`)
    const shown = platform.os === 'darwin' ? [] : binary.exports.filter((symbol) => !EXPORTS[i].test(symbol))
    if (shown.length > 0) throw new Error(`${name} exports ${shown.join(', ')}.`)
    const oldest = floorOf(platform, name, binary)
    if (isNewer(oldest, floor)) floor = oldest
  }
  if (platform.libc === 'glibc') return `glibc ${floor.join('.')}`
  if (platform.os === 'darwin') return `macOS ${floor.join('.')}`
  return platform.os === 'win32' ? 'Windows 10' : 'musl 1.2'
}

/** The same of the files themselves. */
function checkFloor(platform, folder) {
  return judge(platform, readBinaries(filesOf(platform).map((file) => path.join(folder, file))))
}

module.exports = { checkFloor, judge }
