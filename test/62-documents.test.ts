/**
 * Every code block of every document is executed as it is printed, and prints what its comments say. Here, but for blocks of
 * TensorFlow (test/96-tfjs-docs, 97-tensorflow-python), of the emulator (test/70), and of shells (test/long/62-shell).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, parse } from 'node:path'
import { native } from 'jumpout'
import t from 'tap'
import { drawMethod, FOLDER as PICTURES } from '../examples/method/pictures'
import { deviceEnvironment } from './support/device'
import {
  type Block,
  blocks,
  blocksIn,
  blocksOf,
  documents,
  fileOf,
  kept,
  usesTensorFlow,
} from './support/documents'
import { execute } from './support/emulated'
import { root, runNode } from './support/program'
import { CHECKED, commandsOf, faultsOf } from './support/shell'

/** Who executes the blocks of a language; nobody executes text: output, diagrams, formulas. */
const EXECUTED: Readonly<Record<string, string>> = {
  js: 'test/62-documents.test.ts',
  ts: 'test/62-documents.test.ts',
  c: 'test/62-documents.test.ts',
  cpp: 'test/62-documents.test.ts',
  cmake: 'test/62-documents.test.ts',
  json: 'test/62-documents.test.ts',
  python: 'test/97-tensorflow-python.test.ts',
  cuda: 'test/70-cuda-on-cpu.test.ts',
  sh: 'test/long/62-shell.test.ts',
  text: '',
}

t.test('all blocks are found, and each has a language that somebody executes', (t) => {
  for (const name of [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/guide.md',
    'examples/mpi/README.md',
  ])
    t.ok(documents.includes(name), name)
  t.ok(blocks.length > 40, `${blocks.length} blocks`)
  for (const { language, place } of blocks) t.ok(language in EXECUTED, `${place}: '${language}'`)
  for (const file of Object.values(EXECUTED)) t.ok(existsSync(join(root, file)), file)
  t.strictSame(
    blocksIn('python').filter((block) => !usesTensorFlow(block)),
    [],
    'test/97 runs Python where TensorFlow is',
  )
  t.ok(blocksIn('js')[0].code.trim().split('\n').length <= 12, 'the first example has about ten lines')
  t.end()
})

t.test('no block escapes the reader', (t) => {
  const block = (...lines: string[]) => blocksOf('a.md', ['text', '', ...lines, ''].join('\n'))
  t.match(block('```js', 'console.log(1) // 1', 'console.log(2)', '```'), [
    { place: 'a.md:3', language: 'js', promised: ['1'], prints: 2 },
  ])
  t.match(block('- item', '', '  ```sh', '  npm ci', '  ```'), [{ language: 'sh', code: 'npm ci\n' }])
  t.match(block('```', 'diagram', '```'), [{ language: '' }])
  const escapes = [
    ['```js', 'unclosed'],
    ['~~~js', 'code', '~~~'],
    ['> ```js', '> code', '> ```'],
    ['    indented()'],
  ]
  for (const lines of escapes) t.throws(() => block(...lines), /^a\.md has a code block/, lines[0])
  t.end()
})

t.test('JavaScript and TypeScript', async (t) => {
  const folder = t.testdir({}) // inside the package, where its own name resolves
  const run = async (block: Block, i: number) => {
    const { language, code } = block
    const isModule = language === 'ts' || /^import /m.test(code)
    const file = join(folder, `example-${i}.${isModule ? 'm' : 'c'}${language}`)
    writeFileSync(file, code)
    const env = /DeviceArray|Stream/.test(code) ? deviceEnvironment : {}
    kept(t, block, await runNode([...(language === 'ts' ? ['--import', 'tsx'] : []), file], { env }))
  }
  const examples = blocksIn('js', 'ts').filter((block) => !usesTensorFlow(block))
  await Promise.all(examples.map(run))
})

/** Where a document has C but no CMakeLists.txt. */
const projectOf = (programs: readonly string[]): string =>
  [
    'cmake_minimum_required(VERSION 3.20)',
    'project(programs LANGUAGES C CXX)',
    'find_package(jumpout 0.1 REQUIRED)',
    'link_libraries(jumpout::jumpout)',
    ...programs.map((file) => `add_executable(${parse(file).name} ${file})`),
  ].join('\n')

