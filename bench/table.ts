import { figuresOf, meetsAim, type Figure, type Row, type Table } from './report'

const binary = ['', 'k', 'M', 'G']

/** 1048576 as 1M, 10000 as 10000. */
export function formatCount(n: number): string {
  let power = 0
  while (n >= 1024 && n % 1024 === 0 && power < binary.length - 1) {
    n /= 1024
    power++
  }
  return `${n}${binary[power]}`
}

function formatSeconds(value: number): string {
  const [scale, unit] =
    value < 1e-6 ? [1e9, 'ns'] : value < 1e-3 ? [1e6, 'us'] : value < 1 ? [1e3, 'ms'] : [1, 's']
  return `${(value * scale).toPrecision(3)} ${unit}`
}

export function formatFigure({ value, unit }: Figure): string {
  if (unit === 'seconds') return formatSeconds(value)
  if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(1)} MiB`
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export const formatCase = (value: string | number): string =>
  typeof value === 'number' ? formatCount(value) : value

/** Names in order of first appearance, ratios before times. */
export function figureNames(rows: readonly Row[]): string[] {
  const all = rows.flatMap(figuresOf)
  const names = (wanted: (figure: Figure) => boolean) =>
    all.filter(([, f]) => wanted(f)).map(([name]) => name)
  return [...new Set([...names((f) => f.unit === 'ratio'), ...names((f) => f.unit !== 'ratio')])]
}

/** The table as text for a terminal; `*` marks figures that miss their aims. */
export function renderTable({ title, notes, rows }: Table): string {
  const cases = [...new Set(rows.flatMap((row) => Object.keys(row.case)))]
  const names = figureNames(rows)
  const cells = rows.map((row) => [
    ...cases.map((name) => formatCase(row.case[name] ?? '')),
    ...names.map((name) => {
      const figure = row.figures[name]
      return figure ? formatFigure(figure) + (meetsAim(figure) ? ' ' : '*') : '- '
    }),
  ])
  const header = [...cases, ...names.map((name) => `${name} `)]
  const widths = header.map((name, c) => Math.max(name.length, ...cells.map((line) => line[c].length)))
  const align = (line: readonly string[]) => line.map((cell, c) => cell.padStart(widths[c])).join('  ')
  const missed = rows.some((row) => figuresOf(row).some(([, figure]) => !meetsAim(figure)))
  return [
    '',
    title,
    ...notes.map((note) => `  ${note}`),
    '',
    align(header),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...cells.map(align),
    ...(missed ? ['* misses the aim that is written in the JSON'] : []),
    '',
  ].join('\n')
}

/** The table as Markdown. `figures` are the columns: names in the file, and other names to show. */
export function markdownTable(rows: readonly Row[], figures: Record<string, string>): string {
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
