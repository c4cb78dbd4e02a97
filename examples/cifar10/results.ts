/** Results on disk: one line of JSON per finished run, in one file per stage. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { keyOf, type Job, type Stage } from './design'
import type { Result } from './train'

export interface Line extends Job, Result {
  /** Of the design that it belongs to. */
  readonly design: string
  readonly processor: string
  readonly threads: 1
  readonly versions: Readonly<Record<string, string>>
  readonly date: string
}

export const fileOf = (folder: string, stage: Stage): string => join(folder, `${stage}.jsonl`)

/** The finished runs of a stage. Of a line that was being written when the program was killed nothing is left. */
export function readLines(folder: string, stage: Stage, design: string): Line[] {
  const file = fileOf(folder, stage)
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const other = lines.find((line) => line.design !== design)
  if (other) throw new Error(`${file} has runs of another design, ${other.design}: this one is ${design}`)
  const keys = lines.map(keyOf)
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined) throw new Error(`${file} has a run twice: ${twice}`)
  processorOfSeeds(lines, file)
  return lines
}

/** Differences are paired by seed, so all runs of a seed must be of one kind of processor. */
export function processorOfSeeds(lines: readonly Line[], file: string): ReadonlyMap<number, string> {
  const processors = new Map<number, string>()
  for (const { seed, processor } of lines) {
    const first = processors.get(seed) ?? processor
    if (first !== processor)
      throw new Error(`${file} mixes processors in seed ${seed}: ${first}; ${processor}`)
    processors.set(seed, first)
  }
  return processors
}

/** Adds lines to the file of a stage, whole or not at all. */
export function openResults(folder: string, stage: Stage): (line: Line) => void {
  const file = fileOf(folder, stage)
  if (existsSync(file)) truncateSync(file, readFileSync(file).lastIndexOf('\n') + 1)
  return (line) => {
    const descriptor = openSync(file, 'a')
    try {
      writeSync(descriptor, `${JSON.stringify(line)}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }
}

/** Keeps a second program from making the same runs; returns what opens the folder again. */
export function lock(folder: string): () => void {
  const file = join(folder, '.lock')
  try {
    writeLock(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const owner = Number(readFileSync(file, 'utf8'))
    if (isRunning(owner))
      throw new Error(`process ${owner} makes the runs of ${folder} already (${file})`, { cause: error })
    rmSync(file)
    writeLock(file)
  }
  return () => rmSync(file, { force: true })
}

function writeLock(file: string): void {
  const descriptor = openSync(file, 'wx')
  writeSync(descriptor, String(process.pid))
  closeSync(descriptor)
}

function isRunning(owner: number): boolean {
  try {
    return Number.isInteger(owner) && owner > 0 && process.kill(owner, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
