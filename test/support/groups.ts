import { type Group } from './reference'

/**
 * A drawn base rate may differ by some ulps between two correct mathematical libraries (docs/numerics.md, What may
 * differ); everything that follows from it is exact.
 */
export const RATE_TOLERANCE = 2 ** -48

/** What first differs between two lists of group statistics, in words, or null where nothing does. */
export function groupDifference(actual: readonly Group[], expected: readonly Group[]): string | null {
  if (actual.length !== expected.length) return `${actual.length} groups, expected ${expected.length}`
  for (const [g, want] of expected.entries()) {
    const got = actual[g]
    if (!(Math.abs(got.rate - want.rate) <= RATE_TOLERANCE))
      return `group ${g}: rate ${got.rate}, expected ${want.rate}`
    for (const name of ['active', 'total', 'effectiveRate', 'scale'] as const) {
      if (!Object.is(got[name], want[name])) return `group ${g}: ${name} ${got[name]}, expected ${want[name]}`
    }
  }
  return null
}

export function assertSameGroups(actual: readonly Group[], expected: readonly Group[], what: string): void {
  const found = groupDifference(actual, expected)
  if (found !== null) throw new Error(`${what}: ${found}`)
}
