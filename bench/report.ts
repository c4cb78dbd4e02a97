/** One measured number. */
export interface Figure {
  value: number
  unit: 'ratio' | 'seconds' | 'bytes'
  /** What the project wants to reach: bench/aims.ts, and of GPUs bench/gpu/results.ts. */
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
  /** What was run, such as { elements: 1048576, caches: 'cold' }. */
  case: Record<string, string | number>
  /** Ratios first. A figure that could not be had is absent. */
  figures: Partial<Record<string, Figure>>
  /** Median seconds of everything that was timed; for the file, not for the screen. */
  times?: Record<string, number>
}

/** The figures that a row has. */
export const figuresOf = (row: Row): [string, Figure][] =>
  Object.entries(row.figures).flatMap(([name, figure]) => (figure ? [[name, figure]] : []))

/** What a suite hands back. */
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
