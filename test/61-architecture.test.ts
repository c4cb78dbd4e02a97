/** The rules of CONTRIBUTING for the tree: dependencies point one way, and there is one list of everything. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { KINDS } from '../lib/cuda/memory'
import { root } from './support/program'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const filesUnder = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => pattern.test(path))
    .sort()

const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((match) => match[1])

type Graph = Map<string, string[]>

/** lib/a.ts -> lib/b.ts, types included: a cycle of types is a cycle for the reader. */
function importsOfLib(): Graph {
  const files = filesUnder('lib', /\.ts$/)
  const target = (from: string, to: string) => `${relative(root, resolve(root, dirname(from), to))}.ts`
  return new Map(
    files.map((file) => [
      file,
      matches(read(file), /(?:from|import) '(\.[^']+)'/g).map((to) => target(file, to)),
    ]),
  )
}

/** The entry point jumpout/tfjs: a room of its own beside the rest of lib. */
const inTfjs = (file: string): boolean => /^lib\/tfjs\b/.test(file)

const partOf = (graph: Graph, belongs: (file: string) => boolean): Graph =>
  new Map([...graph].filter(([file]) => belongs(file)))

/** csrc/a.cpp -> csrc/b.hpp; includes are written from csrc, from csrc/include, or from beside the file. */
function includesOfCsrc(): Graph {
  const files = filesUnder('csrc', /\.(h|hpp|cpp|cu|cuh)$/)
  const find = (from: string, to: string) =>
    [join('csrc', to), join('csrc/include', to), join(dirname(from), to)].find((path) =>
      existsSync(join(root, path)),
    )
  return new Map(
    files.map((file) => [
      file,
      matches(read(file), /^\s*#\s*include\s+"([^"]+)"/gm).map((to) => {
        const found = find(file, to)
        if (found === undefined) throw new Error(`${file} includes "${to}", which is nowhere`)
        return found
      }),
    ]),
  )
}

/** A path that leads back to where it began, or null. */
function cycle(graph: Graph): string[] | null {
  const finished = new Set<string>()
  const visit = (node: string, path: string[]): string[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node]
    if (finished.has(node)) return null
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...path, node])
      if (found) return found
    }
    finished.add(node)
    return null
  }
  for (const node of graph.keys()) {
    const found = visit(node, [])
    if (found) return found
  }
  return null
}

t.test('the search for cycles finds one', (t) => {
  t.strictSame(
    cycle(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b']],
      ]),
    ),
    ['b', 'c', 'b'],
  )
  t.equal(
    cycle(
      new Map([
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', []],
      ]),
    ),
    null,
  )
  t.end()
})

/** How many files stand on each other at most, each importing the next. */
function levels(graph: Graph): number {
  const known = new Map<string, number>()
  const level = (node: string): number => {
    const found = known.get(node) ?? 1 + Math.max(0, ...(graph.get(node) ?? []).map(level))
    known.set(node, found)
    return found
  }
  return Math.max(...[...graph.keys()].map(level))
}

t.test('lib: few files, few imports, few levels', (t) => {
  const graph = partOf(importsOfLib(), (file) => !inTfjs(file))
  const imports = [...graph.values()].flat().length
  t.ok(graph.size >= 5 && graph.size <= 22, `${graph.size} files`)
  t.ok(imports <= 111, `${imports} imports`)
  t.ok(levels(graph) <= 8, `${levels(graph)} levels`)
  const pair = new Map([
    ['a', ['b', 'c']],
    ['b', ['c']],
    ['c', []],
  ])
  t.equal(levels(pair), 3)
  t.end()
})

t.test('lib/tfjs: few files, which the rest of lib does not know', (t) => {
  const graph = importsOfLib()
  const room = partOf(graph, inTfjs)
  const imports = [...room.values()].flat()
  t.ok(room.size >= 4 && room.size <= 6, `${room.size} files`)
  t.ok(imports.filter(inTfjs).length <= 12, `${imports.filter(inTfjs).length} imports from each other`)
  t.ok(imports.length <= 40, `${imports.length} imports`)
  t.strictSame(
    [...graph].filter(([file, targets]) => !inTfjs(file) && targets.some(inTfjs)),
    [],
  )
  const beneath =
    /^lib\/(errors|layer|layout|native|objects|option-names|options|pass|saved|seed|host\/memory)\.ts$/
  t.strictSame(
    imports.filter((target) => !inTfjs(target) && !beneath.test(target)),
    [],
    'it stands on the levels below the functions',
  )
  t.end()
})

t.test('lib: no cycles', (t) => {
  const graph = importsOfLib()
  for (const [file, imports] of graph) {
    for (const target of imports) t.ok(graph.has(target), `${file} imports ${target}`)
  }
  t.equal(cycle(graph), null)
  t.end()
})

t.test('lib: the two places know nothing of each other and of calls, but for arrays on the host', (t) => {
  const from = (folder: string, other: RegExp) =>
    [...importsOfLib()].flatMap(([file, imports]) =>
      file.startsWith(folder) ? imports.filter((target) => other.test(target)) : [],
    )
  t.strictSame(from('lib/host/', /^lib\/(cuda\/|forward|backward|count|jumpout|layer|saved)/), [])
  t.strictSame(from('lib/cuda/', /^lib\/(host\/place|forward|backward|count|jumpout|layer|saved)/), [])
  t.end()
})