t.test('C, C++ and CMake: those of a document are one project', async (t) => {
  const compiled = blocksIn('c', 'cpp', 'cmake')
  t.ok(compiled.length >= 2)
  for (const document of new Set(compiled.map((block) => block.document))) {
    const folder = t.testdir({})
    const sources = compiled.filter((block) => block.document === document)
    const files = new Map(sources.map((block) => [block, fileOf(block)]))
    const programs = [...files].filter(([{ language }]) => language !== 'cmake')
    writeFileSync(join(folder, 'CMakeLists.txt'), projectOf(programs.map(([, file]) => file)))
    for (const [{ code }, file] of files) writeFileSync(join(folder, file), code)
    const build = join(folder, 'build')
    for (const args of [
      ['-S', folder, '-B', build, `-Djumpout_DIR=${native.cmake}`],
      ['--build', build],
    ]) {
      const { code, stdout, stderr } = await execute('cmake', args)
      t.equal(code, 0, `${document}: cmake`, { stdout, stderr })
    }
    for (const [block, file] of programs) kept(t, block, await execute(join(build, parse(file).name), []))
  }
})

t.test('the guide has a cause and a remedy for every error code', (t) => {
  const codesIn = (file: string, pattern: RegExp) =>
    Array.from(readFileSync(join(root, file), 'utf8').matchAll(pattern), ([, code]) => code).sort()
  const codes = codesIn('lib/errors.ts', /^ {2}\| '(ERR_\w+)'$/gm)
  t.ok(codes.length >= 10)
  t.strictSame(codesIn('docs/guide.md', /^\| `(ERR_\w+)` +\| [^|]{20,} \| [^|]{20,} \|$/gm), codes)
  t.end()
})

t.test('the guide lists every option', (t) => {
  const files = ['options', 'layer', 'forward', 'backward', 'count', 'layout', 'cuda/stream']
  const options = files.flatMap((file) =>
    Array.from(
      readFileSync(join(root, 'lib', `${file}.ts`), 'utf8').matchAll(/^export interface \w*Options[^]*?^}/gm),
      ([text]) => Array.from(text.matchAll(/^ {2}(\w+)\??: /gm), ([, name]) => name),
    ).flat(),
  )
  const [, section = ''] =
    /^## Options\n([^]*?)^## /m.exec(readFileSync(join(root, 'docs', 'guide.md'), 'utf8')) ?? []
  const listed = Array.from(section.matchAll(/^\|( `\w+`(?:, `\w+`)*) +\|/gm), ([, names]) =>
    Array.from(names.matchAll(/\w+/g), ([name]) => name),
  ).flat()
  const others = ['device'] // of Stream itself
  t.strictSame(
    [...new Set(listed)].sort(),
    [...new Set(options)].filter((name) => !others.includes(name)).sort(),
  )
  t.end()
})

t.test('links lead to files and headings that exist', (t) => {
  const textOf = (file: string) =>
    readFileSync(join(root, file), 'utf8').replaceAll(/^ *```[^]*?^ *```$/gm, '')
  // As GitHub makes them.
  const anchorsIn = (file: string) =>
    Array.from(textOf(file).matchAll(/^#+ (.+)$/gm), ([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    )
  const wrong: string[] = []
  for (const document of documents) {
    for (const [, link] of textOf(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = link.split('#')
      const target = path === '' ? document : join(dirname(document), path)
      const found =
        existsSync(join(root, target)) && (anchor === undefined || anchorsIn(target).includes(anchor))
      if (!found) wrong.push(`${document}: ${link}`)
    }
  }
  t.strictSame(wrong, [])
  t.end()
})

t.test('the pictures of the guide are what the library draws', async (t) => {
  const folder = t.testdir({})
  await drawMethod(folder)
  const names = readdirSync(folder)
  t.strictSame(names, readdirSync(PICTURES))
  for (const name of names)
    t.ok(readFileSync(join(folder, name)).equals(readFileSync(join(PICTURES, name))), name)
})

t.test('JSON', (t) => {
  for (const { code, place } of blocksIn('json')) t.doesNotThrow(() => JSON.parse(code) as unknown, place)
  t.end()
})

t.test('commands name scripts and files that exist', (t) => {
  const commands = blocksIn('sh').flatMap((block) => commandsOf(block).map((command) => ({ block, command })))
  t.ok(commands.length > 30)
  for (const { block, command } of commands) t.strictSame(faultsOf(command), [], `${block.place}: ${command}`)
  t.strictSame(
    Object.keys(CHECKED).filter((known) => !commands.some(({ command }) => command === known)),
    [],
    'every command that is checked alone is in a document',
  )
  t.strictSame(faultsOf('npm run missing -- --help'), ['no script missing'])
  t.strictSame(faultsOf('npx tsx examples/missing.ts'), ['no file examples/missing.ts'])
  t.end()
})
