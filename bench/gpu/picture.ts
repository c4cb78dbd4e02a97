/** Efficiency by size, against the peers, as an SVG. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' }
import { efficiency, elementBytes, type Times } from './results'

const COLORS: Record<string, string> = {
  forward: '#1f5fbf',
  'forward, counted elsewhere': '#7fb0ea',
  backward: '#0a8f5b',
  'cuDNN dropout': '#e07b00',
  'cuDNN dropout, backward': '#f2b36b',
  'PyTorch native_dropout': '#7f7f7f',
}

const PASSES: Record<string, string> = {
  forward: 'forward',
  'forward counted': 'forward, counted elsewhere',
  backward: 'backward',
  'cudnn forward': 'cuDNN dropout',
  'cudnn backward': 'cuDNN dropout, backward',
  'torch native_dropout': 'PyTorch native_dropout',
}

interface Point {
  dtype: string
  elements: number
  name: string
  share: number
}

function pointsOf(groups: readonly Times[], l2: number): Point[] {
  return groups
    .filter(({ row, caches, dtype }) => row === 0 && caches === 'cold' && dtype !== 'float16')
    .flatMap((times) =>
      Object.entries(PASSES).flatMap(([pass, name]) => {
        const share = efficiency(pass, times, l2)
        return share === undefined ? [] : [{ dtype: times.dtype, elements: times.elements, name, share }]
      }),
    )
    .sort((a, b) => elementBytes(b.dtype) - elementBytes(a.dtype) || a.elements - b.elements)
}

export async function drawEfficiency(device: string, groups: readonly Times[], l2: number): Promise<string> {
  const points = pointsOf(groups, l2)
  const shown = new Set(points.map(({ name }) => name))
  const names = Object.keys(COLORS).filter((name) => shown.has(name))
  const spec: TopLevelSpec = {
    background: 'white',
    padding: 10,
    title: {
      text: `Share of the speed of a copy, ${device}`,
      subtitle:
        'bytes that have to be moved / time, over the same of the best copy of that size; caches flushed',
      anchor: 'start',
      fontSize: 13,
      subtitleColor: '#555555',
    },
    data: { values: points },
    facet: { column: { field: 'dtype', title: null, sort: null } },
    spec: {
      width: 340,
      height: 240,
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'elements',
          type: 'quantitative',
          scale: { type: 'log', base: 2, nice: false },
          axis: {
            title: 'elements',
            values: [1024, 16384, 262144, 4194304, 67108864, 268435456],
            labelExpr: "datum.value >= 1048576 ? datum.value / 1048576 + 'M' : datum.value / 1024 + 'k'",
          },
        },
        y: {
          field: 'share',
          type: 'quantitative',
          scale: { domainMin: 0 },
          axis: { title: null, format: '%' },
        },
        color: {
          field: 'name',
          type: 'nominal',
          title: null,
          scale: { domain: names, range: names.map((name) => COLORS[name]) },
        },
      },
    },
  }
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  return svg
}
