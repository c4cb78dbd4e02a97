/**
 * Shell blocks of documents, in bash: in a fresh copy of the repository, or where somebody installs the package, in an empty
 * project with the other blocks of the document as files. Commands of test/support/shell's list are checked instead.
 */
import { cpSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { type Block, blocksIn, fileOf, kept } from '../support/documents'
import { execute } from '../support/emulated'
import { type Builder, builder, packMain, packPlatform, platforms } from '../support/packages'
import { copyBuild, filesInTree, root } from '../support/program'
import { isInstalled, needs } from '../support/requirement'
import { CHECKED, commandsOf, ofUsers } from '../support/shell'

const { startRegistry } = require('../../scripts/release/registry') as {
  startRegistry(folder: string): Promise<{ url: string; close(): void }>
}

const openMpi = needs(isInstalled('mpirun') && isInstalled('mpicc'), 'Open MPI', 'JUMPOUT_REQUIRE_MPI')

const scratch = mkdtempSync(join(tmpdir(), 'jumpout-shell-'))
t.teardown(() => rmSync(scratch, { recursive: true }))

/** What git would have in it, as `npm ci` leaves it. */
function freshCopy(): string {
  const copy = join(scratch, 'checkout')
  for (const name of filesInTree()) {
    mkdirSync(join(copy, dirname(name)), { recursive: true })
    cpSync(join(root, name), join(copy, name))
  }
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  copyBuild(join(copy, 'build', 'Release'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  return copy
}

const copy = freshCopy()

/** With the static library, which a release leaves out, since the CMake package of this build names it. */
const whole: Builder = {
  ...builder,
  build(platform, folder) {
    const filter = (file: string) => !lstatSync(file).isSymbolicLink()
    cpSync(join(root, 'build', 'Release', 'lib'), join(folder, 'lib'), { recursive: true, filter })
    return builder.build(platform, folder)
  },
}
let registry: Awaited<ReturnType<typeof startRegistry>> | undefined
t.before(async () => {
  const release = join(copy, 'release')
  packMain(release)
  const platform = platforms.find(({ name }) => name === 'linux-x64-gnu')
  if (platform !== undefined) await packPlatform(release, platform, whole)
  registry = await startRegistry(release)
})
t.teardown(() => registry?.close())

const environment = () => ({
  npm_config_registry: registry?.url,
  npm_config_cache: join(scratch, 'cache'),
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  NODE_OPTIONS: '',
  JUMPOUT_CUDA: 'OFF',
  // The last block of examples/mpi/README.md says when these are needed.
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_mpi_yield_when_idle: '1',
})

/** Commands that were checked, and those of blocks that are skipped here. */
const seen = new Set<string>()
const leftOut = new Set<string>()

const projects = new Map<string, string>()

/** One for each document: what was installed by an earlier block is there. */
function projectOf({ document }: Block): string {
  const known = projects.get(document)
  if (known !== undefined) return known
  const project = mkdtempSync(join(scratch, 'project-'))
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  for (const block of blocksIn('c', 'cpp', 'cmake').filter((other) => other.document === document))
    writeFileSync(join(project, fileOf(block)), block.code)
  projects.set(document, project)
  return project
}

const bash = (commands: readonly string[], cwd: string) =>
  execute('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], { cwd, env: environment() })

for (const block of blocksIn('sh')) {
  const commands = commandsOf(block)
  const options = commands.some((command) => command.startsWith('mpirun')) ? openMpi : {}
  if (options.skip !== undefined) for (const command of commands) leftOut.add(command)
  t.test(block.place, options, async (t) => {
    const users = ofUsers(block)
    const run = commands.flatMap((command) => {
      const checked = CHECKED[command]
      if (checked === undefined) return command
      t.comment(`checked alone: ${command}: ${checked.why}`)
      const known = seen.has(command)
      seen.add(command)
      return known ? [] : checked.check
    })
    const { code, stdout, stderr } = await bash(run, users ? projectOf(block) : copy)
    t.equal(code, 0, commands.join('; '), { stdout: stdout.slice(-4000), stderr: stderr.slice(-4000) })
    // What programs of the same document promise, where the last command runs one.
    const programs = blocksIn('c', 'cpp').filter(({ document }) => document === block.document)
    if (users && programs.length === 1) {
      const lines = stdout.trimEnd().split('\n').slice(-programs[0].prints)
      kept(t, programs[0], { code, signal: null, stdout: lines.join('\n'), stderr: '' })
    }
  })
}

t.test('the first example of the README, where the README installs the package', async (t) => {
  const [example] = blocksIn('js').filter(({ document }) => document === 'README.md')
  const file = join(projectOf(example), 'example.mjs')
  writeFileSync(file, example.code)
  kept(t, example, await execute(process.execPath, [file], { env: environment() }))
})

t.test('a renamed option, script or file fails', async (t) => {
  const wanted = Object.keys(CHECKED).filter((command) => seen.has(command) || !leftOut.has(command))
  t.strictSame([...seen].sort(), wanted.sort(), 'every check has run')
  const fails = [
    CHECKED['npm run train:cifar10 -- --quick'].check.replace('--quick', '--fast'),
    CHECKED['npm run lint'].check.replace('lint', 'absent'),
    CHECKED['bench/gpu/run --programs build/gpu-kit --out results --seconds 360 native'].check.replace(
      'native',
      'absent',
    ),
  ]
  for (const check of fails) t.not((await bash([check], copy)).code, 0, check)
})
