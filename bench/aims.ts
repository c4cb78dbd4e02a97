/** The aims of the project, the same on every machine. They appear beside figures; missing one is no failure. */
import type { Figure, Row, Table } from './report'
import type { SuiteName } from './suites'

interface Aim extends Pick<Figure, 'atLeast' | 'atMost'> {
  suite: SuiteName
  figure: string
  /** The rows that it applies to. Default: all. */
  where?: (row: { elements: number; cold: boolean; case: Row['case'] }) => boolean
}

const beyondCaches = ({ elements, cold }: { elements: number; cold: boolean }) => cold && elements >= 1 << 20

const onTensorFlow = (row: Pick<Row, 'case'>, what: string) =>
  row.case.backend === 'tensorflow' && row.case.what === what

/** The first aim for a figure that applies to the row. */
const aims: readonly Aim[] = [
  { suite: 'kernels', figure: '(copy + count) / forward', where: beyondCaches, atLeast: 0.85 },
  {
    suite: 'kernels',
    figure: 'memcpy / forward',
    where: ({ elements }) => elements <= 1 << 18,
    atLeast: 0.3,
  },
  {
    suite: 'kernels',
    figure: 'memcpy / in place',
    where: (row) => beyondCaches(row) && row.elements <= 1 << 24,
    atLeast: 0.8,
  },
  { suite: 'kernels', figure: 'memcpy / backward', where: beyondCaches, atLeast: 0.9 },
  { suite: 'kernels', figure: 'elements / channels last', atLeast: 0.5 },
  { suite: 'kernels', figure: 'elements / few channels last', atLeast: 0.5 },
  {
    suite: 'threads',
    figure: 'forward, speedup',
    where: (row) => row.elements === 1 << 22 && row.case.threads === 2 && row.case.load !== 'one core busy',
    atLeast: 1.7,
  },
  ...['forward', 'in place', 'backward', 'backward from seed'].map((pass): Aim => ({
    suite: 'threads',
    figure: `${pass}, speedup`,
    atLeast: 0.95,
  })),
  {
    suite: 'peers',
    figure: 'onnxruntime',
    where: ({ elements }) => elements >= 10_000 && elements <= 1 << 22,
    atLeast: 12,
  },
  {
    suite: 'tfjs',
    figure: 'relu + jumpout / relu',
    where: (row) => onTensorFlow(row, 'forward') && row.elements >= 1 << 18 && row.elements <= 1 << 22,
    atMost: 1.3,
  },
  {
    suite: 'tfjs',
    figure: 'relu + jumpout / relu',
    where: (row) => onTensorFlow(row, 'forward') && row.elements === 1 << 16,
    atMost: 2,
  },
  {
    suite: 'tfjs',
    figure: 'relu + dropout / relu + jumpout',
    where: (row) => onTensorFlow(row, 'forward'),
    atLeast: 15,
  },
  {
    suite: 'tfjs',
    figure: 'relu + jumpout / relu',
    where: (row) => onTensorFlow(row, 'conv net'),
    atMost: 1.03,
  },
  {
    suite: 'tfjs',
    figure: 'relu + jumpout / relu + dropout',
    where: (row) => onTensorFlow(row, 'conv net'),
    atMost: 0.6,
  },
  {
    suite: 'tfjs',
    figure: 'relu + jumpout / relu',
    where: (row) => row.case.what === 'dense net' && row.case.backend !== 'cpu',
    atMost: 1.05,
  },
  { suite: 'calls', figure: 'jumpoutForward', where: ({ elements }) => elements === 1000, atMost: 1.2e-6 },
  { suite: 'calls', figure: 'layer.forward', where: ({ elements }) => elements === 1000, atMost: 1.0e-6 },
  {
    suite: 'fresh',
    figure: 'median, fresh / reused',
    where: (row) => row.case.loop === 'event loop turns',
    atMost: 1.3,
  },
  {
    suite: 'fresh',
    figure: 'mean, fresh / reused',
    where: (row) => row.case.loop === 'event loop turns',
    atMost: 2,
  },
  ...['median', 'mean'].map((kind): Aim => ({
    suite: 'fresh',
    figure: `${kind}, fresh / reused`,
    where: (row) => row.case.loop === 'layer with reuse',
    atMost: 1.1,
  })),
  { suite: 'fresh', figure: 'median, fresh / reused', atMost: 1.5 },
  { suite: 'fresh', figure: 'mean, fresh / reused', atMost: 2 },
  {
    suite: 'fresh',
    figure: 'memory growth',
    where: (row) => row.case.loop === 'layer with reuse',
    atMost: 2 ** 20,
  },
  { suite: 'fresh', figure: 'memory growth', atMost: 128 * 2 ** 20 },
]

/** The rows of a suite with the current aims, in place of those in the file. */
export function withAims<T extends Pick<Table, 'rows'>>(suite: string, table: T): T {
  const rows = table.rows.map((row) => {
    const about = { elements: Number(row.case.elements), cold: row.case.caches === 'cold', case: row.case }
    const aimOf = (name: string) =>
      aims.find((aim) => aim.suite === suite && aim.figure === name && (aim.where?.(about) ?? true))
    const figures = Object.entries(row.figures).map(([name, figure]) => {
      if (!figure) return [name, figure]
      const { atLeast, atMost } = aimOf(name) ?? {}
      const { value, unit } = figure
      return [
        name,
        { value, unit, ...(atLeast !== undefined && { atLeast }), ...(atMost !== undefined && { atMost }) },
      ]
    })
    return { ...row, figures: Object.fromEntries(figures) as Row['figures'] }
  })
  return { ...table, rows }
}
