import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' }
import { METHODS } from './options'
import type { Results } from './report'
import { estimate, mean } from './statistics'

type Epoch = Results['runs'][0]['epochs'][0]

/** The default truncation of jumpout's base rate (docs/numerics.md). */
const P_MIN = 0.01
const P_MAX = 0.6

const COLORS = { domain: [...METHODS], range: ['#7f7f7f', '#e07b00', '#1f5fbf'] }
export const PANEL = { width: 300, height: 220 }

/** Writes one SVG for each figure that the results have data for, and removes those of an earlier run. */
export const writePictures = (results: Results, folder: string): Promise<void> =>
  writeSvgs(folder, {
    'test-accuracy.svg': testAccuracy(results),
    'active-fraction.svg': activeFraction(results),
    'applied-rates.svg': appliedRates(results),
    'drawn-rates.svg': drawnRates(results),
    'moment-ratios.svg': momentRatios(results),
  })

/** Where there is no picture, the file of an earlier run is removed. */
export async function writeSvgs(
  folder: string,
  pictures: Record<string, TopLevelSpec | null>,
): Promise<void> {
  for (const [name, spec] of Object.entries(pictures)) {
    const file = join(folder, name)
    if (spec) await writeFile(file, await renderSvg(spec))
    else await rm(file, { force: true })
  }
}

async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  const compiled = vegaLite.compile({ background: 'white', padding: 10, ...spec }).spec
  const view = new vega.View(vega.parse(compiled), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  return svg
}

function testAccuracy(results: Results): TopLevelSpec {
  const values = byEpoch(results, ({ testAccuracy }) => (testAccuracy === null ? [] : [testAccuracy]))
  const points = values.flatMap(({ values: [accuracies], ...point }) => {
    if (!accuracies) return []
    const { mean, standardError } = estimate(accuracies)
    const margin = standardError ?? 0
    return { ...point, accuracy: 100 * mean, low: 100 * (mean - margin), high: 100 * (mean + margin) }
  })
  return {
    title: title('Test accuracy by epoch', `mean over ${seeds(results)}, band of one standard error`),
    ...PANEL,
    width: 480,
    data: { values: points },
    encoding: {
      x: epochAxis(results),
      color: {
        field: 'method',
        scale: COLORS,
        title: null,
        legend: { symbolType: 'stroke', symbolOpacity: 1, symbolStrokeWidth: 2 },
      },
    },
    layer: [
      {
        mark: { type: 'area', opacity: 0.25 },
        encoding: {
          y: { field: 'low', type: 'quantitative', scale: { zero: false }, title: 'test accuracy (%)' },
          y2: { field: 'high' },
        },
      },
      { mark: 'line', encoding: { y: { field: 'accuracy', type: 'quantitative' } } },
    ],
  }
}

function activeFraction(results: Results): TopLevelSpec {
  const values = byHiddenLayer(results, (epoch) => epoch.activeFractions)
  return {
    title: title(
      'Active fraction by epoch',
      `inputs of the ReLU above 0 in training, mean over ${seeds(results)}`,
    ),
    ...hiddenLayerPanels(results, values, {
      y: { field: 'value', type: 'quantitative', scale: { zero: false }, title: 'active fraction' },
      color: { field: 'method', scale: COLORS, title: null },
    }),
  }
}

/** What dividing the base rate by the active fraction does. */
function appliedRates(results: Results): TopLevelSpec | null {
  const { methods, normalize } = results.options
  if (!methods.includes('jumpout') || !normalize) return null
  const lines = {
    'active fraction q': 'activeFractions',
    'base rate p': 'baseRates',
    'applied rate p / q': 'appliedRates',
  } as const
  const values = Object.entries(lines).flatMap(([line, quantity]) =>
    byHiddenLayer(results, (epoch) => epoch[quantity])
      .filter(({ method }) => method === 'jumpout')
      .map((point) => ({ ...point, line })),
  )
  return {
    title: title('Rates of jumpout by epoch', `mean over the steps of an epoch and ${seeds(results)}`),
    ...hiddenLayerPanels(results, values, {
      y: { field: 'value', type: 'quantitative', scale: { zero: true }, title: null },
      color: { field: 'line', type: 'nominal', sort: Object.keys(lines), title: null },
    }),
  }
}

/** Means over the seeds, of a quantity that each hidden layer has. */
const byHiddenLayer = (results: Results, quantities: (epoch: Epoch) => number[]) =>
  byEpoch(results, quantities).flatMap(({ values, ...point }) =>
    values.map((quantity, layer) => ({
      ...point,
      layer: `hidden layer ${layer + 1}`,
      value: mean(quantity),
    })),
  )

