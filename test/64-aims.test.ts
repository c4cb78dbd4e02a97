/** The aims of the benchmarks are the same on every machine. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { withAims } from '../bench/aims'
import { figuresOf, meetsAim, type Report } from '../bench/report'
import { root } from './support/program'

const aimed = (machine: string) => {
  const file = join(root, 'bench', 'results', `kernels-${machine}.json`)
  const { suite, rows } = JSON.parse(readFileSync(file, 'utf8')) as Report
  return withAims(suite, { rows }).rows.flatMap((row) =>
    figuresOf(row).flatMap(([name, { atLeast }]) =>
      atLeast === undefined ? [] : [{ case: row.case, name, atLeast }],
    ),
  )
}

t.test('two machines, one list', (t) => {
  const [older, newer] = [aimed('intel-xeon-processor-2-cores-avx512'), aimed('amd-epyc-2-cores-avx2')]
  const names = new Set(older.map(({ name }) => name)) // a figure may be new
  t.ok(older.length > 10, `${older.length} figures`)
  t.strictSame(
    newer.filter(({ name }) => names.has(name)),
    older,
  )
  t.end()
})

t.test('an aim is reached or not', (t) => {
  const row = (loop: string, value: number) => ({
    case: { elements: 1 << 20, loop },
    figures: { 'mean, fresh / reused': { value, unit: 'ratio' as const } },
  })
  const { rows } = withAims('fresh', { rows: [row('event loop turns', 2), row('event loop turns', 2.1)] })
  t.strictSame(
    rows.flatMap(figuresOf).map(([, figure]) => meetsAim(figure)),
    [true, false],
  )
  t.end()
})
