'use strict'
// A registry that knows the packages of release/ and nothing else, for trying them out before they are published.

const { createHash } = require('node:crypto')
const { execFileSync } = require('node:child_process')
const { readdirSync, readFileSync } = require('node:fs')
const { createServer } = require('node:http')
const path = require('node:path')

/** An archive with the manifest in it. */
function readArchive(file) {
  const options = { cwd: path.dirname(file), encoding: 'utf8' }
  const manifest = execFileSync('tar', ['-xzOf', path.basename(file), 'package/package.json'], options)
  return { bytes: readFileSync(file), manifest: JSON.parse(manifest) }
}

const readArchives = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => readArchive(path.join(folder, name)))

/** What a registry says of a package with one version. */
function packument({ bytes, manifest }, url) {
  const { name, version } = manifest
  const digest = (algorithm, encoding) => createHash(algorithm).update(bytes).digest(encoding)
  const dist = {
    tarball: `${url}/${name}/-/${name}-${version}.tgz`,
    shasum: digest('sha1', 'hex'),
    integrity: `sha512-${digest('sha512', 'base64')}`,
  }
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    time: { [version]: '2026-01-01T00:00:00.000Z' },
  }
}

/** Serves the archives of `folder` on this machine: its address, and how to end it. */
async function startRegistry(folder) {
  const archives = new Map(readArchives(folder).map((archive) => [archive.manifest.name, archive]))
  const server = createServer((request, response) => {
    const [, name, file] = /^\/([\w-]+)(\/-\/.+\.tgz)?$/.exec(request.url) ?? []
    const archive = archives.get(name)
    if (archive === undefined) return response.writeHead(404).end('{"error":"not found"}')
    if (file !== undefined) return response.end(archive.bytes)
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify(packument(archive, url)))
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${server.address().port}`
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url, close }
}

module.exports = { readArchives, startRegistry }
