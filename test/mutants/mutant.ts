/** A fault planted in a native source: a text that stands there once, and what replaces it. */
export interface Mutant {
  /** What is wrong, in words; unique in its file. */
  name: string
  file: string
  from: string
  to: string
  kind: Kind
  /** Why no call can tell it from the original. Such a mutant must survive. */
  equivalent?: string
}

export const kinds = [
  'tail', // off by one at an end
  'lane', // the wrong lane, element or word
  'barrier', // a wait that is missing, or a fence
  'mask', // a bit of the mask lost or added
  'row', // the wrong group
  'epoch', // a count, call or ticket of another time
  'arithmetic', // a constant, an operator, a comparison
  'choice', // the wrong branch
] as const
export type Kind = (typeof kinds)[number]

/** Of the device's kernels, each must be there. */
export const deviceKinds: readonly Kind[] = ['tail', 'lane', 'barrier', 'mask', 'row', 'epoch']

type Row = [kind: Kind, name: string, from: string, to: string, equivalent?: string]

export const inFile = (file: string, rows: readonly Row[]): Mutant[] =>
  rows.map(([kind, name, from, to, equivalent]) => ({ name, file, from, to, kind, equivalent }))

export const noNegativeOutput =
  'backward reads what a forward with ReLU returned: neither NaN nor a negative number'

/** The text with the fault in it. */
export function planted(source: string, { name, from, to }: Mutant): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`${name}: its text stands ${parts.length - 1} times in the file`)
  return parts.join(to)
}
