/** What tries to kill a mutant: programs of the native tests and test files, in builds of a copy of the sources. */
import { join } from 'node:path'
import { execPath } from 'node:process'
import { root, typescript } from '../support/program'

export const home = join(root, 'build', 'mutants')

/** What CMake reads; test files run from the tree itself. */
export const COPIED = ['CMakeLists.txt', 'package.json', 'cmake', 'csrc', 'test/native', 'tools/cuda-on-cpu']

const headers = ['node-api-headers/include', 'node-addon-api'].map((name) => join(root, 'node_modules', name))
const quickly = ['CMAKE_BUILD_TYPE=None', 'CMAKE_CXX_FLAGS=-O1']
const emulated = ['JUMPOUT_CUDA=EMULATED', 'JUMPOUT_BUILD_ADDON=OFF']
const addonFolder = join(home, 'addon')

/** CMake options of each build, beside JUMPOUT_BUILD_TESTS. */
export const builds = {
  host: [
    ...quickly,
    'JUMPOUT_CUDA=OFF',
    'JUMPOUT_BUILD_ADDON=ON',
    'JUMPOUT_BUILD_TENSORFLOW=OFF',
    'JUMPOUT_INSTALL_STATIC=OFF',
    `JUMPOUT_ADDON_DIR=${addonFolder}`,
    `CMAKE_JS_INC=${headers.join(';')}`,
  ],
  emulated: [...emulated, ...quickly],
  address: [...emulated, 'JUMPOUT_SANITIZE=address', 'CMAKE_BUILD_TYPE=RelWithDebInfo'],
  thread: [...emulated, 'JUMPOUT_SANITIZE=thread', 'CMAKE_BUILD_TYPE=RelWithDebInfo'],
} as const
export type Build = keyof typeof builds

export interface Suite {
  name: string
  build: Build
  target: string
  command: readonly string[]
  env: Record<string, string>
}

function native(
  build: Build,
  target: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Suite {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return {
    name: [...variables, build, target, ...args].join(' '),
    build,
    target,
    command: [join(home, build, 'bin', target), ...args],
    env,
  }
}

const unit = (file: string): Suite => ({
  name: `test/${file}`,
  build: 'host',
  target: 'jumpout_addon',
  command: [execPath, ...typescript, join(root, 'test', file)],
  env: { JUMPOUT_BINARY: join(addonFolder, 'jumpout.node') },
})

const device = (args: string, env?: Record<string, string>, build: Build = 'emulated'): Suite =>
  native(build, 'jumpout_device_tests', args.split(' '), env)

/** As test/long/71 has it: as little memory as reading ahead needs. */
const sanitized = { CUDA_ON_CPU_ORDER: 'random:5', CUDA_ON_CPU_SHARED: '65536' }

/** From fast to slow. */
export const suites: Readonly<Record<'host' | 'device', readonly Suite[]>> = {
  host: [
    native('host', 'jumpout_leaves_tests'),
    native('host', 'jumpout_device_code_tests'),
    native('host', 'jumpout_argument_tests'),
    native('host', 'jumpout_thread_tests'),
    native('host', 'jumpout_native_tests', ['100']),
    unit('20-golden.test.ts'),
    unit('11-philox.test.ts'),
    unit('57-descriptor.test.ts'),
    unit('28-half-gaussian.test.ts'),
    unit('24-backward.test.ts'),
    unit('21-random-options.test.ts'),
    unit('26-shards.test.ts'),
    unit('29-channels-last.test.ts'),
    native('host', 'jumpout_native_tests'),
    native('host', 'jumpout_guest_tests'),
  ],
  device: [
    device('--tiny'),
    device('--tiny', { CUDA_ON_CPU_ORDER: 'random:1' }),
    native('emulated', 'jumpout_device_runtime_tests'),
    device('--quick'),
    device('--quick --seed 2', { CUDA_ON_CPU_ORDER: 'reverse' }),
    device('--quick --seed 11', { CUDA_ON_CPU_ORDER: 'random:1' }),
    device('--quick --seed 12', { CUDA_ON_CPU_ORDER: 'random:2' }),
    device('--quick --multiprocessors 2 --only lengths,samples,graphs,ways,large', { CUDA_ON_CPU_SMS: '16' }),
    device('--tiny --only golden,counters,graphs,ways', sanitized, 'thread'),
    device('--tiny', sanitized, 'address'),
  ],
}
