/** The pictures of the method in docs/guide.md, of what the library itself draws: npm run pictures. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { jumpoutForward, type JumpoutOptions } from 'jumpout'
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' }
import { writeSvgs } from '../fashion-mnist/plots'
import { rounding } from '../fashion-mnist/statistics'

export const FOLDER = join(__dirname, '..', '..', 'docs', 'pictures')
const round = rounding(4)
const P_MIN = 0.01
const P_MAX = 0.6

const statsOf = (input: Float32Array, options: JumpoutOptions, call = 0) =>
  jumpoutForward(input, { ...options, seed: 1, call }).saved.stats()[0]

/** Base rates of 20,000 calls in 30 bins, and the density of the half-Gaussian. */
function baseRates(sigma: number) {
  const calls = 20_000
  const width = (P_MAX - P_MIN) / 30
  const input = Float32Array.of(1)
  const counts = new Map<number, number>()
  let most = 0
  for (let call = 0; call < calls; call += 1) {
    const { rate } = statsOf(input, { sigma }, call)
    const bin = Math.floor((rate - P_MIN) / width)
    if (rate === P_MAX) most += 1
    else counts.set(bin, (counts.get(bin) ?? 0) + 1)
  }
  const panel = `sigma ${sigma}`
  const bars = [...counts].map(([bin, count]) => ({
    panel,
    from: round(P_MIN + bin * width),
    to: round(P_MIN + (bin + 1) * width),
    density: round(count / calls / width),
  }))
  const curve = Array.from({ length: 60 }, (_, i) => {
    const p = P_MIN + (i * (P_MAX - P_MIN)) / 59
    const density = (Math.sqrt(2 / Math.PI) / sigma) * Math.exp(-(((p - P_MIN) / sigma) ** 2) / 2)
    return { panel, p: round(p), density: round(density) }
  })
  return {
    bars,
    curve,
    mass: { panel, p: P_MAX, text: `${Math.round((1000 * most) / calls) / 10} % at pMax` },
  }
}

/** Less text in the files. */
const CONFIG = { aria: false }
const X = { type: 'quantitative' as const, scale: { domain: [0, 0.65] }, title: 'base rate p' }
const DENSITY = { field: 'density', type: 'quantitative', scale: { zero: true }, title: 'density' } as const

function rateDensity(): TopLevelSpec {
  const panels = [0.1, 0.4].map(baseRates)
  return {
    config: CONFIG,
    hconcat: panels.map(({ bars, curve, mass }) => ({
      title: mass.panel,
      width: 260,
      height: 180,
      layer: [
        {
          data: { values: bars },
          mark: { type: 'bar', color: '#9dbbe3' },
          encoding: { x: { ...X, field: 'from' }, x2: { field: 'to' }, y: DENSITY, y2: { datum: 0 } },
        },
        {
          data: { values: curve },
          mark: { type: 'line', color: '#1f5fbf' },
          encoding: { x: { ...X, field: 'p' }, y: DENSITY },
        },
        {
          data: { values: [mass] },
          mark: { type: 'rule', color: '#e07b00', strokeWidth: 2 },
          encoding: { x: { ...X, field: 'p' } },
        },
        {
          data: { values: [mass] },
          mark: { type: 'text', align: 'right', dx: -6, y: 10, color: '#e07b00' },
          encoding: { x: { ...X, field: 'p' }, text: { field: 'text' } },
        },
      ],
    })),
  }
}

/** The rates that are applied, for fixed base rates, where so many of 1,000 units are active. */
function appliedRates(): TopLevelSpec {
  const units = 1000
  const values = [0.05, 0.1, 0.2, 0.4].flatMap((rate) =>
    Array.from({ length: 50 }, (_, i) => {
      const active = 20 * (i + 1)
      const input = new Float32Array(units).fill(1, 0, active)
      return { p: `${rate}`, active: active / units, applied: round(statsOf(input, { rate }).effectiveRate) }
    }),
  )
  return {
    config: CONFIG,
    width: 360,
    height: 220,
    data: { values },
    mark: 'line',
    encoding: {
      x: { field: 'active', type: 'quantitative', title: 'fraction q of active units' },
      y: { field: 'applied', type: 'quantitative', title: "applied rate p'" },
      color: { field: 'p', title: 'base rate p' },
    },
  }
}

const [ROWS, CHANNELS, PLANE] = [6, 8, 4]

/** One tensor [6, 8, 4] after ReLU, and what became of each element. */
function fates(unit: 'element' | 'channel') {
  const length = ROWS * CHANNELS * PLANE
  const input = Float32Array.from({ length }, (_, i) => Math.sin(i * i) + 0.2)
  const { output } = jumpoutForward(input, {
    ...{ relu: true, unit, shape: [ROWS, CHANNELS, PLANE], rate: 0.2, seed: 1 },
  })
  return Array.from(output, (value, i) => ({
    row: Math.floor(i / (CHANNELS * PLANE)),
    column: i % (CHANNELS * PLANE),
    fate: input[i] <= 0 ? 'inactive' : value === 0 ? 'dropped' : 'kept and scaled',
  }))
}

const masks = (): TopLevelSpec => ({
  config: CONFIG,
  vconcat: (['element', 'channel'] as const).map((unit) => ({
    title: { text: `unit: '${unit}'`, anchor: 'start' as const },
    width: 512,
    height: 96,
    data: { values: fates(unit) },
    mark: { type: 'rect' as const, stroke: 'white', strokeWidth: 1 },
    encoding: {
      x: { field: 'column', type: 'ordinal' as const, title: null, axis: null },
      y: { field: 'row', type: 'ordinal' as const, title: 'sample', axis: { labels: false, ticks: false } },
      color: {
        field: 'fate',
        title: null,
        scale: {
          domain: ['kept and scaled', 'dropped', 'inactive'],
          range: ['#1f5fbf', '#e07b00', '#e4e4e4'],
        },
      },
    },
  })),
})

export function drawMethod(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  return writeSvgs(folder, {
    'base-rate.svg': rateDensity(),
    'applied-rate.svg': appliedRates(),
    'mask.svg': masks(),
  })
}

if (require.main === module) void drawMethod(FOLDER)
