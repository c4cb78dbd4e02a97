/** One measured number. */
export interface Figure {
  value: number
  unit: 'ratio' | 'seconds' | 'bytes'
  /** The project's aim: from bench/aims.ts, for GPUs from bench/gpu/results.ts. */
  atLeast?: number
  atMost?: number
}

export const ratio = (value: number, aim: Pick<Figure, 'atLeast' | 'atMost'> = {}): Figure => ({
  value,
  unit: 'ratio',
  ...aim,
})
export const seconds = (value: number, aim: Pick<Figure, 'atLeast' | 'atMost'> = {}): Figure => ({
  value,
  unit: 'seconds',
  ...aim,
})

export const meetsAim = ({ value, atLeast = -Infinity, atMost = Infinity }: Figure): boolean =>
  value >= atLeast && value <= atMost

export interface Row {
  /** The measured case, such as { elements: 1048576, caches: 'cold' }. */
  case: Record<string, string | number>
  /** Ratios first. A figure that could not be measured is absent. */
  figures: Partial<Record<string, Figure>>
  /** Median seconds of each candidate; written to the file, not shown. */
  times?: Record<string, number>
}

/** The figures that a row has. */
export const figuresOf = (row: Row): [string, Figure][] =>
  Object.entries(row.figures).flatMap(([name, figure]) => (figure ? [[name, figure]] : []))

/** The result of a suite. */
export interface Table {
  title: string
  /** How to read it: what a ratio divides, how inputs were treated. */
  notes: string[]
  rows: Row[]
}

/** A file in bench/results. */
export interface Report extends Table {
  suite: string
  date: string
  commit: string
  quick: boolean
  machine: import('./machine').Machine
  versions: Record<string, string>
}
