/** The README's section on GPUs, from the files in bench/results. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Row } from '../report'
import { markdownTable } from '../table'
import { drawEfficiency } from './picture'
import {
  describeCalls,
  describeTimes,
  groupTimes,
  l2Of,
  readGpuRuns,
  type GpuRun,
  type Times,
} from './results'

const EFFICIENCIES = {
  forward: '',
  'forward relu': '',
  'forward counted': 'forward, counted elsewhere',
  backward: '',
}
const PEERS = {
  'cudnn forward / forward': 'cuDNN / forward',
  'relu + cudnn forward / forward relu': 'ReLU + cuDNN / forward with ReLU',
  'cudnn backward / backward': 'cuDNN / backward',
  'cudnn + relu backward / backward': 'cuDNN + ReLU / backward with ReLU',
  'torch native_dropout / forward': 'PyTorch / forward',
  'torch jumpout / forward': 'jumpout in PyTorch / forward',
}

const shownSize = (elements: number): boolean =>
  [1 << 10, 1 << 16, 1 << 20, 1 << 22, 1 << 23, 11 << 20, 1 << 24, 1 << 26, 1 << 28].includes(elements)

interface Part {
  caption: string
  keep: (times: Times) => boolean
  figures: Record<string, string>
}

const PARTS: Part[] = [
  {
    caption:
      'Share of the speed of the best copy of the same size, one rate for the whole tensor, caches flushed before every call: 1 is at the floor.',
    keep: ({ row, caches, elements, dtype }) =>
      row === 0 && caches === 'cold' && shownSize(elements) && dtype !== 'float16',
    figures: { ...EFFICIENCIES, 'forward, time': '' },
  },
  {
    caption:
      'Times of others over ours, the same calls, more than 1: ours is faster. Theirs is plain dropout, which counts nothing.',
    keep: ({ row, caches, elements, dtype }) =>
      row === 0 && caches === 'cold' && shownSize(elements) && dtype === 'float32',
    figures: PEERS,
  },
  {
    caption: 'The same with the arrays in the second-level cache, where they fit.',
    keep: ({ row, caches, elements, dtype }) =>
      row === 0 && caches === 'warm' && shownSize(elements) && elements <= 1 << 22 && dtype === 'float32',
    figures: PEERS,
  },
  {
    caption: 'One rate per row, share of the speed of the best copy, caches flushed.',
    keep: ({ row, caches }) => row > 0 && caches === 'cold',
    figures: { forward: '', backward: '', 'forward, time': '' },
  },
]

const withoutConstants = (rows: readonly Row[]): Row[] => {
  const names = Object.keys(rows[0].case).filter(
    (name) => name === 'elements' || rows.some((row) => row.case[name] !== rows[0].case[name]),
  )
  return rows.map((row) => ({ ...row, case: Object.fromEntries(names.map((n) => [n, row.case[n]])) }))
}

async function describeRun(run: GpuRun, folder: string, root: string, check: boolean): Promise<string> {
  const { results, slug } = run
  const [first] = results
  const groups = groupTimes(results)
  const l2 = l2Of(results)
  const of = (name: 'cudnn' | 'torch' | 'node') => results.find((result) => result[name])?.[name]
  const cudnn = of('cudnn')
  const title = [
    first.device.name,
    `driver ${first.driver ?? 'unknown'}`,
    `CUDA ${first.toolkit ?? 'unknown'}`,
    cudnn === undefined || cudnn.startsWith('none') ? 'no cuDNN' : `cuDNN ${cudnn}`,
    ...(of('torch') === undefined ? [] : [`PyTorch ${of('torch')}`]),
    ...(of('node') === undefined ? [] : [`Node ${of('node')}`]),
  ].join(', ')
  const commits = [...new Set(results.map(({ commit }) => commit ?? 'unknown'))].join(', ')
  const parts = [`**${title}** (${first.date?.slice(0, 10) ?? 'undated'}, commit ${commits})`]
  for (const { caption, keep, figures } of PARTS) {
    const rows = groups.filter(keep).map((times) => describeTimes(times, l2))
    if (rows.length > 0) parts.push(caption, markdownTable(withoutConstants(rows), figures))
  }
  const calls = describeCalls(groups)
  if (calls.length > 0) {
    const figures = Object.fromEntries(Object.keys(calls[0].figures).map((name) => [name, `\`${name}\``]))
    parts.push(
      'What a call costs its caller in JavaScript, `out` and `mask` given.',
      markdownTable(calls, figures),
    )
  }
  const picture = join(folder, `gpu-efficiency-${slug}.svg`)
  const svg = await drawEfficiency(first.device.name, groups, l2)
  if (check) {
    if (readFileSync(picture, 'utf8') !== svg)
      throw new Error(`${picture} is not what bench/results says: npm run bench:table`)
  } else {
    writeFileSync(picture, svg)
  }
  parts.push(`![Share of the speed of a copy by size](${relative(root, picture)})`)
  return parts.join('\n\n')
}

/** Markdown; pictures are written beside the results, or with `check` compared. */
export async function describeGpus(folder: string, root: string, check: boolean): Promise<string> {
  const runs = readGpuRuns(folder)
  if (runs.length === 0) return 'Nothing was measured on a GPU yet: `npm run bench:gpu`.'
  const parts: string[] = []
  for (const run of runs) parts.push(await describeRun(run, folder, root, check))
  return parts.join('\n\n')
}
