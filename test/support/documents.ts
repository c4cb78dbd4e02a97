/** The code blocks of all documents, and what they promise to print. Who executes a language is in test/62. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { filesInTree, type Outcome, root } from './program'

export interface Block {
  /** 'docs/guide.md:23', for messages. */
  readonly place: string
  readonly document: string
  readonly language: string
  readonly code: string
  /** The comments behind statements that print, which are the lines that they print. */
  readonly promised: readonly string[]
  /** How many statements print. */
  readonly prints: number
}

/** A statement that prints, in one line, and the comment behind it. */
const PRINTS: Partial<Record<string, RegExp>> = {
  js: /\bconsole\.log\(.*\)(?: *\/\/ (.+))?$/gm,
  ts: /\bconsole\.log\(.*\)(?: *\/\/ (.+))?$/gm,
  c: /\bprintf\(.*\);(?: *\/\* (.+) \*\/)?$/gm,
  cpp: /\bprintf\(.*\);(?: *\/\/ (.+))?$/gm,
  python: /\bprint\(.*\)(?: *# (.+))?$/gm,
}

const FENCE = /^[\s>]*(?:```|~~~)/gm
const BLOCK = /^( *)```(\S*)\n([^]*?)^\1```$/gm

/** Every Markdown file that is tracked, or will be. */
export const documents: readonly string[] = filesInTree('*.md')

export function blocksOf(document: string, text = readFileSync(join(root, document), 'utf8')): Block[] {
  const blocks = Array.from(text.matchAll(BLOCK), ({ 1: indent, 2: language, 3: body, index }) => {
    const code = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    const printed = PRINTS[language] === undefined ? [] : [...code.matchAll(PRINTS[language])]
    return {
      place: `${document}:${text.slice(0, index).split('\n').length}`,
      document,
      language,
      code,
      promised: printed.flatMap(([, promise]) => promise ?? []),
      prints: printed.length,
    }
  })
  // What is not read is not executed.
  const fences = text.match(FENCE)?.length ?? 0
  if (fences !== 2 * blocks.length)
    throw new Error(`${document} has a code block in another form than \`\`\`language`)
  if (/\n\n {4,}\S/.test(text.replaceAll(BLOCK, '')))
    throw new Error(`${document} has a code block by indentation`)
  return blocks
}

export const blocks: readonly Block[] = documents.flatMap((document) => blocksOf(document))

export const blocksIn = (...languages: readonly string[]): Block[] =>
  blocks.filter(({ language }) => languages.includes(language))

/** That a block ran, and printed what it promises: all its lines, if each has a promise. */
export function kept(t: Test, { place, promised, prints }: Block, { code, stdout, stderr }: Outcome): void {
  t.same({ code, stderr }, { code: 0, stderr: '' }, place)
  const printed = stdout.trimEnd().split('\n')
  if (promised.length > 0)
    t.strictSame(promised.length === prints ? printed : printed.slice(0, promised.length), promised, place)
}

/** The name of the file that a block of C, C++ or CMake is, which its first line says in a comment. */
export function fileOf({ code, place }: Block): string {
  const [, name] = /^(?:\/\*|\/\/|#) ([\w.-]+\.\w+)/.exec(code) ?? []
  if (name === undefined) throw new Error(`${place} begins with no comment that names its file`)
  return name
}

/** In Node or in Python. */
export const usesTensorFlow = ({ code }: Block): boolean =>
  /@tensorflow\/|\bkeras\b|\btensorflow\b/.test(code)
