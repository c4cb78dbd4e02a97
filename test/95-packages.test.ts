/** What is published: manifests, and archives of the same bytes each time. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import own from '../package.json'
import { type Builder, builder, type Packed, packMain, packPlatform, platforms } from './support/packages'
import { root } from './support/program'

const scratch = mkdtempSync(join(tmpdir(), 'jumpout release '))
t.teardown(() => rmSync(scratch, { recursive: true }))

const list = (file: string): string[] =>
  execFileSync('tar', ['-tzf', basename(file)], { cwd: dirname(file), encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''))

const read = (file: string, name: string): string =>
  execFileSync('tar', ['-xzOf', basename(file), `package/${name}`], { cwd: dirname(file), encoding: 'utf8' })

const manifestOf = (file: string) =>
  JSON.parse(read(file, 'package.json')) as typeof own & Record<string, Record<string, string> | undefined>

/** Twice, under different masks and at different times. */
async function twice(pack: (release: string) => Packed | Promise<Packed>): Promise<Packed> {
  const before = process.umask(0o077)
  try {
    const first = await pack(mkdtempSync(join(scratch, 'first ')))
    process.umask(0o002)
    const second = await pack(mkdtempSync(join(scratch, 'second ')))
    t.ok(
      readFileSync(first.file).equals(readFileSync(second.file)),
      `${basename(first.file)}: the same bytes`,
    )
    return second
  } finally {
    process.umask(before)
  }
}

t.test('the main package', async (t) => {
  const { file, size } = await twice(packMain)
  t.equal(basename(file), `jumpout-${own.version}.tgz`)
  t.equal(size, readFileSync(file).length)
  const manifest = manifestOf(file)
  for (const field of ['scripts', 'dependencies', 'devDependencies', 'gypfile'])
    t.equal(manifest[field], undefined, `no ${field}`)
  t.same(manifest.peerDependencies, own.peerDependencies)
  t.same(
    manifest.peerDependenciesMeta,
    Object.fromEntries(Object.keys(own.peerDependencies).map((name) => [name, { optional: true }])),
    'TensorFlow.js, where it is there',
  )
  t.strictSame(
    manifest.optionalDependencies,
    Object.fromEntries(platforms.map(({ name }) => [`jumpout-${name}`, own.version])),
    'the binaries of exactly this version',
  )
  t.same(manifest.exports, own.exports)
  for (const [name, version] of Object.entries(manifest.buildTools ?? {}))
    t.equal(version, own.devDependencies[name as 'cmake-js'], name)
  t.equal(Object.keys(manifest.buildTools ?? {}).length, 3)

  const names = list(file)
  const needed = ['README.md', 'LICENSE', 'CMakeLists.txt', 'csrc/include/jumpout.h', 'dist/index.js']
  for (const name of [...needed, ...Object.values(own.bin)]) t.ok(names.includes(name), name)
  t.strictSame(
    names.filter((name) => /\.gyp$|\.node$|\.(so|dylib|dll)\b|^(lib|test|build|tools)\//.test(name)),
    [],
  )
})

t.test('a platform package', async (t) => {
  for (const platform of platforms) {
    const { file, floor, tried } = await (platform === platforms[0]
      ? twice((release) => packPlatform(release, platform, builder))
      : packPlatform(scratch, platform, builder))
    t.same([floor, tried], ['glibc 2.17', 'Node, avx2'])
    const { name, version, os, cpu, libc, main, scripts, dependencies } = manifestOf(
      file,
    ) as unknown as Record<string, unknown>
    t.same({ name, version }, { name: `jumpout-${platform.name}`, version: own.version })
    const system = [os, cpu, libc].flat().filter(Boolean).join('-').replace('glibc', 'gnu')
    t.equal(system, platform.name, 'npm chooses it by its name')
    t.same([main, scripts, dependencies], ['./jumpout.node', undefined, undefined])
    const names = list(file)
    for (const needed of ['jumpout.node', 'include/jumpout.h', 'LICENSE', 'README.md', 'sbom.cdx.json'])
      t.ok(names.includes(needed), needed)
  }
})

t.test('links, which npm would drop, are refused', async (t) => {
  const linked: Builder = {
    ...builder,
    build(_platform, folder) {
      cpSync(join(root, 'build', 'Release', 'lib'), join(folder, 'lib'), {
        recursive: true,
        verbatimSymlinks: true,
      })
      return { floor: '', tried: '', isa: '' }
    },
  }
  const links = readdirSync(join(root, 'build', 'Release', 'lib'), { withFileTypes: true })
  if (links.some((entry) => entry.isSymbolicLink()))
    await t.rejects(packPlatform(scratch, platforms[0], linked), /is a link, which npm would leave out/)
})
