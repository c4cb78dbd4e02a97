/** Mutants of lib/ that no call can tell from the original, each with the reason. */
export interface Equivalent {
  file: string
  /** The line where it begins. */
  line: string
  /** What is replaced by what; anything in that line, if it is left out. */
  from?: string
  to?: string
  reason: string
}

/** Of a list of names, as `NamesOf` has it. */
const listed = (file: string, names: readonly string[]): Equivalent[] =>
  names.map((name) => ({
    file,
    line: `${name}: true,`,
    from: 'true',
    to: 'false',
    reason: 'the names of such a list are read, and never the values',
  }))

const SETTINGS = ['sigma', 'pMin', 'pMax', 'rate', 'normalize', 'maxRate', 'exponent', 'relu']

export const equivalents: readonly Equivalent[] = [
  {
    file: 'lib/seed.ts',
    line: 'export const isAllowed = (draw: Draw): boolean => draw.callHigh < 0x7fffffff || callOf(draw) <= LAST_CALL',
    from: 'draw.callHigh < 0x7fffffff',
    to: 'false',
    reason: 'this comparison saves a bigint: the other one alone decides the same',
  },
  ...listed('lib/options.ts', [...SETTINGS, 'granularity', 'unit', 'dataFormat', 'shape']),
]
