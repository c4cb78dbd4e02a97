/** What the message of a layer costs from 2 to 1,024 ranks, as an SVG: measured, and by the model. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' }
import type { Overhead } from './measure'
import { type Constants, constantsOf, overhead } from './model'

/** Between machines: round numbers, assumed and not measured. */
const ASSUMED: Record<string, Constants> = {
  'assumed: 2 us per message, as RDMA': { call: 1, alpha: 2 },
  'assumed: 30 us per message, as TCP': { call: 1, alpha: 30 },
}

const COLORS = ['#1f5fbf', '#0a8f5b', '#7f7f7f', '#e07b00']

export async function draw({ machine, date, transports, forwardMicroseconds }: Overhead): Promise<string> {
  const ranks = Array.from({ length: 10 }, (_, i) => 2 ** (i + 1))
  const models: Record<string, Constants> = {
    ...Object.fromEntries(
      transports.map((transport) => [`fitted: ${transport.name}`, constantsOf(transport)]),
    ),
    ...ASSUMED,
  }
  const lines = Object.entries(models).flatMap(([name, constants]) =>
    ranks.map((n) => ({ ranks: n, microseconds: overhead(n, constants), name })),
  )
  const points = transports.flatMap((transport) =>
    transport.times
      .filter((entry) => entry.ranks > 1)
      .map((entry) => ({ ...entry, name: `fitted: ${transport.name}` })),
  )
  const x = {
    field: 'ranks',
    type: 'quantitative',
    scale: { type: 'log', base: 2, domain: [2, 1024] as number[] },
    axis: { values: ranks, title: 'ranks' },
  } as const
  const y = {
    field: 'microseconds',
    type: 'quantitative',
    scale: { type: 'log' },
    axis: { title: 'microseconds per layer', grid: true },
  } as const
  const color = {
    field: 'name',
    scale: { domain: Object.keys(models), range: COLORS },
    title: null,
    legend: { labelLimit: 400 },
  } as const
  const spec: TopLevelSpec = {
    background: 'white',
    padding: 10,
    title: {
      text: 'The message of a layer: two numbers, summed over the ranks',
      subtitle: [
        'lines: call + alpha * ceil(log2 ranks); points: measured, where 4 ranks share 2 cores',
        `${machine.cpu}, ${machine.cores} cores, ${date.slice(0, 10)}; dashed: forward of 1M elements there`,
      ],
      anchor: 'start',
      fontSize: 13,
      subtitleColor: '#555555',
    },
    width: 520,
    height: 280,
    layer: [
      {
        data: { values: [{ microseconds: forwardMicroseconds }] },
        mark: { type: 'rule', strokeDash: [6, 4], color: '#999999' },
        encoding: { y },
      },
      { data: { values: lines }, mark: { type: 'line' }, encoding: { x, y, color } },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 70 },
        encoding: { x, y, color },
      },
    ],
  }
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  return svg
}
