/** The examples in documents, and what they promise to print. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './program'

export interface Example {
  readonly typed: boolean
  readonly code: string
  /** The comments behind console.log, which are the lines that it prints. */
  readonly promised: readonly string[]
}

export const examplesIn = (document: string): Example[] =>
  Array.from(
    readFileSync(join(root, document), 'utf8').matchAll(
      /^```(js|mjs|cjs|javascript|ts|typescript)\n([^]*?)^```$/gm,
    ),
    ([, language, code]) => ({
      typed: language.startsWith('t'),
      code,
      promised: Array.from(code.matchAll(/console\.log\(.*\) *\/\/ (.+)$/gm), (match) => match[1]),
    }),
  )
