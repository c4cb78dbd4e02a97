/**
 * What the build makes of a toolkit and of nvidia-smi, made-up ones; test/long takes this machine's. JUMPOUT_CUDA=AUTO goes
 * on without CUDA and says why, in the compiler's own words; ON fails with the same reason.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'
import { root } from './support/program'
import { configure, leavesOut, nvcc, scratch, script, unix } from './support/toolkits'

t.test('compilers that are none, or not enough', unix, (t) => {
  const fails = (words: string) => {
    const file = join(mkdtempSync(join(scratch, 'words ')), 'words')
    writeFileSync(file, `${words}\n`)
    return `cat '${file}' >&2; exit 1`
  }
  const cases: Record<string, [compiler: string, reason: RegExp]> = {
    'an old toolkit': [nvcc('11.8', 'exit 0'), /CUDA 11\.8, older than 12\.0/],
    'nothing there': [join(scratch, 'absent', 'nvcc'), /CUDACXX named .*absent\/nvcc, which was not found/],
    'a wrapper that fails': [script('nvcc', fails('module cuda is not loaded')), /module cuda is not loaded/],
    'a wrapper of nothing': [script('nvcc', 'exec /nonexistent/nvcc "$@"'), /not found/],
    'no version': [script('nvcc', 'echo hello'), /did not say its version.*hello/],
    'one that hangs': [script('nvcc', 'exec sleep 600'), /did not say its version/],
    'no architectures': [
      script('nvcc', 'echo release 12.4; [ "$1" = --version ]'),
      /--list-gpu-code named no architectures/,
    ],
    'an architecture that it cannot do': [
      nvcc('12.4', fails("nvcc fatal   : Unsupported gpu architecture 'compute_90'")),
      /could not build a small program.*nvcc fatal : Unsupported gpu architecture 'compute_90'/,
    ],
    'a host compiler that is too new': [
      nvcc(
        '12.4',
        fails('host_config.h:143:2: error: #error -- unsupported GNU version! gcc versions later than 13'),
      ),
      /#error -- unsupported GNU version! gcc versions later than 13/,
    ],
    'a crash': [nvcc('12.4', 'echo "Segmentation fault (core dumped)"; kill -SEGV $$'), /Segmentation fault/],
    'no memory': [
      nvcc('12.4', fails("nvcc error   : 'cicc' died due to signal 9 (Kill signal)")),
      /signal 9/,
    ],
    'words that name no error': [nvcc('12.4', fails('the licence has expired')), /the licence has expired/],
    'odd words': [
      nvcc('12.4', fails(`fatal error: a "quoted" C:\\path; \${x} @y@ %s ü )jumpout (`)),
      /a "quoted" C:\\path; \$\{x\} @y@ %s ü \)jumpout \(/,
    ],
    'one that does nothing': [nvcc('12.4', 'exit 0'), /could not build a small program/],
  }
  for (const [what, [compiler, reason]] of Object.entries(cases)) leavesOut(t, compiler, reason, what)
  t.end()
})

t.test('architectures that cannot be had', unix, (t) => {
  const compiler = nvcc('12.4', 'exit 1')
  for (const [wanted, reason] of Object.entries({
    '70': /asked for 70, less than 75/,
    '80,999': /asked for 999, nvcc knew 75, 80, 86/,
  }))
    leavesOut(t, compiler, reason, wanted, [`-DJUMPOUT_CUDA_ARCHITECTURES=${wanted}`])
  const { status, said } = configure(compiler, ['-DJUMPOUT_CUDA_ARCHITECTURES=new'])
  t.not(status, 0, 'a word that means nothing fails')
  t.match(said.replace(/\s+/g, ' '), "is AUTO, ALL or a list like 80,90, not 'new'")
  t.end()
})

t.test('JUMPOUT_CUDA=ON fails with the reason', unix, (t) => {
  for (const [compiler, reason] of [
    [nvcc('11.5', 'exit 0'), /nvcc was that of CUDA 11\.5, older than 12\.0/],
    [nvcc('12.4', 'echo "nvcc fatal : no luck"; exit 1'), /nvcc fatal : no luck/],
    [join(scratch, 'absent'), /which was not found/],
  ] as const) {
    const { status, said } = configure(compiler, ['-DJUMPOUT_CUDA=ON'])
    t.not(status, 0)
    t.match(said.replace(/\s+/g, ' '), reason)
  }
  t.end()
})

t.test('a build that failed with CUDA is configured without it', unix, (t) => {
  const log = join(scratch, 'log')
  writeFileSync(
    log,
    `[1/9] Building CUDA object backend.cu.o
FAILED: backend.cu.o
/usr/bin/nvcc -Werror all-warnings -c backend.cu
\u001b[31mbackend.cu(12): error: identifier "x" is undefined\u001b[0m
ninja: build stopped: subcommand failed.
`,
  )
  leavesOut(
    t,
    nvcc('12.4', 'exit 0'),
    /CUDA left out: the build with it failed: backend\.cu\(12\): error: identifier "x" is undefined$/,
    'the first error',
    [`-DJUMPOUT_CUDA_FAILED=${log}`],
  )
  t.end()
})

/** The architectures that AUTO chooses where nvidia-smi is this script, or what else it sets. */
function chosenFor(body: string, variable = 'CMAKE_CUDA_ARCHITECTURES'): string {
  const project = join(scratch, 'choose.cmake')
  writeFileSync(
    project,
    `cmake_minimum_required(VERSION 3.20)
set(CMAKE_CUDA_COMPILER "${nvcc('12.4', 'exit 0')}")
set(JUMPOUT_CUDA_ARCHITECTURES AUTO)
set(JUMPOUT_PATIENCE 2)
include("${join(root, 'cmake', 'cuda-architectures.cmake')}")
message("\${${variable}}")
`,
  )
  const folder = dirname(script('nvidia-smi', body))
  const { status, stderr } = spawnSync('cmake', ['-P', project], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
  })
  return status === 0 ? stderr.trimEnd() : `failed: ${stderr}`
}

