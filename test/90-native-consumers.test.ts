/**
 * The C library as others meet it: the package is packed and unpacked somewhere else, what the install script built is put
 * where it belongs there, and two projects find it with find_package(jumpout): a second Node addon, and a C program that is
 * linked with the static library and with the shared one. Both must give the bits that this package gives.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join } from 'node:path'
import {
  countActive,
  jumpoutBackward,
  jumpoutForward,
  native as ownNative,
  runtime,
  type NativePaths,
} from 'jumpout'
import t from 'tap'
import { equalBits } from './support/bits'
import { makeInput } from './support/inputs'
import { copyBuild, HANG, root } from './support/program'
import { isInstalled } from './support/requirement'

const scratch = mkdtempSync(join(tmpdir(), 'jumpout consumers '))
t.teardown(() => rmSync(scratch, { recursive: true }))

function run(command: string, args: readonly string[], cwd = scratch): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', timeout: HANG })
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${message}\n${stdout ?? ''}\n${stderr ?? ''}`.slice(0, 8000), { cause: error })
  }
}

/** The package in a folder of its own: what npm packs, and what its install script builds. */
function unpackedPackage(): string {
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], root)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  run('tar', ['-xzf', filename])
  const folder = join(scratch, 'node_modules', 'jumpout')
  mkdirSync(join(scratch, 'node_modules'))
  cpSync(join(scratch, 'package'), folder, { recursive: true })
  copyBuild(join(folder, 'build', 'Release'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return folder
}

const packageFolder = unpackedPackage()
const native = JSON.parse(
  run(process.execPath, ['--print', `JSON.stringify(require('jumpout').native)`]),
) as NativePaths

/** Configures and builds test/consumers/<name> outside of this checkout, with the package at `cmake`. */
function buildConsumer(name: string, options: readonly string[] = [], cmake = native.cmake): string {
  const source = join(scratch, `${name} source`)
  const build = mkdtempSync(join(scratch, `${name} build`))
  cpSync(join(root, 'test', 'consumers', name), source, { recursive: true })
  run('cmake', ['-S', source, '-B', build, `-Djumpout_DIR=${cmake}`, ...options])
  run('cmake', ['--build', build, '--parallel', '2'])
  return build
}

t.test('where things are', (t) => {
  t.strictSame(Object.keys(native), Object.keys(ownNative))
  for (const [name, path] of Object.entries(native) as [string, string][]) {
    t.ok(isAbsolute(path) && path.startsWith(packageFolder), `${name} is ${path}, in the unpacked package`)
    t.ok(existsSync(path), `${name} exists`)
  }
  for (const header of ['jumpout.h', 'jumpout_cuda.h']) t.ok(existsSync(join(native.include, header)), header)
  t.ok(Object.isFrozen(ownNative))
  t.end()
})

t.test('the packed sources are complete', (t) => {
  const options = ['-DJUMPOUT_BUILD_ADDON=OFF', '-DJUMPOUT_CUDA=OFF', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON']
  run('cmake', ['-S', packageFolder, '-B', join(scratch, 'configured'), ...options]) // looks for every source
  t.throws(
    () =>
      run('cmake', [
        ...['-S', packageFolder, '-B', join(scratch, 'emulated')],
        ...['-DJUMPOUT_BUILD_ADDON=OFF', '-DJUMPOUT_CUDA=EMULATED'],
      ]),
    /EMULATED is for the tests/,
    'the emulation is not part of the package',
  )
  t.end()
})

t.test('the headers compile in every C and C++ since 1989', (t) => {
  const standards = {
    c: ['c89', 'gnu89', 'c99', 'c11', 'c17', 'c2x'],
    'c++': ['c++98', 'c++11', 'c++14', 'c++17', 'c++20'],
  }
  const compilers = { c: ['cc', 'clang'], 'c++': ['c++', 'clang++'] }
  for (const language of ['c', 'c++'] as const) {
    for (const compiler of compilers[language]) {
      if (!isInstalled(compiler)) {
        t.comment(`${compiler} is not installed`)
        continue
      }
      for (const header of ['jumpout.h', 'jumpout_cuda.h']) {
        const source = join(scratch, 'includes.txt')
        writeFileSync(source, `#include <${header}>\nint main(void) { return JUMPOUT_OK; }\n`)
        for (const standard of standards[language]) {
          t.doesNotThrow(
            () =>
              run(compiler, [
                ...['-x', language, `-std=${standard}`, '-pedantic', '-Wall', '-Wextra', '-Werror'],
                ...['-fsyntax-only', `-I${native.include}`, source],
              ]),
            `${header}, ${compiler} -std=${standard}`,
          )
        }
      }
    }
  }
  t.end()
})

t.test('the shared library exports the C API alone', { skip: process.platform !== 'linux' }, (t) => {
  const names = run('nm', ['-D', '--defined-only', '--format=posix', native.library])
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[0])
  const declared = ['jumpout.h', 'jumpout_cuda.h'].flatMap((header) =>
    [...readFileSync(join(native.include, header), 'utf8').matchAll(/^[a-z][\w* ]*?\b(jumpout_\w+)\(/gm)].map(
      (match) => match[1],
    ),
  )
  t.ok(declared.length > 20, `${declared.length} functions`)
  t.strictSame(names.sort(), [...new Set(declared)].sort())
  const needed = [...run('readelf', ['--dynamic', native.library]).matchAll(/NEEDED.*\[(.+)\]/g)].map(
    (match) => match[1],
  )
  t.strictSame(
    needed.filter((name) => /cuda/.test(name)),
    [],
    'and needs no library of CUDA',
  )
  t.end()
})

t.test(
  'the addon holds no kernels, but links the library beside it',
  { skip: process.platform !== 'linux' },
  (t) => {
    const addon = join(packageFolder, 'build', 'Release', 'jumpout.node')
    const dynamic = (file: string) => run('readelf', ['--dynamic', '--wide', file])
    const [, soname = ''] = /SONAME.*\[(.+)\]/.exec(dynamic(native.library)) ?? []
    t.equal(soname, basename(native.library), 'its file has the name that programs ask for')
    t.equal(soname, `libjumpout.so.${runtime.version}`, 'which is that of one version')
    t.match(dynamic(addon), `[${soname}]`)
    t.match(dynamic(addon), '[$ORIGIN/lib]')
    t.strictSame(
      run('nm', ['-D', '--defined-only', '--format=posix', addon])
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')[0])
        .sort(),
      ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
      'and exports what Node asks for alone',
    )
    t.end()
  },
)

t.test('addons of two versions in one process', { skip: process.platform !== 'linux' }, (t) => {
  const other = runtime.version.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))
  const folder = join(scratch, `addon ${other}`)
  cpSync(join(packageFolder, 'build', 'Release'), folder, { recursive: true, verbatimSymlinks: true })
  const library = join(folder, 'lib', basename(native.library))
  for (const [from, to] of [
    [join(folder, 'jumpout.node'), join(folder, 'jumpout.node')],
    [library, library.replace(runtime.version, other)],
  ]) {
    const bytes = readFileSync(from, 'latin1').replaceAll(`${runtime.version}\0`, `${other}\0`)
    rmSync(from)
    writeFileSync(to, bytes, 'latin1')
  }
  const addons = [join(packageFolder, 'build', 'Release', 'jumpout.node'), join(folder, 'jumpout.node')]
  for (const order of [addons, [...addons].reverse()]) {
    const said = run(process.execPath, [
      '--print',
      `${JSON.stringify(order)}.map((file) => require(file).runtime().version).sort().join()`,
    ])
    t.equal(said.trim(), [runtime.version, other].sort().join(), 'each has its own library')
  }
  t.end()
})

