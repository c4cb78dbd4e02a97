/** A checkout whose development dependencies were not installed: what works without them works, the rest says what to do. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, root, runNode } from './support/program'

const TRACKED = [
  'package.json',
  'lib',
  'scripts',
  'tsconfig.json',
  'tsconfig.build.json',
  'api-extractor.json',
]
const BUILT = ['index', 'tfjs'].flatMap((name) =>
  ['js', 'd.ts', 'mjs', 'd.mts'].map((kind) => `${name}.${kind}`),
)

/** Outside the repository, whose node_modules would be found from within. */
function checkout(t: Test, built: readonly string[] = [], installed: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'jumpout test '))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of TRACKED) cpSync(join(root, name), join(folder, name), { recursive: true })
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const name of built) write(join('dist', name), `// ${name}`)
  for (const name of installed) write(join('node_modules', name, 'package.json'), '{}')
  return folder
}

const build = (folder: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
  runNode([join(folder, 'scripts', 'build.js'), ...args], { cwd: folder, env: { npm_command: 'ci', ...env } })

function asBefore(t: Test, folder: string, built: readonly string[]): void {
  const found = existsSync(join(folder, 'dist')) ? readdirSync(join(folder, 'dist')) : []
  t.same(found.sort(), [...built].sort(), 'dist/ is as it was')
  for (const name of built) t.equal(readFileSync(join(folder, 'dist', name), 'utf8'), `// ${name}`)
}

function refuses(
  t: Test,
  { code, stdout, stderr }: Outcome,
  missing = /typescript, @microsoft\/api-extractor/,
) {
  t.equal(code, 1)
  t.match(stderr, missing)
  t.match(stderr, /^jumpout: dist\/ is made by development dependencies that are not installed: /m)
  t.match(stderr, /npm ci --include=dev in .*jumpout test /, 'a command, and where')
  t.notMatch(stderr + stdout, /^ +at |node:internal/m, 'no stack trace')
}

t.test('without dist/, an installation fails and says why', async (t) => {
  for (const built of [[], ['index.js'], BUILT.slice(1)]) {
    const folder = checkout(t, built)
    refuses(t, await build(folder, ['--prepare']))
    asBefore(t, folder, built)
  }
})

t.test('a dist/ that is there stays, and is enough for an installation', async (t) => {
  const folder = checkout(t, BUILT)
  const { code, stderr } = await build(folder, ['--prepare'])
  t.equal(code, 0, stderr)
  t.match(stderr, /^jumpout: dist\/ stays as it is; what makes it is not installed: typescript, /m)
  asBefore(t, folder, BUILT)
})

t.test('it is not enough for who asks for a new one, nor for a package', async (t) => {
  const folder = checkout(t, BUILT)
  refuses(t, await build(folder))
  for (const command of ['pack', 'publish'])
    refuses(t, await build(folder, ['--prepare'], { npm_command: command }))
  asBefore(t, folder, BUILT)
})

t.test('what is missing is named', async (t) => {
  const folder = checkout(t, [], ['typescript', '@types/node'])
  refuses(t, await build(folder, ['--prepare']), /not installed: @microsoft\/api-extractor\.$/m)
})

t.test('the scripts of package.json', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  t.equal(scripts.prepare, 'node scripts/build.js --prepare')
  t.equal(scripts.build, 'node scripts/build.js')
})

t.test('the addon, where neither its tools nor a registry are there', async (t) => {
  // A cmake-js of another version, as a project around the package may have, does not count.
  const folder = checkout(t, [], ['cmake-js', 'node-addon-api', 'node-api-headers'])
  const { code, stdout, stderr } = await runNode([join(folder, 'scripts', 'cli.js'), 'build'], {
    cwd: folder,
    env: {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder, 'cache'),
    },
  })
  t.equal(code, 1)
  t.match(stdout, /^jumpout: fetching cmake-js@\d+\.\d+\.\d+, node-addon-api@.* into .*build.tools$/m)
  t.match(stderr, /^jumpout: cmake-js@.* could not be fetched; .*: npm ci first\.$/m)
  t.notMatch(stderr, /^ +at /m, 'no stack trace of ours')
})
