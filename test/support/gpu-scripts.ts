/** scripts/gpu-check and bench/gpu/run as child processes, and the files that they leave. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault, GpuResults, Timing } from '../../bench/gpu/results'
import { buildEmulated } from './emulated'
import { root, type Outcome } from './program'

export const CHECK = join(root, 'scripts', 'gpu-check')
export const BENCH = join(root, 'bench', 'gpu', 'run')
const STAND_INS = join(root, 'test', 'gpu-stand-ins')
const TARGETS = [
  'jumpout_native_tests',
  'jumpout_device_tests',
  'jumpout_device_runtime_tests',
  'jumpout_gpu_bench',
  'jumpout_gpu_supervisor_tests',
  'jumpout_cudnn_stand_in',
]

export interface Step {
  outcome: string
  why?: string
  seconds: number
  commands: string[]
  result?: unknown
}

export interface Report {
  passed: boolean
  quick: boolean
  commit: string
  steps: Record<string, Step>
}

export type Environment = Record<string, string>

/** Of a machine with a GPU, or what looks like one. */
export const standIns: Environment = {
  PATH: `${join(STAND_INS, 'bin')}:${process.env.PATH ?? ''}`,
  PYTHONPATH: join(STAND_INS, 'python'),
}

/** Builds the emulated programs and gives their folder. */
export const buildPrograms = async (): Promise<string> =>
  join(await buildEmulated('plain', ...TARGETS), 'bin')

export const reportIn = (folder: string, name: string): Report =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report
export const outcomes = ({ steps }: Report): Record<string, string> =>
  Object.fromEntries(
    Object.entries(steps).flatMap(([name, { outcome }]) => (outcome === 'not run' ? [] : [[name, outcome]])),
  )
export const textOf = ({ stdout, stderr }: Outcome): string => stdout + stderr
export const rowsOf = (report: Report, step: string): (Timing | Fault)[] => {
  const { rows } = report.steps[step].result as GpuResults
  return rows
}
export const isFault = (row: Timing | Fault): row is Fault => 'error' in row
