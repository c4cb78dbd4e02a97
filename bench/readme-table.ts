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
import { formatCase, formatFigure } from './table'

const start = '<!-- bench:start -->'
const end = '<!-- bench:end -->'

interface Section {
  suite: SuiteName
  /** One sentence above the table. */
  caption: string
  /** Columns: a figure's name in the file, and how the README calls it where that differs. */
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
    rows: (row) => row.case.caches === 'warm' && Number(row.case.elements) >= 1 << 20,
  },
  {
    suite: 'peers',
    caption: "Times faster than others' plain dropout, forward, one thread each, on the same arrays.",
    figures: { onnxruntime: 'onnxruntime-node', 'tfjs wasm': '', 'tfjs cpu': '', 'JavaScript loop': '' },
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

function markdownTable(rows: readonly Row[], figures: Record<string, string>): string {
  const cases = Object.keys(rows[0].case)
  const names = Object.keys(figures).filter((name) => rows.some((row) => row.figures[name]))
  const lines = rows.map((row) => [
    ...cases.map((name) => formatCase(row.case[name])),
    ...names.map((name) => (row.figures[name] ? formatFigure(row.figures[name]) : '')),
  ])
  const header = [...cases, ...names.map((name) => figures[name] || name)]
  const rule = header.map((_, column) => (column < cases.length ? '---' : '---:'))
  return [header, rule, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function describeMachine(reports: Map<string, Report>): string {
  const { machine, versions, date } = [...reports.values()][0]
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
  return [`**${title}** (${date.slice(0, 10)}, commit ${commits})`, ...parts].join('\n\n')
}

function describeAll(): string {
  const folder = join(root, 'bench', 'results')
  const machines = new Map<string, Map<string, Report>>()
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json')) continue
    const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report
    if (report.quick) continue
    const slug = file.slice(report.suite.length + 1, -'.json'.length)
    machines.set(slug, (machines.get(slug) ?? new Map<string, Report>()).set(report.suite, report))
  }
  const text = [...machines.values()].map(describeMachine)
  return text.length > 0 ? text.join('\n\n') : 'Nothing was measured yet: `npm run bench`.'
}

async function main(check: boolean) {
  const file = join(root, 'README.md')
  const readme = readFileSync(file, 'utf8')
  const from = readme.indexOf(start)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error(`README.md has no ${start} ... ${end}`)
  const text = `${readme.slice(0, from + start.length)}\n\n${describeAll()}\n\n${readme.slice(to)}`
  const wanted = await format(text, { ...(await resolveConfig(file)), filepath: file })
  if (wanted === readme) return
  if (check) throw new Error('the figures in README.md are not those of bench/results: npm run bench:table')
  writeFileSync(file, wanted)
}

main(process.argv.includes('--check')).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
