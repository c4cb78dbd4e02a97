import type { Table } from '../report'

export interface SuiteOptions {
  quick: boolean
}

export interface Suite {
  /** One line for --help. */
  summary: string
  /** Environment of the fresh process that it runs in, such as the number of threads. */
  environment?: Record<string, string>
  /** Why it cannot run here, and what to do about it; undefined where it can. */
  unavailable?: () => string | undefined
  measure: (options: SuiteOptions) => Promise<Table> | Table
}

export const suiteNames = ['kernels', 'threads', 'arrays', 'calls', 'fresh', 'peers', 'tfjs'] as const
export type SuiteName = (typeof suiteNames)[number]

export async function loadSuite(name: SuiteName): Promise<Suite> {
  const { suite } = (await import(`./${name}`)) as { suite: Suite }
  return suite
}