t.test(
  'what is compiled, in the words that the library reads (test/native/device_code_test.cpp)',
  unix,
  (t) => {
    for (const [body, code] of Object.entries({
      "printf '8.6\\n'": 'sm_86',
      "printf '8.9\\n12.0\\n'": 'sm_89, PTX 90',
      'exit 1': 'PTX 75, sm_90, PTX 90',
    }))
      t.equal(chosenFor(body, 'JUMPOUT_CUDA_CODE'), code)
    t.end()
  },
)

t.test('what nvidia-smi says', unix, (t) => {
  const without = '75-virtual;90-real;90-virtual'
  const print = (text: string) => `printf '${text}'`
  const cases: Record<string, [body: string, chosen: string]> = {
    'one device': [print('8.6\\n'), '86-real'],
    'several, some alike': [print('8.6\\n9.0\\n8.6\\n'), '86-real;90-real'],
    'no end of the last line': [print('9.0'), '90-real'],
    'ends of lines as on Windows': [print('8.0\\r\\n9.0\\r\\n'), '80-real;90-real'],
    'newer than nvcc': [print('12.1\\n'), '90-virtual'],
    'unknown to nvcc, between others': [print('8.8\\n9.0\\n'), '87-virtual;90-real'],
    'too old, beside another': [print('6.1\\n8.6\\n'), '86-real'],
    'too old': [print('7.0\\n'), without],
    'a version in a sentence': [
      `${print('NVIDIA-SMI has failed: driver 550.54 does not match library 12.1\\n')}; exit 9`,
      without,
    ],
    'the same with a line of its own': [`${print('9.0\\n550.54\\n')}; exit 9`, without],
    'the same without a failure': [
      print('driver 550.54\\nlibrary 12.1.3 of 8.6\\n550.54\\n12.10\\n'),
      without,
    ],
    'lines of both kinds': [print('Warning: 12.1 is new\\n8.9\\n[N/A]\\n\\n9.0 \\n'), '89-real;90-real'],
    'not available': [print('[N/A]\\n'), without],
    'a negative one': [print('-8.6\\n'), without],
    nothing: ['exit 0', without],
    'no driver': ['echo "NVIDIA-SMI has failed"; exit 9', without],
    'not for this machine': ['exec /nonexistent/nvidia-smi', without],
    killed: [`${print('8.6\\n')}; kill -9 $$`, without],
    hanging: [`${print('8.6\\n')}; exec sleep 600`, without],
  }
  for (const [what, [body, chosen]] of Object.entries(cases)) t.equal(chosenFor(body), chosen, what)
  t.end()
})
