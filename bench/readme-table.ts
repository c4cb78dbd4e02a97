/**
 * Writes the README's figures, between its markers, from the files in bench/results: no number is typed by hand.
 * With --check it writes nothing and fails where the README is not up to date.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { root } from './machine'
import type { Report, Row } from './report'
import type { SuiteName } from './suites'
import { describeGpus } from './gpu/readme'
import { isGpuFile } from './gpu/results'
import { markdownTable } from './table'

interface Section {
  suite: SuiteName
  /** One sentence above the table. */
  caption: string
  /** Columns: a figure's name in the file, and its name in the README where that differs. */
  figures: Record<string, string>
  rows?: (row: Row) => boolean
}

const large = ({ elements, caches }: Row['case']) => caches === (Number(elements) < 1 << 20 ? 'warm' : 'cold')

const sections: Section[] = [
  {
    suite: 'kernels',
    caption:
      'Native kernels on one thread, as a share of the speed of memory: 1 is as fast as copying. Warm: the same arrays again and again; cold: all caches flushed before every call.',
    figures: {
      '(copy + count) / forward': 'forward, of best copy + best count',
      'memcpy / forward': 'forward, of memcpy',
      'memcpy / in place': 'in place, of memcpy',
      'memcpy / backward': 'backward, of memcpy',
      forward: 'forward, time',
    },
    rows: (row) => large(row.case),
  },
  {
    suite: 'threads',
    caption: 'Times faster with more threads.',
    figures: { 'forward, speedup': 'forward', 'backward, speedup': 'backward' },
    rows: (row) => Number(row.case.elements) >= 1 << 20,
  },
  {
    suite: 'peers',
    caption: "Times faster than others' plain dropout, forward, one thread each, on the same arrays.",
    figures: {
      onnxruntime: 'onnxruntime-node',
      'tfjs-node': '',
      'tfjs wasm': '',
      'tfjs cpu': '',
      'JavaScript loop': '',
    },
  },
  {
    suite: 'tfjs',
    caption:
      'In TensorFlow.js, forward: ReLU and jumpout over ReLU, in time, and how many times faster than ReLU and `tf.dropout`.',
    figures: {
      'relu + jumpout / relu': 'of ReLU',
      'relu + dropout / relu + jumpout': 'faster than ReLU and dropout',
      'relu + jumpout': 'time',
    },
    rows: (row) => row.case.what === 'forward',
  },
  {
    suite: 'tfjs',
    caption:
      'In TensorFlow.js, a training step: its time over that of the same net with ReLU, with ReLU and `tf.dropout`, and without either.',
    figures: {
      'relu + jumpout / relu': 'of ReLU',
      'relu + jumpout / relu + dropout': 'of ReLU and dropout',
      'relu + jumpout / none': 'of neither',
      'relu + jumpout': 'time',
    },
    rows: (row) => row.case.what !== 'forward',
  },
  {
    suite: 'calls',
    caption: 'One call from JavaScript.',
    figures: {
      jumpoutForward: '`jumpoutForward`',
      'layer.forward': '`layer.forward`',
      jumpoutBackward: '`jumpoutBackward`',
      'forward, fresh': '`jumpoutForward`, fresh output',
      copy: '`Float32Array.set`',
    },
  },
  {
    suite: 'fresh',
    caption: 'A fresh output at each call against one that is reused (`out`), 1M elements.',
    figures: { 'median, fresh / reused': 'median', 'mean, fresh / reused': 'mean', 'memory growth': '' },
  },
]

function describeMachine(reports: Map<string, Report>): { heading: string; date: string; parts: string[] } {
  const { machine, versions } = [...reports.values()][0]
  const dates = [...reports.values()].map(({ date }) => date.slice(0, 10)).sort()
  const [first, last] = [dates[0], dates[dates.length - 1]]
  const commits = [...new Set([...reports.values()].map(({ commit }) => commit))].join(', ')
  const caches = Object.entries(machine.caches).map(([level, bytes]) => `${level} ${bytes / 1024} KiB`)
  const title = [
    machine.cpu,
    `${machine.cores} cores`,
    ...caches,
    versions.isa,
    `Node ${versions.node}`,
  ].join(', ')
  const parts = sections.flatMap(({ suite, caption, figures, rows = () => true }) => {
    const kept = reports.get(suite)?.rows.filter(rows) ?? []
    return kept.length > 0 ? [caption, markdownTable(kept, figures)] : []
  })
  const days = first === last ? last : `${first} to ${last}`
  return { heading: `<b>${title}</b> (${days}, commit ${commits})`, date: last, parts }
}

function describeAll(): string {
  const folder = join(root, 'bench', 'results')
  const machines = new Map<string, Map<string, Report>>()
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json') || isGpuFile(file)) continue
    const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report
    if (report.quick) continue
    const slug = file.slice(report.suite.length + 1, -'.json'.length)
    machines.set(slug, (machines.get(slug) ?? new Map<string, Report>()).set(report.suite, report))
  }
  // The latest is open, the others are folded.
  const described = [...machines.values()].map(describeMachine).sort((a, b) => (a.date < b.date ? 1 : -1))
  const text = described.map(({ heading, parts }, i) =>
    i === 0
      ? [heading, ...parts].join('\n\n')
      : ['<details>', `<summary>${heading}</summary>`, ...parts, '</details>'].join('\n\n'),
  )
  return text.length > 0 ? text.join('\n\n') : 'Nothing was measured yet: `npm run bench -- --publish`.'
}

/** The text with what stands between two markers replaced. */
function between(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`README.md has no ${start} ... ${end}`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

async function main(check: boolean) {
  const file = join(root, 'README.md')
  const readme = readFileSync(file, 'utf8')
  const gpus = await describeGpus(join(root, 'bench', 'results'), root, check)
  const text = between(between(readme, 'bench', describeAll()), 'bench-gpu', gpus)
  const wanted = await format(text, { ...(await resolveConfig(file)), filepath: file })
  if (wanted === readme) return
  if (check) throw new Error('the figures in README.md are not those of bench/results: npm run bench:table')
  writeFileSync(file, wanted)
}

main(process.argv.includes('--check')).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
