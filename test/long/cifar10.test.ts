/** The runner of examples/cifar10: bits of a seed, and runs that were interrupted. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { writeDataset } from '../../examples/cifar10/data'
import { digestOf, keyOf, QUICK, searchJobs, type Design } from '../../examples/cifar10/design'
import { fileOf, readLines, type Line } from '../../examples/cifar10/results'
import { smallDataset } from '../support/cifar10'
import { programPath, runNode, typescript } from '../support/program'
import { tfjsNodeFolder, withTfjsNode } from '../support/tfjs-node'

const design: Design = {
  ...QUICK,
  trainingPerClass: 7,
  evaluated: 100,
  grids: { all: { dropout: [], jumpout: [0.1] }, dense: { dropout: [0.2], jumpout: [] } },
}

/** What depends on the seed alone. */
const bitsOf = (lines: readonly Line[]) =>
  lines
    .map(({ date: _date, seconds: _seconds, secondsPerStep: _perStep, ...bits }) => bits)
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b)))

t.test('an interrupted search ends in the lines of an uninterrupted one', withTfjsNode, async (t) => {
  const folder = t.testdir({})
  const images = join(folder, 'images')
  await writeDataset(smallDataset(), images)
  const env = { JUMPOUT_CIFAR10: images, JUMPOUT_TFJS_NODE: tfjsNodeFolder, NODE_OPTIONS: '' }
  const [whole, interrupted] = ['whole', 'interrupted'].map((name) => join(folder, name))
  for (const name of [whole, interrupted]) mkdirSync(name)
  const args = (name: string, atOnce: number) => [
    ...typescript,
    programPath('cifar10-runs.ts'),
    name,
    JSON.stringify(design),
    String(atOnce),
  ]

  const outcome = await runNode(args(whole, 3), { env })
  t.equal(outcome.code, 0, outcome.stderr)
  const expected = readLines(whole, 'search', digestOf(design))
  t.equal(expected.length, searchJobs(design).length)
  t.equal(new Set(expected.map(({ parameters }) => parameters)).size, 3, 'each method its own bits')

  const file = fileOf(interrupted, 'search')
  const killed = spawn(process.execPath, args(interrupted, 1), {
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    stdio: 'ignore',
  })
  const closed = new Promise((resolve) => killed.once('close', resolve))
  while (killed.exitCode === null && !(existsSync(file) && readFileSync(file, 'utf8').includes('\n')))
    await setTimeout(20)
  killed.kill('SIGKILL')
  await closed
  const before = readLines(interrupted, 'search', digestOf(design))
  t.ok(before.length > 0, `${before.length} runs were finished`)

  t.equal((await runNode(args(interrupted, 2), { env })).code, 0)
  const after = readLines(interrupted, 'search', digestOf(design))
  t.strictSame(after.slice(0, before.length), before, 'what was finished is kept')
  t.strictSame(bitsOf(after), bitsOf(expected), 'same seeds, same bits, however many ran at once')
})