/** A copy of what was installed, elsewhere, whose static library says that it is another version. */
function otherVersion(version: string): string {
  const prefix = join(scratch, `version ${version}`)
  cpSync(join(packageFolder, 'build', 'Release'), prefix, { recursive: true, verbatimSymlinks: true })
  const csrc = join(packageFolder, 'csrc')
  run('c++', [
    ...['-c', '-std=c++20', '-fPIC', '-fvisibility=hidden', `-DJUMPOUT_VERSION="${version}"`],
    ...[`-I${csrc}`, `-I${join(csrc, 'include')}`, join(csrc, 'api', 'runtime.cpp'), '-o', 'runtime.cpp.o'],
  ])
  run('ar', ['r', join(prefix, 'lib', 'libjumpout.a'), 'runtime.cpp.o'])
  return join(prefix, 'lib', 'cmake', 'jumpout')
}

t.test(
  'shared libraries with a static jumpout each use their own',
  { skip: process.platform !== 'linux' },
  (t) => {
    const own = buildConsumer('plugins')
    const other = buildConsumer('plugins', [], otherVersion('0.0.7'))
    const [first, shared, second] = [
      join(own, 'plugin_static.so'),
      join(own, 'plugin_shared.so'),
      join(other, 'plugin_static.so'),
    ]
    for (const plugin of [first, second]) {
      const names = run('nm', ['-D', '-C', '--defined-only', plugin])
      t.match(names, /plugin_version/)
      t.notMatch(names, /jumpout/, 'nothing of the library is exported')
    }
    const { version } = runtime
    const host = (...plugins: readonly string[]) => run(join(own, 'host'), plugins).trimEnd().split('\n')
    const hidden = 'jumpout_forward is hidden'
    t.strictSame(
      host(first, second),
      [`version ${version}`, 'version 0.0.7', 'field output', 'field input', hidden],
      'of two versions',
    )
    t.strictSame(
      host(second, first),
      ['version 0.0.7', `version ${version}`, 'field output', 'field input', hidden],
      'in the other order',
    )
    const copy = join(scratch, 'copy.so')
    cpSync(first, copy)
    t.strictSame(
      host(first, copy),
      [`version ${version}`, `version ${version}`, 'field output', 'field input', hidden],
      'of one version: what the last failing call was about is theirs alone',
    )
    t.strictSame(
      host(shared, second).slice(0, 4),
      [`version ${version}`, 'version 0.0.7', 'field output', 'field input'],
      'beside the shared library',
    )
    t.end()
  },
)

