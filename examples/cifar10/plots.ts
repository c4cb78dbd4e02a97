/** The pictures, as specifications of Vega-Lite; null where there are no runs for one. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' }
import { halfGaussianDensity, PANEL, title } from '../fashion-mnist/plots'
import { mean } from '../fashion-mnist/statistics'
import { groupsByStrength, meanRateOf, type Comparison } from './comparison'
import { SEARCHED, type Method } from './design'
import type { Line } from './results'

const P_MIN = 0.01
/** Bins of rates in a line, per unit of rate. */
const RATE_BINS = 100

const BASE = ['none', ...SEARCHED] as const
const COLORS = { domain: [...BASE], range: ['#7f7f7f', '#e07b00', '#1f5fbf'] }

export function picturesOf(
  search: readonly Line[],
  final: readonly Line[],
  comparisons: readonly Comparison[],
): Record<string, TopLevelSpec | null> {
  return {
    'search.svg': searched(search, 'strength', 'rate of dropout, sigma of jumpout'),
    'search-rates.svg': searched(search, 'meanRate', 'mean rate that was applied'),
    'test-accuracy.svg': testAccuracy(final),
    'differences.svg': differences(comparisons),
    'active-fraction.svg': activeFraction(final),
    'moment-ratios.svg': momentRatios(final),
    'drawn-rates.svg': drawnRates(final),
  }
}

const x = (field: string, title: string, scale: object = { zero: false }) =>
  ({ field, type: 'quantitative', scale, title }) as const
const y = x

/** By strength, or by the mean rate over layers, steps and seeds, which is a scale that the two methods share. */
function searched(lines: readonly Line[], by: 'strength' | 'meanRate', axis: string): TopLevelSpec | null {
  const values = groupsByStrength(lines).flatMap((runs) => {
    const meanRate = meanRateOf(runs)
    return runs.map(({ placement, method, strength, accuracy }) => ({
      placement,
      method,
      strength,
      meanRate,
      accuracy: 100 * accuracy,
    }))
  })
  const none = values.filter(({ method }) => method === 'none')
  const others = values.filter(({ method }) => method !== 'none')
  if (others.length === 0) return null
  const reference = mean(none.map(({ accuracy }) => accuracy))
  const position = x(by, axis, { type: 'log', nice: false, padding: 8 })
  const color = { field: 'method', type: 'nominal', scale: COLORS, title: null } as const
  return {
    title: title('Search: validation accuracy', 'a point per seed, lines through the means; dashed: none'),
    data: { values: others.map((value) => ({ ...value, ...(none.length > 0 ? { reference } : {}) })) },
    facet: { column: { field: 'placement', title: 'placement' } },
    spec: {
      ...PANEL,
      layer: [
        { mark: 'point', encoding: { x: position, y: y('accuracy', 'accuracy (%)'), color } },
        {
          mark: 'line',
          encoding: { x: position, y: { ...y('accuracy', 'accuracy (%)'), aggregate: 'mean' }, color },
        },
        {
          mark: { type: 'rule', strokeDash: [4, 4], color: COLORS.range[0] },
          encoding: { y: { ...y('reference', 'accuracy (%)'), aggregate: 'mean' } },
        },
      ],
    },
    resolve: { scale: { x: 'independent' } },
  }
}

function testAccuracy(lines: readonly Line[]): TopLevelSpec | null {
  if (lines.length === 0) return null
  const values = lines.map(({ placement, method, accuracy }) => ({
    method: `${method}${placement === 'all' || method === 'none' ? '' : `, ${placement}`}`,
    accuracy: 100 * accuracy,
  }))
  return {
    title: title('Test accuracy', 'a point per seed; the tick is the mean'),
    data: { values },
    ...PANEL,
    encoding: { y: { field: 'method', type: 'nominal', sort: null, title: null } },
    layer: [
      { mark: { type: 'point', opacity: 0.6 }, encoding: { x: x('accuracy', 'accuracy (%)') } },
      {
        mark: { type: 'tick', thickness: 2, color: 'black' },
        encoding: { x: { ...x('accuracy', 'accuracy (%)'), aggregate: 'mean' } },
      },
    ],
  }
}

function differences(comparisons: readonly Comparison[]): TopLevelSpec | null {
  const values = comparisons.flatMap(({ placement, first, second, pairs, measures: { accuracy } }) =>
    accuracy.interval
      ? {
          pair: `${first} - ${second}, ${placement} (${pairs})`,
          mean: 100 * accuracy.mean,
          low: 100 * accuracy.interval[0],
          high: 100 * accuracy.interval[1],
        }
      : [],
  )
  if (values.length === 0) return null
  const pair = { field: 'pair', type: 'nominal', sort: null, title: null, axis: { labelLimit: 300 } } as const
  return {
    title: title(
      'Paired differences of test accuracy',
      'percentage points, 95 % intervals; pairs in parentheses',
    ),
    data: { values },
    ...PANEL,
    layer: [
      { mark: { type: 'rule', strokeDash: [4, 4], color: '#999' }, encoding: { x: { datum: 0 } } },
      { mark: 'rule', encoding: { x: x('low', 'percentage points'), x2: { field: 'high' }, y: pair } },
      { mark: { type: 'point', filled: true }, encoding: { x: x('mean', 'percentage points'), y: pair } },
    ],
  }
}

