/** What a release refuses: binaries that ask for a newer system, or for a library that not every machine has. */
import { join } from 'node:path'
import { runtime } from 'jumpout'
import t from 'tap'
import { root } from './support/program'

interface Platform {
  name: string
  os: string
  libc?: string
}
interface Binary {
  needed: string[]
  versions?: string[]
  system?: string
  signed?: boolean
  exports: string[]
}
const release = (name: string): unknown => require(join(root, 'scripts', 'release', name))
const { judge } = release('floor') as { judge(platform: Platform, binaries: Binary[]): string }
const platforms = release('platforms') as Platform[]
const platform = (name: string): Platform => {
  const found = platforms.find((known) => known.name === name)
  if (found === undefined) throw new Error(`no platform is named ${name}`)
  return found
}

const node = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const api = ['jumpout_forward', 'jumpout_backward']
const { version } = runtime

const gnu = (
  addon: Partial<Binary>,
  library: Partial<Binary> = {},
  tensorflow: Partial<Binary> = {},
): string =>
  judge(platform('linux-x64-gnu'), [
    {
      needed: [`libjumpout.so.${version}`, 'libc.so.6', 'ld-linux-x86-64.so.2'],
      versions: ['GLIBC_2.2.5', 'GLIBC_2.14'],
      exports: node,
      ...addon,
    },
    { needed: ['libm.so.6', 'libc.so.6'], versions: ['GLIBC_2.17', 'GLIBC_2.9'], exports: api, ...library },
    {
      needed: [`libjumpout.so.${version}`, 'libdl.so.2', 'libc.so.6'],
      versions: ['GLIBC_2.2.5'],
      exports: ['jumpout_tensorflow_fields'],
      ...tensorflow,
    },
  ])

t.test('glibc', (t) => {
  t.equal(gnu({}), 'glibc 2.17', 'the newest of both files, by number')
  t.equal(gnu({ versions: ['GLIBC_2.28'] }), 'glibc 2.28')
  for (const asked of ['GLIBC_2.29', 'GLIBC_2.34', 'GLIBC_3.0', 'GLIBCXX_3.4.30', 'CXXABI_1.3', 'GCC_3.0']) {
    t.throws(() => gnu({ versions: [asked] }), { message: /jumpout\.node asks for/ }, `${asked} in the addon`)
    t.throws(
      () => gnu({}, { versions: [asked] }),
      { message: /libjumpout.* asks for/ },
      `${asked} in the library`,
    )
  }
  for (const strange of [
    'libstdc++.so.6',
    'libgcc_s.so.1',
    'libcudart.so.13',
    'libcuda.so.1',
    '/usr/lib/libx.so',
  ])
    t.throws(() => gnu({}, { needed: ['libc.so.6', strange] }), { message: `needs ${strange}` }, strange)
  t.throws(() => gnu({ needed: ['libc.so.6'] }), /does not link libjumpout/, 'kernels of its own')
  t.throws(() => gnu({ needed: ['libjumpout.so.9.9.9', 'libc.so.6'] }), /does not link/, 'another version')
  t.throws(() => gnu({ exports: [...node, '_Znwm'] }), /exports _Znwm/, 'C++ that other libraries would find')
  t.throws(() => gnu({}, { exports: [...api, 'napi_register_module_v1'] }), /exports napi/)
  const tensorflow = (binary: Partial<Binary>) => () => gnu({}, {}, binary)
  t.throws(tensorflow({ versions: ['GLIBC_2.29'] }), { message: /libjumpout_tensorflow\.so asks for/ })
  t.throws(tensorflow({ needed: ['libc.so.6'] }), /libjumpout_tensorflow\.so does not link libjumpout/)
  t.throws(
    tensorflow({ needed: [`libjumpout.so.${version}`, 'libtensorflow_framework.so.2'] }),
    /libjumpout_tensorflow\.so needs libtensorflow_framework/,
  )
  t.throws(tensorflow({ exports: api }), /libjumpout_tensorflow\.so exports jumpout_forward/)
  t.end()
})

t.test('musl has no versions', (t) => {
  const musl = (needed: string[]): string =>
    judge(platform('linux-arm64-musl'), [
      { needed: [`libjumpout.so.${version}`, ...needed], versions: [], exports: node },
      { needed, versions: [], exports: api },
    ])
  t.equal(musl(['libc.so']), 'musl 1.2')
  t.throws(() => musl(['libc.so.6']), /needs libc\.so\.6/, 'a binary for glibc')
  t.end()
})

t.test('macOS and Windows', (t) => {
  const mac = (change: Partial<Binary>, cpu = 'arm64'): string =>
    judge(platform(`darwin-${cpu}`), [
      {
        needed: [`@rpath/libjumpout.${version}.dylib`, '/usr/lib/libSystem.B.dylib'],
        system: '11.0',
        signed: true,
        exports: node,
        ...change,
      },
      { needed: ['/usr/lib/libSystem.B.dylib'], system: '11.0', signed: true, exports: api },
    ])
  t.equal(mac({}), 'macOS 11.0')
  t.throws(() => mac({ system: '12.3' }), /asks for macOS 12\.3/)
  t.throws(() => mac({ signed: false }), /not signed/)
  t.equal(mac({ signed: false }, 'x64'), 'macOS 11.0', 'which Intel does not ask for')
  t.throws(() => mac({ needed: [`@rpath/libjumpout.${version}.dylib`, '/usr/lib/libc++.1.dylib'] }), /needs/)

  const windows = (...needed: string[]): string =>
    judge(platform('win32-x64'), [
      { needed: [`jumpout-${version}.dll`, ...needed], exports: node },
      { needed, exports: api },
    ])
  t.equal(windows('KERNEL32.dll', 'api-ms-win-crt-heap-l1-1-0.dll'), 'Windows 10')
  for (const strange of ['VCRUNTIME140.dll', 'libc++.dll', 'node.exe'])
    t.throws(() => windows('KERNEL32.dll', strange), { message: `needs ${strange}` }, strange)
  t.end()
})
