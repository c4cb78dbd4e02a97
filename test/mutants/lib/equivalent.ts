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
const listed = (file: string, lines: readonly string[]): Equivalent[] =>
  lines.map((line) => ({
    file,
    line,
    from: 'true',
    to: 'false',
    reason: 'the names of such a list are read, and never the values',
  }))

const isTrue = (name: string): string => `${name}: true,`

const SETTINGS = ['sigma', 'pMin', 'pMax', 'rate', 'normalize', 'maxRate', 'exponent', 'relu']

const STATE = '{ version: true, seed: true, layer: true, call: true, options: true },'
const STATE_OPTIONS =
  "const OPTIONS = optionNames<StateOptions>('a state', { ...SETTINGS, reuse: true }, false)"
const SWAPPED =
  'i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2][j - 2] + 1 : Infinity'

const nothingBefore = (from: string, to: string): Equivalent => ({
  file: 'lib/option-names.ts',
  line: SWAPPED,
  from,
  to,
  reason: 'before the first letter is undefined, which equals no letter',
})

const remembered = (line: string, from: string, to: string): Equivalent => ({
  file: 'lib/option-names.ts',
  line,
  from,
  to,
  reason: 'what is remembered of the last options saves time: a name that is not there is looked up',
})

export const equivalents: readonly Equivalent[] = [
  {
    file: 'lib/seed.ts',
    line: 'export const isAllowed = (draw: Draw): boolean => draw.callHigh < 0x7fffffff || callOf(draw) <= LAST_CALL',
    from: 'draw.callHigh < 0x7fffffff',
    to: 'false',
    reason: 'this comparison saves a bigint: the other one alone decides the same',
  },
  ...listed('lib/options.ts', [...SETTINGS, 'granularity', 'unit', 'dataFormat', 'shape'].map(isTrue)),
  ...listed('lib/layer.ts', [...['seed', 'layer', 'calls', 'reuse'].map(isTrue), STATE, STATE_OPTIONS]),
  nothingBefore('i > 1 && j > 1', 'true'),
  nothingBefore('i > 1 && j > 1', 'i > 1 || j > 1'),
  nothingBefore('i > 1', 'true'),
  nothingBefore('i > 1', 'i >= 1'),
  nothingBefore('j > 1', 'true'),
  nothingBefore('j > 1', 'j >= 1'),
  remembered(
    'const known = { place, names: new Set(Object.keys(names)), recent: [] }',
    '[]',
    '["Stryker was here"]',
  ),
  remembered('if (name !== recent[at]) {', 'name !== recent[at]', 'true'),
  remembered('++at', '++at', '--at'),
  ...['false', '""'].map((to) => ({
    file: 'lib/layout.ts',
    line: "if (shape === undefined && elementOffset === undefined && granularity === 'batch' && unit === 'element')",
    to,
    reason: 'the most common case is decided early: what follows gives the same layout',
  })),
  {
    file: 'lib/layout.ts',
    line: 'return unitSize > 1 ? { unitSize, channels: last ? channels : 0 } : ELEMENTS',
    from: 'unitSize > 1',
    to: 'unitSize >= 1',
    reason: 'units of one element have the numbers of the elements, however they lie',
  },
  {
    file: 'lib/layer.ts',
    line: 'return { draw: counter === undefined ? this.draw : this.#draw, counter }',
    from: 'counter === undefined',
    to: 'true',
    reason: 'a pass with a counter takes its call number from there: reading it here as well only waits',
  },
  {
    file: 'lib/option-names.ts',
    line: "output: 'out',",
    to: '""',
    reason: "'output' begins with 'out', which is found as the nearest name",
  },
  {
    file: 'lib/option-names.ts',
    line: "type: 'dtype',",
    to: '""',
    reason: "one letter is missing, so that 'dtype' is found as the nearest name",
  },
  {
    file: 'lib/option-names.ts',
    line: 'if (wanted.length === 0) return undefined',
    to: 'false',
    reason: 'only a name of one letter would be near, and no option has one',
  },
  {
    file: 'lib/option-names.ts',
    line: 'if (meant !== undefined && names.has(meant)) return meant',
    from: 'meant !== undefined',
    to: 'true',
    reason: 'undefined is no name of the set',
  },
  {
    file: 'lib/option-names.ts',
    line: 'if (value.constructor === Object) return',
    to: 'false',
    reason: 'it saves looking at ordinary objects, which pass the check behind it',
  },
]

/** Lines, by file, whose survivors nobody has judged yet: a test is missing, or a reason. */
export const open: Readonly<Partial<Record<string, readonly string[]>>> = {
  'lib/layer.ts': [
    'return { draw: counter === undefined ? this.draw : this.#draw, counter }',
    'if (current === undefined && stream?.capturing !== true) return undefined',
    'if (stream === undefined) native.settle(memory.handle)',
  ],
}