const layerName = (layer: number): string => `layer ${layer + 1}`
const inAll = (lines: readonly Line[], method: Method): Line[] =>
  lines.filter((line) => line.placement === 'all' && line.method === method)

function activeFraction(lines: readonly Line[]): TopLevelSpec | null {
  const values = BASE.flatMap((method) => {
    const runs = inAll(lines, method)
    return (runs[0]?.active ?? []).flatMap((layers, epoch) =>
      layers.map((_, layer) => ({
        method,
        epoch: epoch + 1,
        layer: layerName(layer),
        value: mean(runs.map(({ active }) => active[epoch][layer])),
      })),
    )
  })
  if (values.length === 0) return null
  return {
    title: title(
      'Active fraction by epoch',
      'inputs of the ReLU above 0 in training, placement all, mean over seeds',
    ),
    data: { values },
    facet: { field: 'layer', title: null },
    columns: 4,
    spec: {
      ...PANEL,
      width: 200,
      height: 150,
      mark: 'line',
      encoding: {
        x: x('epoch', 'epoch'),
        y: y('value', 'active fraction'),
        color: { field: 'method', type: 'nominal', scale: COLORS, title: null },
      },
    },
  }
}

function momentRatios(lines: readonly Line[]): TopLevelSpec | null {
  const runs = inAll(lines, 'jumpout')
  const values = (runs[0]?.moments ?? []).flatMap(({ epoch, ratios }, index) =>
    ratios.flatMap(({ exponent, ...moments }, which) =>
      (['mean', 'variance'] as const).flatMap((moment) =>
        moments[moment].map((_, layer) => ({
          epoch,
          exponent: String(exponent),
          moment,
          layer: layerName(layer),
          value: mean(runs.map((run) => run.moments[index].ratios[which][moment][layer])),
        })),
      ),
    ),
  )
  if (values.length === 0) return null
  return {
    title: title(
      'Output of each layer, with dropout over without',
      'nets trained with jumpout; rate 0.2 in every layer, survivors scaled by 0.8^-exponent; mean over seeds',
    ),
    data: { values },
    facet: { row: { field: 'moment', title: 'ratio of the' }, column: { field: 'layer', title: null } },
    spec: {
      width: 130,
      height: 150,
      layer: [
        { mark: { type: 'rule', strokeDash: [4, 4], color: '#999' }, encoding: { y: { datum: 1 } } },
        {
          mark: { type: 'line', point: true },
          encoding: {
            x: x('epoch', 'epoch', { zero: true }),
            y: y('value', 'ratio'),
            color: { field: 'exponent', type: 'nominal', sort: ['1', '0.75', '0.5'], title: 'exponent' },
          },
        },
      ],
    },
    resolve: { scale: { y: 'independent' } },
  }
}

function drawnRates(lines: readonly Line[]): TopLevelSpec | null {
  const runs = inAll(lines, 'jumpout')
  if (runs.length === 0) return null
  const sigma = runs[0].strength
  const bars = (['base', 'applied'] as const).flatMap((kind) => {
    const counts = Array.from({ length: RATE_BINS }, (_, bin) =>
      runs.reduce((sum, { rates }) => sum + (rates[kind][bin] ?? 0), 0),
    )
    const total = counts.reduce((sum, count) => sum + count, 0)
    return counts
      .map((count, bin) => ({
        rate: kind === 'base' ? 'base rate p' : 'applied rate p / q',
        low: bin / RATE_BINS,
        high: (bin + 1) / RATE_BINS,
        density: (RATE_BINS * count) / total,
      }))
      .filter(({ density }) => density > 0)
  })
  const end = Math.max(...bars.filter(({ rate }) => rate === 'base rate p').map(({ high }) => high))
  const curve = Array.from({ length: 101 }, (_, i) => {
    const at = P_MIN + ((end - P_MIN) * i) / 100
    return { at, density: halfGaussianDensity(at - P_MIN, sigma) }
  })
  return {
    title: title(
      'Rates of jumpout',
      `sigma ${sigma}, placement all, all layers, steps and seeds; line: ${P_MIN} + the half-Gaussian that base rates come from`,
    ),
    ...PANEL,
    width: 480,
    layer: [
      {
        data: { values: bars },
        mark: { type: 'rect', opacity: 0.5 },
        encoding: {
          x: x('low', 'rate', { zero: true }),
          x2: { field: 'high' },
          y: y('density', 'density', { zero: true }),
          y2: { datum: 0 },
          color: { field: 'rate', type: 'nominal', title: null },
        },
      },
      {
        data: { values: curve },
        mark: { type: 'line', color: COLORS.range[2] },
        encoding: { x: { field: 'at', type: 'quantitative' }, y: { field: 'density', type: 'quantitative' } },
      },
    ],
  }
}
