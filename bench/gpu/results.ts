/** The results of bench/gpu/run in bench/results, and the figures that follow from their times. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ratio, seconds, type Figure, type Row } from '../report'

/** Median seconds per call. */
export interface Timing {
  elements: number
  dtype: string
  /** Elements that share a rate; 0: all. */
  row: number
  /** host: the caller's time, whatever the device does. */
  caches: 'cold' | 'warm' | 'host'
  pass: string
  /** The way that ran (csrc/cuda/borders.hpp), or how PyTorch's calls were made. */
  way?: string
  seconds: number
}

/** A contender that was wrong, not taken or lost: never a figure. */
export type Fault = Omit<Timing, 'seconds'> & { error: string }

export interface GpuResults {
  suite: 'gpu'
  device: { name: string; l2?: number; multiprocessors?: number; compute?: string }
  driver?: string
  toolkit?: string
  commit?: string
  date?: string
  cpu?: string
  cudnn?: string
  torch?: string
  node?: string
  /** A quick try, not a measurement. */
  quick: boolean
  rows: (Timing | Fault)[]
}

/** The file that bench/gpu/run writes: each step with its outcome and its measurements. */
export interface GpuReport {
  suite: 'gpu-bench'
  passed: boolean
  quick: boolean
  steps: Record<string, { outcome: string; why?: string; result?: GpuResults }>
}

/** All results of one device. */
export interface GpuRun {
  slug: string
  results: GpuResults[]
}

const FILE = /^gpu-bench-(.+)\.json$/
/** docs/tuning.md explains forward's ways and the hardware counters. */
const TABULATED = ['native', 'torch', 'calls']

export const isGpuFile = (name: string): boolean => /^gpu-/.test(name)

export function readGpuRuns(folder: string): GpuRun[] {
  const runs = new Map<string, GpuResults[]>()
  for (const name of readdirSync(folder).sort()) {
    const slug = FILE.exec(name)?.[1]
    if (slug === undefined) continue
    const { steps } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as GpuReport
    const results = TABULATED.flatMap((step) => steps[step]?.result ?? []).filter(({ quick }) => !quick)
    if (results.length > 0) runs.set(slug, results)
  }
  return [...runs].map(([slug, results]) => ({ slug, results }))
}

export interface Times {
  elements: number
  dtype: string
  row: number
  caches: Timing['caches']
  /** By pass; several processes may have measured the same one, and then the first counts. */
  of: Record<string, number | undefined>
}

/** The times of one size, dtype, layout and state of the caches, in the order of first appearance. */
export function groupTimes(results: readonly GpuResults[]): Times[] {
  const groups = new Map<string, Times>()
  for (const timing of results.flatMap(({ rows }) => rows)) {
    if ('error' in timing) continue
    const { elements, dtype, row, caches, pass, seconds } = timing
    const key = [elements, dtype, row, caches].join()
    const group = groups.get(key) ?? { elements, dtype, row, caches, of: {} }
    group.of[pass] ??= seconds
    groups.set(key, group)
  }
  return [...groups.values()]
}

export const elementBytes = (dtype: string): number => (dtype === 'float32' ? 4 : 2)

/** Whether the input can stay on the chip between counting and applying. */
const staysOnChip = ({ elements, dtype, row }: Times, l2: number): boolean =>
  row > 0 || elements * elementBytes(dtype) <= l2

/** Bytes per element that must be moved: input and output once, the mask, and the input again where it did not stay. */
function floorBytes(pass: string, times: Times, l2: number): number {
  const bytes = elementBytes(times.dtype)
  const again = /^forward( relu)?$/.test(pass) && !staysOnChip(times, l2) ? bytes : 0
  return 2 * bytes + (/seed/.test(pass) ? 0 : 1 / 8) + again
}

/** A share of the speed of the best copy of the same size in the same run. */
export function efficiency(pass: string, times: Times, l2: number): number | undefined {
  const time = times.of[pass]
  const copy = Math.min(times.of.memcpy ?? Infinity, times.of.copy ?? Infinity)
  if (time === undefined || copy === Infinity) return undefined
  return (floorBytes(pass, times, l2) * copy) / (2 * elementBytes(times.dtype) * time)
}

const MI = 1 << 20

/** The aims on an H100 or H200 (docs/performance.md); 5 points lower for 16-bit floats. */
function aims(times: Times, l2: number): Record<string, number | undefined> {
  const { elements, dtype, row, caches } = times
  if (caches !== 'cold') return {}
  const share = (value: number) => (dtype === 'float32' ? value : value - 0.05)
  if (row > 0) return { forward: row >= 512 ? share(0.88) : undefined }
  const large = elements >= 4 * MI
  const once = staysOnChip(times, l2)
  const small = elements < 1 << 16 ? 1 / 1.3 : elements <= 2 * MI ? 1 / 1.5 : undefined
  return {
    forward: large ? share(once ? 0.88 : 0.85) : undefined,
    'forward counted': large ? share(0.9) : undefined,
    backward: large ? share(0.92) : undefined,
    'cudnn forward / forward': large ? (once ? 0.97 : undefined) : small,
    'cudnn forward / forward counted': large ? 0.97 : undefined,
    'cudnn backward / backward': large ? 0.97 : undefined,
    'relu + cudnn forward / forward relu': large ? (once ? 1.25 : 1.15) : undefined,
    'cudnn + relu backward / backward': large ? 2.2 : undefined,
    'torch native_dropout / forward': large ? 1 : undefined,
    'torch jumpout / forward': large ? 5 : undefined,
  }
}

const EFFICIENCIES = ['forward', 'forward relu', 'forward counted', 'backward', 'backward seed'] as const
const COMPARISONS = [
  ['cudnn forward', 'forward'],
  ['cudnn forward', 'forward counted'],
  ['relu + cudnn forward', 'forward relu'],
  ['cudnn backward', 'backward'],
  ['cudnn + relu backward', 'backward'],
  ['torch native_dropout', 'forward'],
  ['torch jumpout', 'forward'],
] as const

/** One row of the table: shares of the copy's speed, then times of others over ours. */
export function describeTimes(times: Times, l2: number): Row {
  const wanted = aims(times, l2)
  const figures: Record<string, Figure> = {}
  const add = (name: string, value: number | undefined) => {
    const atLeast = wanted[name]
    if (value !== undefined) figures[name] = ratio(value, atLeast === undefined ? {} : { atLeast })
  }
  for (const pass of EFFICIENCIES) add(pass, efficiency(pass, times, l2))
  for (const [theirs, ours] of COMPARISONS) {
    const [a, b] = [times.of[theirs], times.of[ours]]
    add(`${theirs} / ${ours}`, a !== undefined && b !== undefined ? a / b : undefined)
  }
  if (times.of.forward !== undefined) figures['forward, time'] = seconds(times.of.forward)
  if (times.of.backward !== undefined) figures['backward, time'] = seconds(times.of.backward)
  const { dtype, elements, row, caches } = times
  return { case: { dtype, elements, row, caches }, figures }
}

/** The time of a call from JavaScript. */
export function describeCalls(times: readonly Times[]): Row[] {
  return times
    .filter(({ caches }) => caches === 'host')
    .map(({ elements, of }) => ({
      case: { elements },
      figures: Object.fromEntries(
        Object.entries(of).map(([name, value]) => [name, seconds(value ?? NaN, { atMost: 6e-6 })]),
      ),
    }))
}

/** Of the native results: the others do not know it. */
export const l2Of = (results: readonly GpuResults[]): number =>
  results.find(({ device }) => device.l2 !== undefined)?.device.l2 ?? 0
