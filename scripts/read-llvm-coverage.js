'use strict'
// What llvm-cov says of csrc/: lines and conditions, of which each counts once, whatever templates and builds it is compiled in.
//   llvm-cov export ... | node scripts/read-llvm-coverage.js TREE OUTPUT   prints a table, and fails below the limits

const { readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const LIMITS = { lines: 97, branches: 92 }

/**
 * Segments are places where the count changes, in order: line, column, count, whether there is one, whether a region begins, whether
 * that is a gap between statements. Gives what was counted at a place and, by its number, for each line, as llvm-cov does.
 */
function readSegments(segments) {
  const lines = new Map()
  const begins = ([, , , counted, entry, gap]) => counted && entry && !gap
  let wrapped // around the beginning of the line
  let next = 0
  const last = segments.at(-1)?.[0] ?? 0
  for (let line = segments[0]?.[0]; line <= last; ++line) {
    const first = next
    while (next < segments.length && segments[next][0] === line) ++next
    const here = segments.slice(first, next)
    const regions = here.filter(begins)
    const skipped = here.length > 0 && !here[0][3] && here[0][4]
    if (!skipped && (wrapped?.[3] || regions.length > 0))
      lines.set(line, Math.max(wrapped?.[2] ?? 0, ...regions.map(([, , count]) => count)))
    wrapped = here.at(-1) ?? wrapped
  }
  const at = (line, column) =>
    segments.findLast(([l, c]) => l < line || (l === line && c <= column))?.[2] ?? 0
  return { lines, at }
}

/** Of a macro where it is used. One that was evaluated without being true or false is a constant, which decides nothing. */
function readConditions({ branches, expansions, at }) {
  const found = new Map()
  const inMacros = expansions.flatMap(({ branches, source_region: [line, column] }) =>
    branches.map((branch) => ({ line, column, branch })),
  )
  const written = branches.map((branch) => ({ line: branch[0], column: branch[1], branch }))
  for (const { line, column, branch } of [...written, ...inMacros]) {
    const [yes, no] = branch.slice(4)
    const place = [line, column, ...branch.slice(0, 4)].join()
    const known = found.get(place) ?? { line, column, counts: [0, 0] }
    known.counts = [known.counts[0] + yes, known.counts[1] + no]
    found.set(place, known)
  }
  const isConstant = ({ line, column, counts: [yes, no] }) => yes + no === 0 && at(line, column) > 0
  return [...found.values()].filter((condition) => !isConstant(condition)).sort((a, b) => a.line - b.line)
}

const shareOf = ([done, all]) => (all === 0 ? 100 : (100 * done) / all)
const inWords = ([done, all]) =>
  `${String(done).padStart(6)} of ${String(all).padStart(5)}  ${shareOf([done, all]).toFixed(2).padStart(6)}%`

function main(tree, output) {
  const { files } = JSON.parse(readFileSync(0, 'utf8')).data[0]
  const result = {}
  const sums = { lines: [0, 0], branches: [0, 0] }
  for (const { filename, segments, branches, expansions } of files.sort((a, b) =>
    a.filename < b.filename ? -1 : 1,
  )) {
    const file = path.relative(tree, filename)
    const { lines, at } = readSegments(segments)
    const conditions = readConditions({ branches, expansions, at })
    result[file] = { lines: Object.fromEntries(lines), conditions }
    const counts = {
      lines: [...lines.values()],
      branches: conditions.flatMap((condition) => condition.counts),
    }
    const parts = Object.entries(counts).map(([kind, each]) => {
      const part = [each.filter((count) => count > 0).length, each.length]
      sums[kind] = sums[kind].map((sum, i) => sum + part[i])
      return inWords(part)
    })
    console.log(`${file.padEnd(40)}${parts.join('   ')}`)
  }
  writeFileSync(output, JSON.stringify(result))
  for (const [kind, sum] of Object.entries(sums))
    console.log(`${kind}: ${inWords(sum)}, at least ${LIMITS[kind]}%`)
  if (Object.entries(sums).some(([kind, sum]) => shareOf(sum) < LIMITS[kind])) process.exit(1)
}

main(...process.argv.slice(2))
