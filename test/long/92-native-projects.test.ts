/**
 * The C library inside another CMake project, from a folder whose name build tools stumble over: nothing of that
 * project is changed, and what it installs can be moved and is found again. Builds the library once, unoptimised.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jumpoutForward, runtime } from 'jumpout'
import t from 'tap'
import { root } from '../support/program'

// A semicolon is beyond CMake, whose lists it cuts; a comma is beyond its run paths.
const scratch = join(mkdtempSync(join(tmpdir(), 'jumpout-')), 'C# + ü $x (1)')
mkdirSync(scratch)
t.teardown(() => rmSync(join(scratch, '..'), { recursive: true }))

const source = join(scratch, 'jumpout')
for (const name of ['CMakeLists.txt', 'cmake', 'csrc', 'package.json'])
  cpSync(join(root, name), join(source, name), { recursive: true })
const consumers = join(scratch, 'consumers')
cpSync(join(root, 'test', 'consumers'), consumers, { recursive: true })
const program = join(consumers, 'c-program', 'program.c')
const input = join(scratch, 'input')
writeFileSync(input, new Uint8Array(new Float32Array(1000).fill(1).buffer))

/** What a command says; on failure the error has it. */
function run(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: scratch, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`.slice(-8000), { cause: error })
  }
}

const parent = (build: string, ...options: readonly string[]): string =>
  run(
    'cmake',
    ...['-S', join(consumers, 'subproject'), '-B', build, `-DJUMPOUT_SOURCE=${source}`],
    ...[`-DPROGRAM_SOURCE=${program}`, ...options],
  )

t.test('add_subdirectory: jumpout::jumpout exists, and no setting of the project is changed', (t) => {
  const build = join(scratch, 'build')
  parent(
    build,
    '-DJUMPOUT_CUDA=OFF',
    '-DCMAKE_BUILD_TYPE=Debug',
    '-DCMAKE_CXX_FLAGS=-ffast-math',
    '-DJUMPOUT_INSTALL=ON',
    '-DCMAKE_INSTALL_LIBDIR=lib64',
  )
  run('cmake', '--build', build, '--parallel', '2')
  const written = join(scratch, 'output')
  t.match(run(join(build, 'program'), input, written), `version ${runtime.version}\n`)
  const { output } = jumpoutForward(new Float32Array(1000).fill(1), { seed: 2026, call: 7, relu: true })
  const bytes = Buffer.from(output.buffer)
  t.ok(readFileSync(written).subarray(0, bytes.length).equals(bytes), 'its flags do not change a result')

  const prefix = join(scratch, 'prefix')
  run('cmake', '--install', build, '--prefix', prefix)
  t.notOk(existsSync(join(prefix, 'lib')), 'everything is in lib64')
  for (const path of ['lib64/libjumpout.a', 'lib64/cmake/jumpout/jumpout-config.cmake', 'include/jumpout.h'])
    t.ok(existsSync(join(prefix, path)), path)
  const moved = join(scratch, 'moved')
  renameSync(prefix, moved)
  const found = join(scratch, 'found')
  run('cmake', '-S', join(consumers, 'c-program'), '-B', found, `-Djumpout_DIR=${moved}/lib64/cmake/jumpout`)
  run('cmake', '--build', found)
  for (const kind of ['jumpout', 'shared'])
    t.match(
      run(join(found, `program_${kind}`), input, join(scratch, 'output')),
      `version ${runtime.version}\n`,
      kind,
    )
  t.end()
})

t.test('other settings of a project: none, its own nvcc, shared libraries', (t) => {
  for (const options of [
    [],
    ['-DJUMPOUT_CUDA=OFF', '-DBUILD_SHARED_LIBS=ON', '-DCMAKE_CUDA_ARCHITECTURES=80'],
    ['-DJUMPOUT_CUDA=OFF', '-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=elsewhere', '-DCMAKE_CXX_FLAGS=-O1'],
  ]) {
    const build = mkdtempSync(join(scratch, 'configured-'))
    t.match(parent(build, ...options), 'CPU backend', options.join(' ')) // errors make it fail
    const targets = run('cmake', '--build', build, '--target', 'help')
    t.equal(/jumpout_package|jumpout_addon|native-test/.exec(targets), null)
  }
  t.end()
})

t.test('a folder that CMake cannot work in is named', (t) => {
  const folder = join(scratch, 'a;b')
  mkdirSync(folder)
  for (const name of ['CMakeLists.txt', 'package.json']) cpSync(join(root, name), join(folder, name))
  t.throws(() => run('cmake', '-S', folder, '-B', join(scratch, 'unbuilt')), /semicolon/)
  t.end()
})
