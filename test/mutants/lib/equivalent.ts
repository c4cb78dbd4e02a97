/** Mutants of lib/ that no call can tell from the original, each with the reason. `line` is where it begins. */
export interface Equivalent {
  file: string
  line: string
  /** What is replaced, if it is not the whole line. */
  from?: string
  to?: string
  reason: string
}

export const equivalents: readonly Equivalent[] = []