/** Lines by epoch, a panel for each hidden layer. */
const hiddenLayerPanels = (results: Results, values: object[], encoding: object) =>
  ({
    data: { values },
    facet: { column: { field: 'layer', title: null } },
    spec: { ...PANEL, mark: 'line', encoding: { x: epochAxis(results), ...encoding } },
  }) as const

function drawnRates({ drawnRates, options }: Results): TopLevelSpec | null {
  if (!drawnRates) return null
  const { start, binWidth, counts } = drawnRates
  const draws = counts.reduce((sum, count) => sum + count, 0)
  const bars = counts.map((count, bin) => ({
    low: start + bin * binWidth,
    high: start + (bin + 1) * binWidth,
    density: count / draws / binWidth,
  }))
  const points = 200
  const end = Math.min(P_MAX, start + binWidth * counts.length)
  const curve = Array.from({ length: points + 1 }, (_, i) => {
    const rate = P_MIN + ((end - P_MIN) * i) / points
    return { rate, density: halfGaussianDensity(rate - P_MIN, options.sigma) }
  })
  return {
    title: title(
      'Base rates that jumpout drew',
      `${draws.toLocaleString('en')} draws; line: ${P_MIN} + the half-Gaussian of sigma ${options.sigma}, cut off at ${P_MAX}`,
    ),
    ...PANEL,
    width: 480,
    layer: [
      {
        data: { values: bars },
        mark: { type: 'rect', color: '#a9c4ea', stroke: 'white' },
        encoding: {
          x: { field: 'low', type: 'quantitative', scale: { zero: true }, title: 'base rate p' },
          x2: { field: 'high' },
          y: { field: 'density', type: 'quantitative', title: 'density' },
          y2: { datum: 0 },
        },
      },
      {
        data: { values: curve },
        mark: { type: 'line', color: COLORS.range[2] },
        encoding: {
          x: { field: 'rate', type: 'quantitative' },
          y: { field: 'density', type: 'quantitative' },
        },
      },
    ],
  }
}

/** Density of |z| for z normal with mean 0. */
export function halfGaussianDensity(x: number, sigma: number): number {
  return (Math.sqrt(2 / Math.PI) / sigma) * Math.exp(-(x * x) / (2 * sigma * sigma))
}

function momentRatios({ momentRatios }: Results): TopLevelSpec | null {
  if (!momentRatios) return null
  const values = momentRatios.ratios.flatMap(({ layer, exponent, rate, meanRatio, varianceRatio }) => {
    const point = { layer: `hidden layer ${layer}`, exponent: String(exponent), rate }
    return [
      { ...point, moment: 'mean', ratio: meanRatio },
      { ...point, moment: 'variance', ratio: varianceRatio },
    ]
  })
  return {
    title: title(
      'Output of the hidden layers, training over evaluation',
      `one trained net (${momentRatios.method}, seed ${momentRatios.seed}); survivors scaled by (1 - rate)^-exponent`,
    ),
    vconcat: ['mean', 'variance'].map((moment) => ({
      data: { values: values.filter((value) => value.moment === moment) },
      facet: { column: { field: 'layer', title: null } },
      spec: {
        ...PANEL,
        height: 160,
        layer: [
          { mark: { type: 'rule', strokeDash: [4, 4], color: '#999' }, encoding: { y: { datum: 1 } } },
          {
            mark: { type: 'line', point: true },
            encoding: {
              x: {
                field: 'rate',
                type: 'quantitative',
                scale: { zero: true },
                title: 'dropout rate applied in both layers',
              },
              y: {
                field: 'ratio',
                type: 'quantitative',
                scale: { zero: false },
                title: `ratio of the ${moment}s`,
              },
              color: { field: 'exponent', type: 'nominal', sort: ['1', '0.75', '0.5'], title: 'exponent' },
            },
          },
        ],
      },
    })),
  }
}

/** For each method and epoch, each quantity's values over the seeds. */
function byEpoch({ runs, options }: Results, quantities: (epoch: Epoch) => number[]) {
  return options.methods.flatMap((method) => {
    const curves = runs.filter((run) => run.method === method).map(({ epochs }) => epochs.map(quantities))
    return curves[0].map((first, epoch) => ({
      method,
      epoch: epoch + 1,
      values: first.map((_, quantity) => curves.map((curve) => curve[epoch][quantity])),
    }))
  })
}

export function title(text: string, subtitle: string) {
  return { text, subtitle, anchor: 'start' } as const
}

function seeds({ options }: Results): string {
  return options.seeds === 1 ? '1 seed' : `${options.seeds} seeds`
}

function epochAxis({ options }: Results) {
  const domain = [1, Math.max(2, options.epochs)]
  return {
    field: 'epoch',
    type: 'quantitative',
    scale: { domain, nice: false },
    axis: { tickMinStep: 1 },
  } as const
}
