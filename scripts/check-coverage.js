'use strict'
// Holds test/uncovered.md to a report of scripts/coverage: each line that no test executes is explained there, and no other.
//   node scripts/check-coverage.js FOLDER   with cpp.json (read-llvm-coverage.js) and ts/coverage-final.json (c8)

const { readFileSync } = require('node:fs')
const path = require('node:path')

const root = path.resolve(__dirname, '..')
const list = path.join(root, 'test', 'uncovered.md')

/** `## FILE`, then items: lines of the source in backticks, a colon, and why. "at times" ends what may be executed or not. */
function readExplained(markdown) {
  const entries = []
  let file
  for (const block of markdown.split(/\n+(?=## |- )/)) {
    const heading = /^## (\S+)/.exec(block)
    if (heading) file = heading[1]
    if (!block.startsWith('- ')) continue
    const [, lines, , why] = /^- ((?:(`+).+?\2(?!`)[,\s]*)+): (.+)/s.exec(block.replace(/\s+/g, ' ')) ?? []
    if (file === undefined || why === undefined) throw new Error(`${list}: cannot be read: ${block}`)
    for (const [, , text] of lines.matchAll(/(`+) ?(.+?) ?\1(?!`)/g))
      entries.push({ file, text, atTimes: why.startsWith('at times'), used: false })
  }
  return entries
}

/** Numbers of the lines that were never executed, by file. */
function readUncovered(folder) {
  const read = (...name) => JSON.parse(readFileSync(path.join(folder, ...name), 'utf8'))
  const found = new Map()
  for (const [file, { lines }] of Object.entries(read('cpp.json'))) {
    const never = Object.keys(lines).filter((line) => lines[line] === 0)
    found.set(file, new Set(never.map(Number)))
  }
  for (const { path: file, statementMap, s } of Object.values(read('ts', 'coverage-final.json'))) {
    const never = Object.keys(s).filter((id) => s[id] === 0)
    const name = file.slice(file.lastIndexOf(`${path.sep}lib${path.sep}`) + 1)
    found.set(name, new Set(never.map((id) => statementMap[id].start.line)))
  }
  return found
}

const hasCode = (text) => /\w/.test(text) && !/^(#|\/\/|\/?\*)/.test(text)

function main(folder) {
  const explained = readExplained(readFileSync(list, 'utf8'))
  const problems = []
  for (const [file, numbers] of readUncovered(folder)) {
    const source = readFileSync(path.join(root, file), 'utf8').split('\n')
    for (const number of numbers) {
      const text = source[number - 1].trim().replace(/\s+/g, ' ')
      if (!hasCode(text)) continue
      const entries = explained.filter((entry) => entry.file === file && entry.text === text)
      for (const entry of entries) entry.used = true
      if (entries.length === 0) problems.push(`${file}:${number} is not executed, nor explained: ${text}`)
    }
  }
  for (const { file, text, used, atTimes } of explained)
    if (!used && !atTimes) problems.push(`${file}: explained, but executed or gone: ${text}`)
  for (const problem of problems.sort()) console.error(problem)
  console.log(`${explained.length} lines explained in test/uncovered.md, ${problems.length} problems`)
  process.exit(problems.length === 0 ? 0 : 1)
}

main(process.argv[2])
