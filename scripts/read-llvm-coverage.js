'use strict'
// What llvm-cov says of csrc/: lines and conditions, of which each counts once, whatever templates and builds it is compiled in.
//   llvm-cov export ... | node scripts/read-llvm-coverage.js TREE OUTPUT   prints a table, and fails below the limits

const { readFileSync, writeFileSync } = require('node:fs')
const path = require('node:path')

const LIMITS = { lines: 97, branches: 92 }
const [CODE, EXPANSION, SKIPPED] = [0, 1, 2]

/**
 * One instance of a function: its regions, nested, each with a count, and its conditions. What a macro makes there is in a file of its
 * own, which `expansion` leads to.
 */
function readFunction({ filenames, regions, branches }) {
  const all = regions.map(([line, column, endLine, endColumn, count, file, expansion, kind]) => {
    return { line, column, endLine, endColumn, count, file, expansion, kind }
  })
  const isBefore = (region, line, column) =>
    region.line < line || (region.line === line && region.column <= column)
  const isAfter = (region, line, column) =>
    region.endLine > line || (region.endLine === line && region.endColumn > column)
  /** The innermost region there. */
  const around = (file, line, column) =>
    all.findLast(
      (region) => region.file === file && isBefore(region, line, column) && isAfter(region, line, column),
    )
  const written = ({ file, line, column }) => {
    const use = all.find(({ kind, expansion }) => kind === EXPANSION && expansion === file)
    return use === undefined ? { file, line, column } : written(use)
  }

  const lines = new Map() // of the function itself
  for (const region of all.filter(({ kind, file }) => kind === CODE && file === 0))
    for (let line = region.line; line <= region.endLine; ++line) {
      if (lines.has(line)) continue
      const begin = around(0, line, 0)
      if (begin?.kind === SKIPPED) continue
      const here = all.filter((one) => one.file === 0 && one.line === line && one.kind <= EXPANSION)
      lines.set(line, Math.max(begin?.count ?? 0, ...here.map(({ count }) => count)))
    }

  const conditions = branches.flatMap(([line, column, endLine, endColumn, yes, no, file]) => {
    // One that was evaluated without being true or false is a constant, which decides nothing.
    if (yes + no === 0 && around(file, line, column)?.count > 0) return []
    const place = written({ file, line, column })
    return [
      {
        ...place,
        id: [place.line, place.column, line, column, endLine, endColumn].join(),
        counts: [yes, no],
      },
    ]
  })
  return { file: filenames[0], lines, conditions }
}

/** By file. */
function merge(functions, tree) {
  const files = {}
  const own = functions.filter(({ filenames: [file] }) => file.startsWith(path.join(tree, 'csrc/')))
  for (const { file, lines, conditions } of own.map(readFunction)) {
    const found = (files[path.relative(tree, file)] ??= { lines: {}, conditions: {} })
    for (const [line, count] of lines) found.lines[line] = (found.lines[line] ?? 0) + count
    for (const { id, line, column, counts } of conditions) {
      const known = (found.conditions[id] ??= { line, column, counts: [0, 0] })
      known.counts = known.counts.map((count, i) => count + counts[i])
    }
  }
  return files
}

const shareOf = ([done, all]) => (all === 0 ? 100 : (100 * done) / all)
const inWords = ([done, all]) =>
  `${String(done).padStart(6)} of ${String(all).padStart(5)}  ${shareOf([done, all]).toFixed(2).padStart(6)}%`

function main(tree, output) {
  const files = merge(JSON.parse(readFileSync(0, 'utf8')).data[0].functions, tree)
  const sums = { lines: [0, 0], branches: [0, 0] }
  for (const [file, { lines, conditions }] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const counts = {
      lines: Object.values(lines),
      branches: Object.values(conditions).flatMap((condition) => condition.counts),
    }
    const parts = Object.entries(counts).map(([kind, each]) => {
      const part = [each.filter((count) => count > 0).length, each.length]
      sums[kind] = sums[kind].map((sum, i) => sum + part[i])
      return inWords(part)
    })
    console.log(`${file.padEnd(40)}${parts.join('   ')}`)
  }
  writeFileSync(output, JSON.stringify(files))
  for (const [kind, sum] of Object.entries(sums))
    console.log(`${kind}: ${inWords(sum)}, at least ${LIMITS[kind]}%`)
  if (Object.entries(sums).some(([kind, sum]) => shareOf(sum) < LIMITS[kind])) process.exit(1)
}

main(...process.argv.slice(2))
