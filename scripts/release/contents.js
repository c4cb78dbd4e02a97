'use strict'
// What is inside the binaries of a platform package beside this project's own code, as a CycloneDX document.

const { version } = require('../../package.json')
const { run, versions, zig } = require('./tools')

const llvm = 'Apache-2.0 WITH LLVM-exception'

const component = (name, version, expression, description) => ({
  type: 'library',
  name,
  ...(version !== undefined && { version }),
  description,
  licenses: [{ expression }],
})

/** Linked statically by zig, from its own copy of their sources. */
function ofZig({ os, libc }) {
  const [, clang] = /clang version (\d+\.\d+\.\d+)/.exec(run(zig(), ['c++', '--version']))
  const all = [
    ...['libc++', 'libc++abi', 'libunwind'].map((name) => component(name, clang, llvm, "LLVM's C++ runtime")),
    component('compiler-rt of zig', versions.zig, 'MIT', "the compiler's own arithmetic"),
  ]
  if (os === 'win32') all.push(component('mingw-w64', undefined, 'ZPL-2.1', 'the startup code of a DLL'))
  if (libc === 'glibc')
    all.push(
      component(
        'libc_nonshared of glibc',
        undefined,
        'LGPL-2.1-or-later',
        'with the exception that lets it be linked anywhere',
      ),
    )
  return all
}

/** NVIDIA's terms list cudart_static among what may be redistributed with an application. */
const cudart = {
  type: 'library',
  name: 'CUDA runtime (cudart_static)',
  version: versions.cudart,
  supplier: { name: 'NVIDIA Corporation' },
  description: "linked statically; redistributable under attachment A of the toolkit's terms",
  licenses: [
    {
      license: { name: 'CUDA Toolkit End User License Agreement', url: 'https://docs.nvidia.com/cuda/eula/' },
    },
  ],
}

/** The document for one platform package; the same for the same versions. */
function contents(platform) {
  const { version: cxx } = require('node-addon-api/package.json')
  const { version: api } = require('node-api-headers/package.json')
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'library',
        'bom-ref': `jumpout-${platform.name}@${version}`,
        name: `jumpout-${platform.name}`,
        version,
        licenses: [{ license: { id: 'MIT' } }],
      },
    },
    components: [
      component('node-addon-api', cxx, 'MIT', 'headers'),
      component('node-api-headers', api, 'MIT', 'headers'),
      ...ofZig(platform),
      ...(platform.cuda ? [cudart] : []),
    ],
  }
}

module.exports = { contents }
