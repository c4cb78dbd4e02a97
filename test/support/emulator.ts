/** Programs of tools/cuda-on-cpu/tests, case by case, in every variant of the emulator and every order of threads. */
import { join } from 'node:path'
import t from 'tap'
import { buildEmulated, execute, type Variant } from './emulated'
import type { Outcome } from './program'

const BUILD_LIMIT = 900_000
const CASE_LIMIT = 100_000

/** A line of what a program says with --list. */
interface Case {
  program: string
  name: string
  /** any, address or thread: the build that must see it; order: some order must; control: nothing is wrong. */
  seenBy: string
  /** In what is then said; of a control: the environment it needs. */
  words: string
}

const targetOf = (program: string): string => `cuda_on_cpu_${program}`
const programs = ['mutants', 'sanitizer_mutants', 'controls', 'runtime', 'streams']

const SEEDS = ['random:1', 'random:2', 'random:3', 'random:4']
/** Sanitizers take their time. */
export const ordersFor = (variant: Variant): string[] =>
  variant === 'plain' ? ['forward', 'reverse', ...SEEDS] : ['forward', 'reverse', 'random:5']

const folders = new Map<Variant, string>()
export const programIn = (variant: Variant, program: string): string =>
  join(folders.get(variant) ?? '', 'bin', targetOf(program))

export async function casesOf(...names: readonly string[]): Promise<Case[]> {
  const lists = names.map(async (program) => {
    const { stdout } = await execute(programIn('plain', program), ['--list'])
    const lines = stdout.split('\n').filter((line) => line !== '')
    return lines.map((line) => {
      const [name, seenBy, words] = line.split('\t')
      return { program, name, seenBy, words }
    })
  })
  return (await Promise.all(lists)).flat()
}

/** NAME=VALUE, with spaces between. */
const environmentOf = ({ words }: Case): Record<string, string> =>
  Object.fromEntries([...words.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]))

/** Sanitizers as their defaults have them, whatever the environment says. */
const plainSanitizers = { ASAN_OPTIONS: '', UBSAN_OPTIONS: 'print_stacktrace=1', TSAN_OPTIONS: '' }

export function runCase(
  variant: Variant,
  { program, name }: Case,
  env: Record<string, string>,
): Promise<Outcome> {
  return execute(programIn(variant, program), [name], {
    env: { ...plainSanitizers, ...env },
    timeout: CASE_LIMIT,
  })
}

/** As many at a time as there are cores to count on. */
export async function forAll<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await use(item)
  }
  await Promise.all([work(), work()])
}

export const ending = ({ code, signal, stderr }: Outcome): string =>
  `${signal ?? code}\n${stderr.slice(-3000)}`

/** An error of CUDA, or a sanitizer's, in the right words; a crash or a hang is none. */
export const isCaught = ({ code, signal, stderr }: Outcome, words: string): boolean =>
  signal === null && code !== 0 && stderr.includes(words)

/** What every variant must do. The programs that list their cases are those of the plain one. */
export function testEmulator(variant: Variant): void {
  t.setTimeout(3 * BUILD_LIMIT)

  t.test(`${variant}: it is built`, { timeout: 3 * BUILD_LIMIT }, async (t) => {
    for (const needed of new Set<Variant>(['plain', variant]))
      if (!folders.has(needed)) folders.set(needed, await buildEmulated(needed, ...programs.map(targetOf)))
    t.ok(folders.has(variant))
  })

  t.test(`${variant}: right kernels pass in every order`, { timeout: BUILD_LIMIT }, async (t) => {
    const cases = await casesOf('controls')
    t.ok(cases.length >= 19, `${cases.length} kernels`)
    for (const order of ordersFor(variant)) {
      await forAll(cases, async (control) => {
        const { code, stderr } = await runCase(variant, control, { CUDA_ON_CPU_ORDER: order })
        t.same({ code, stderr }, { code: 0, stderr: '' }, `${control.name}, ${order}`)
      })
    }
  })

  t.test(`${variant}: misuse is named in every order`, { timeout: BUILD_LIMIT }, async (t) => {
    const cases = (await casesOf('mutants')).filter(({ seenBy }) => seenBy === 'any')
    t.ok(cases.length >= 32, `${cases.length} kernels`)
    for (const order of ordersFor(variant)) {
      await forAll(cases, async (mutant) => {
        const outcome = await runCase(variant, mutant, { CUDA_ON_CPU_ORDER: order })
        t.ok(isCaught(outcome, mutant.words), `${mutant.name}, ${order}`, { ended: ending(outcome) })
        t.match(outcome.stderr, /cudaErrorLaunchFailure/, 'and is an error of the launch')
        t.notMatch(outcome.stderr, /Sanitizer/, 'and no sanitizer stumbles over the emulator')
      })
    }
  })

  t.test(`${variant}: the runtime API`, { timeout: BUILD_LIMIT }, async (t) => {
    const cases = await casesOf('runtime', 'streams')
    t.ok(cases.length >= 22, `${cases.length} cases`)
    await forAll(cases, async (control) => {
      const outcome = await runCase(variant, control, environmentOf(control))
      t.equal(outcome.code, 0, control.name, { ended: ending(outcome) })
    })
  })
}