t.test('another addon, in the same process', (t) => {
  const headers = (require('node-api-headers') as { include_dir: string }).include_dir
  const build = buildConsumer('addon', [`-DNODE_API_INCLUDE=${headers}`])
  const addon = require(join(build, 'consumer.node')) as {
    forward(input: Float32Array, mask: Uint32Array, seed: bigint, sigma: number): Float32Array
    forkedForward?(input: Float32Array, seed: bigint, expected: Float32Array): number
    devices(): number
  }
  process.env.JUMPOUT_NUM_THREADS = '16' // for its copy of the library, at its first call
  t.teardown(() => delete process.env.JUMPOUT_NUM_THREADS)
  for (const length of [1, 31, 1000, 100_003]) {
    const input = makeInput(length)
    const mask = new Uint32Array(Math.ceil(length / 32))
    const output = addon.forward(input, mask, 12345678901234567890n, 0.3)
    const expected = jumpoutForward(input, { seed: 12345678901234567890n, sigma: 0.3 })
    equalBits(t, output, expected.output, `output of ${length}`)
    equalBits(t, mask, expected.saved.mask as Uint32Array, `mask of ${length}`)
    equalBits(
      t,
      addon.forward(output, mask, 1n, 0.1),
      jumpoutForward(output, { seed: 1 }).output,
      'on its own memory',
    )
  }
  if (addon.forkedForward) {
    const input = makeInput(2_000_000)
    const expected = jumpoutForward(input, { seed: 7 }).output
    for (let i = 0; i < 10; ++i) t.equal(addon.forkedForward(input, 7n, expected), 0, `child ${i} of fork()`)
    t.equal(addon.forkedForward(input, 8n, expected), 1, 'a child that gives other bits is told apart')
    const mask = new Uint32Array(input.length / 32)
    equalBits(t, addon.forward(input, mask, 7n, 0.1), expected, 'the parent afterwards')
  }
  t.equal(addon.devices(), runtime.cuda.devices.length, 'devices')
  t.throws(() => addon.forward(new Float32Array(64), new Uint32Array(1), 1n, 0.1), Error, 'a mask too short')
  t.throws(
    () => addon.forward(new Float32Array(64), new Uint32Array(2), 1n, -1),
    { code: /sigma/ },
    'the field that is wrong',
  )
  t.end()
})

t.test('a C program, linked with either library', (t) => {
  const build = buildConsumer('c-program')
  const input = makeInput(100_003)
  const words = Math.ceil(input.length / 32)
  writeFileSync(join(scratch, 'input'), new Uint8Array(input.buffer, input.byteOffset, input.byteLength))
  const { output, saved } = jumpoutForward(input, { seed: 2026, call: 7, relu: true })
  const gradient = jumpoutBackward(input, saved)
  const [active] = countActive(input).active

  for (const kind of ['jumpout', 'shared']) {
    const said = run(join(build, `program_${kind}`), ['input', 'result'])
    t.match(said, `version ${runtime.version}\n`)
    t.match(said, /^sigma -1: .+ \(options\.sigma\)$/m)
    t.match(said, /^no input: .+ \(input\)$/m)
    t.match(said, `active ${active} of ${input.length}\n`)
    t.match(said, new RegExp(`^devices ${runtime.cuda.devices.length}, one more: .+$`, 'm'))

    const result = new Uint8Array(readFileSync(join(scratch, 'result'))).buffer
    t.equal(result.byteLength, 2 * (2 * input.byteLength + 4 * words))
    for (const way of ['whole', 'two shards']) {
      const start = way === 'whole' ? 0 : result.byteLength / 2
      equalBits(t, new Float32Array(result, start, input.length), output, `${kind}, ${way}: output`)
      equalBits(
        t,
        new Float32Array(result, start + input.byteLength, input.length),
        gradient,
        `${kind}, ${way}: gradient`,
      )
      equalBits(
        t,
        new Uint32Array(result, start + 2 * input.byteLength, words),
        saved.mask as Uint32Array,
        `${kind}, ${way}: mask`,
      )
    }
  }
  t.end()
})