t.test('lib: one file loads the binary, one makes errors, none imports an entry point', (t) => {
  const graph = importsOfLib()
  const loading = [...graph.keys()].filter((file) => /\bbindings\(|\brequire\(/.test(read(file)))
  t.strictSame(loading, ['lib/native.ts', 'lib/tfjs/peers.ts'])
  const making = [...graph.keys()].filter((file) => /new (Type|Range)?Error\(/.test(read(file)))
  t.strictSame(making, ['lib/errors.ts'])
  const entries = /^lib\/(index|tfjs)\.ts$/
  t.strictSame(
    [...graph].filter(([, imports]) => imports.some((target) => entries.test(target))),
    [],
  )
  t.strictSame(graph.get('lib/errors.ts'), [], 'errors import nothing')
  t.end()
})

t.test('lib: everything is reached from the entry points', (t) => {
  const graph = importsOfLib()
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    graph.get(file)?.forEach(visit)
  }
  visit('lib/index.ts')
  visit('lib/tfjs.ts')
  t.strictSame(
    [...graph.keys()].filter((file) => !reached.has(file)),
    [],
  )
  t.end()
})

/** Which folders of csrc, or single files, a folder may include from, besides itself. */
const MAY_INCLUDE: Record<string, string[]> = {
  include: [],
  core: ['include'],
  cpu: ['core', 'include'],
  cuda: ['core', 'include'],
  api: ['core', 'cpu', 'cuda', 'include'],
  tensorflow: ['core/descriptor.hpp', 'include'],
  node: ['core/descriptor.hpp', 'core/dtype.hpp', 'tensorflow/registration.hpp', 'include'],
}

const layer = (path: string): string => relative('csrc', path).split(/[\\/]/)[0]

t.test('csrc: no cycles, and includes point one way', (t) => {
  const graph = includesOfCsrc()
  t.ok(graph.size >= 10, `${graph.size} files`)
  t.equal(cycle(graph), null)
  const wrong = [...graph].flatMap(([file, includes]) =>
    includes
      .filter((target) => {
        const allowed = [layer(file), ...(MAY_INCLUDE[layer(file)] ?? [])]
        return !allowed.includes(layer(target)) && !allowed.includes(relative('csrc', target))
      })
      .map((target) => `${file} -> ${target}`),
  )
  t.strictSame(wrong, [])
  t.end()
})

t.test(
  'csrc/cuda: kernels know of the runtime only its errors, the runtime of kernels only the one that stores',
  (t) => {
    const between = (from: string, to: string) =>
      [...includesOfCsrc()].flatMap(([file, includes]) =>
        file.startsWith(`csrc/cuda/${from}/`)
          ? includes.filter((target) => target.startsWith(`csrc/cuda/${to}/`))
          : [],
      )
    t.strictSame(between('kernels', 'runtime'), ['csrc/cuda/runtime/errors.hpp'])
    t.strictSame(between('runtime', 'kernels'), ['csrc/cuda/kernels/store.hpp'])
    t.end()
  },
)

t.test('tools: the emulator knows nothing of what it runs', (t) => {
  const includes = filesUnder('tools/cuda-on-cpu', /\.(h|hpp|cpp|cu)$/).flatMap((file) =>
    matches(read(file), /^\s*#\s*include\s*[<"]([^>"]+)/gm),
  )
  t.ok(includes.length > 100, `${includes.length} includes`)
  t.strictSame(
    includes.filter((name) => /jumpout|csrc|\.\./.test(name)),
    [],
  )
  t.end()
})

t.test('csrc: only csrc/node knows of Node', (t) => {
  const knowing = filesUnder('csrc', /\.(h|hpp|cpp|cu|cuh)$/).filter((file) =>
    /#\s*include\s*[<"](node_api|napi|uv|v8|node)/.test(read(file)),
  )
  t.ok(knowing.length > 0)
  t.strictSame(
    knowing.filter((file) => layer(file) !== 'node'),
    [],
  )
  t.end()
})

t.test('csrc: only csrc/cuda knows of the CUDA runtime', (t) => {
  const knowing = filesUnder('csrc', /\.(h|hpp|cpp|cu|cuh)$/).filter((file) =>
    /#\s*include\s*[<"]cu(da|rand)\w*\.h/.test(read(file)),
  )
  t.strictSame(
    knowing.filter((file) => layer(file) !== 'cuda'),
    [],
  )
  t.end()
})

t.test('csrc: C++ headers say so once, and the C API is C', (t) => {
  for (const file of filesUnder('csrc', /\.(hpp|cuh)$/)) t.match(read(file), /^#pragma once$/m, file)
  const api = read('csrc/include/jumpout.h')
  t.notMatch(api, /#include <c\w+>|\bnamespace\b|\bstd::/)
  t.end()
})

t.test('CMakeLists.txt names every native source, and is the only list', (t) => {
  const cmake = ['CMakeLists.txt', ...filesUnder('cmake', /\.cmake$/)].map(read).join('\n')
  for (const source of filesUnder('csrc', /\.(cpp|cu)$/)) {
    t.ok(cmake.includes(source), `${source} is listed`)
  }
  for (const source of matches(cmake, /\b(csrc\/[\w/]+\.(?:cpp|cu))\b/g)) {
    t.ok(existsSync(join(root, source)), `${source} exists`)
  }
  t.notMatch(cmake, /file\(GLOB/, 'no patterns')
  for (const other of ['binding.gyp', 'package.json', ...filesUnder('scripts', /\.js$/), '.ci/run']) {
    if (!existsSync(join(root, other))) continue
    t.notMatch(read(other), /csrc\/[\w/]+\.(cpp|cu)\b/, `${other} lists no sources`)
  }
  t.end()
})

t.test('the fields of a call are listed once on each side, and are the same', (t) => {
  const declared = /const FIELDS = \[([^\]]+)\]/.exec(read('lib/native.ts'))?.[1]
  t.ok(declared)
  const users = filesUnder('lib', /\.ts$/).filter((file) => read(file).includes("'elementOffset',"))
  t.strictSame(users, ['lib/native.ts'])
  for (const file of filesUnder('lib', /\.ts$/))
    t.notMatch(read(file), /\b(into|descriptor)\[(\d|[A-Z])/, `${file} writes numbers by their names`)
  t.end()
})

t.test('the dtypes are listed once on each side, and are the same', (t) => {
  const header = read('csrc/include/jumpout.h')
  const codes = [...header.matchAll(/^ +JUMPOUT_(B?FLOAT\d+|UINT\d+) = (\d)/gm)]
  const rows = [...read('csrc/core/dtype.hpp').matchAll(/\{"(\w+)", (\d), NumberFormat::k(\w+)\}/g)]
  t.strictSame(
    codes.map(([, name, code]) => ({ name: name.toLowerCase(), code: Number(code) })),
    Object.entries(KINDS).map(([name, { code }]) => ({ name, code })),
  )
  t.strictSame(
    rows.map(([, name, bytes, format]) => ({
      name,
      bytes: Number(bytes),
      floating: format !== 'Unsigned',
    })),
    Object.entries(KINDS).map(([name, { bytes, floating }]) => ({ name, bytes, floating })),
  )
  t.end()
})

t.test('pointers of a call stand before its length, where each must be a span', (t) => {
  const header = read('csrc/include/jumpout.h').replace(/\/\*[^]*?\*\//g, '')
  const calls = [...header.matchAll(/typedef struct jumpout_\w+_args \{([^}]*)\} (\w+);/g)]
  t.equal(calls.length, 7)
  for (const [, members, name] of calls) {
    const [pointers, numbers] = members.split(/\bsize_t length;/)
    t.match(pointers, /\*/, name)
    t.notMatch(numbers, /\*/, name)
  }
  t.end()
})

t.test('an input passes few files on its way to a kernel', (t) => {
  const folders = ['lib', 'csrc/node', 'csrc/api', 'csrc/cpu', 'csrc/cuda/kernels']
  const rows = matches(read('docs/architecture.md'), /^\| `((?:lib|csrc)[^\n]*) \|$/gm)
    .filter((row) => /`(forward|call|backend|checks|descriptor)`/.test(row))
    .map((row) => row.split('|').slice(1))
  t.equal(rows.length, 4)
  for (const [column, limit] of [18, 28].entries()) {
    const files = rows.flatMap((row, i) =>
      matches(row[column], /`([\w/]+)`(?! *\))/g).map((name) => {
        const folder = folders[i + (i === 3 ? column : 0)]
        const found = ['ts', 'hpp', 'cpp', 'cuh', 'cu'].find((kind) =>
          existsSync(join(root, folder, `${name}.${kind}`)),
        )
        t.ok(found, `${folder}/${name} exists`)
        return `${folder}/${name}`
      }),
    )
    t.equal(new Set(files).size, files.length)
    t.ok(files.length >= 10 && files.length <= limit, `${files.length} files`)
  }
  t.end()
})

t.test('the version is written in package.json alone', (t) => {
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const sources = [
    ...filesUnder('lib', /\.m?ts$/),
    ...filesUnder('csrc', /\.(h|hpp|cpp|cu)$/),
    'CMakeLists.txt',
  ]
  t.strictSame(
    sources.filter((file) => read(file).includes(`"${version}"`) || read(file).includes(`'${version}'`)),
    [],
  )
  t.end()
})

t.test('files are short, and named in one way', (t) => {
  for (const file of [...filesUnder('lib', /\.ts$/), ...filesUnder('csrc', /\.(h|hpp|cpp|cu)$/)]) {
    const lines = read(file).split('\n').length
    t.ok(lines <= 400, `${file}: ${lines} lines`)
    t.match(basename(file), /^[a-z0-9]+([-_][a-z0-9]+)*(\.d)?\.\w+$/, file)
  }
  t.end()
})
