/** Tables for the terminal, results.json and pictures, of the runs that are there. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { align } from '../fashion-mnist/report'
import { writeSvgs } from '../fashion-mnist/plots'
import { estimate, mean, type Estimate } from '../fashion-mnist/statistics'
import {
  compare,
  groupsByStrength,
  groupsOf,
  inOrder,
  meanRateOf,
  summarize,
  type Comparison,
  type Difference,
  type Summary,
} from './comparison'
import { digestOf, finalJobs, choose, keyOf, searchJobs, type Design, type Job } from './design'
import { picturesOf } from './plots'
import { readLines, type Line } from './results'

export async function writeReport(design: Design, folder: string): Promise<string> {
  const digest = digestOf(design)
  const [search, final] = [readLines(folder, 'search', digest), readLines(folder, 'final', digest)]
  const searchState = stateOf(searchJobs(design), search)
  const chosen = searchState.there === searchState.planned ? choose(design, search) : null
  const finalState = chosen ? stateOf(finalJobs(design, chosen), final) : null
  const results = {
    design,
    processor: [...new Set([...search, ...final].map(({ processor }) => processor))],
    state: { search: searchState, final: finalState },
    search: searchTable(search),
    chosen,
    final: summarize(final),
    comparisons: compare(design, final),
    secondsPerStep: timesOf([...search, ...final]),
  }
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(results)}\n`)
  await writeSvgs(folder, picturesOf(search, final, results.comparisons))
  const says = [
    `search: ${searchState.there} of ${searchState.planned} runs`,
    finalState ? `final: ${finalState.there} of ${finalState.planned} runs` : 'final: not yet planned',
  ].join('; ')
  return [
    says,
    ...section('Validation accuracy of the search, in percent', searchRows(results.search)),
    ...section('Test, mean +- standard error (accuracy and ECE in percent)', summaryRows(results.final)),
    ...section('Paired differences, seed by seed, with 95 % intervals', comparisonRows(results.comparisons)),
    '',
    conclusionOf(design, results.comparisons),
  ].join('\n')
}

/** One sentence. */
export function conclusionOf(design: Design, comparisons: readonly Comparison[]): string {
  if (design.name !== 'full') return 'A toy, too small and too short to say anything about the methods.'
  const primary = comparisons.find(
    ({ placement, first, second }) => placement === 'all' && first === 'jumpout' && second === 'dropout',
  )
  const verdict = primary?.measures.accuracy.verdict ?? 'incomplete'
  const sentences = {
    supports:
      'The runs support the claim that jumpout is more accurate than dropout, for this net and these images.',
    refutes:
      'The runs refute the claim that jumpout is more accurate than dropout by half a point or more, for this net and these images.',
    undecided: 'Undecided: these runs cannot tell whether jumpout is more accurate than dropout.',
    incomplete: `No verdict yet: ${primary?.pairs ?? 0} of ${design.seeds.final.length} pairs of final runs are there.`,
  }
  return sentences[verdict]
}

function stateOf(jobs: readonly Job[], lines: readonly Line[]): { there: number; planned: number } {
  const keys = new Set(lines.map(keyOf))
  return { there: jobs.filter((job) => keys.has(keyOf(job))).length, planned: jobs.length }
}

type SearchRow = Pick<Line, 'placement' | 'method' | 'strength'> & {
  runs: number
  accuracy: Estimate
  nll: Estimate
  ece: Estimate
  meanRate: number
}

function searchTable(lines: readonly Line[]): SearchRow[] {
  const sorted = [...lines].sort((a, b) => a.strength - b.strength)
  return groupsByStrength(inOrder(sorted)).map((group) => ({
    placement: group[0].placement,
    method: group[0].method,
    strength: group[0].strength,
    runs: group.length,
    accuracy: estimate(group.map(({ accuracy }) => accuracy)),
    nll: estimate(group.map(({ nll }) => nll)),
    ece: estimate(group.map(({ ece }) => ece)),
    meanRate: meanRateOf(group),
  }))
}

/** By processor and method, beside whatever else ran: only methods that ran side by side may be compared. */
function timesOf(lines: readonly Line[]): Record<string, Record<string, number>> {
  const meanTime = (group: readonly Line[]) => mean(group.map(({ secondsPerStep }) => secondsPerStep))
  return Object.fromEntries(
    groupsOf(lines, ({ processor }) => processor).map((ofOne) => [
      ofOne[0].processor,
      Object.fromEntries(
        groupsOf(ofOne, ({ method }) => method).map((group) => [group[0].method, meanTime(group)]),
      ),
    ]),
  )
}

const section = (heading: string, rows: string[][]): string[] =>
  rows.length > 0 ? ['', heading, ...align(rows)] : []

const searchRows = (rows: readonly SearchRow[]): string[][] =>
  rows.map(({ placement, method, strength, runs, accuracy, nll, meanRate }) => [
    placement,
    method,
    String(strength),
    `${runs} runs`,
    percent(accuracy),
    `nll ${number(nll)}`,
    `mean rate ${meanRate.toFixed(3)}`,
  ])

const summaryRows = (rows: readonly Summary[]): string[][] =>
  rows.map(({ placement, method, strength, runs, measures }) => [
    placement,
    `${method} ${method === 'none' ? '' : strength}`,
    `${runs} runs`,
    percent(measures.accuracy),
    `nll ${number(measures.nll)}`,
    `ece ${percent(measures.ece)}`,
  ])

const comparisonRows = (rows: readonly Comparison[]): string[][] =>
  rows.map(({ placement, first, second, pairs, measures }) => [
    placement,
    `${first} - ${second}`,
    `${pairs} pairs`,
    withInterval(measures.accuracy, 100, 2),
    `nll ${withInterval(measures.nll, 1, 3)}`,
    `ece ${withInterval(measures.ece, 100, 2)}`,
    measures.accuracy.verdict,
  ])

const number = ({ mean, standardError }: Estimate, scale = 1, digits = 3): string =>
  (scale * mean).toFixed(digits) +
  (standardError === null ? '' : ` +- ${(scale * standardError).toFixed(digits)}`)

const percent = (estimate: Estimate): string => number(estimate, 100, 2)

function withInterval({ mean, interval }: Difference, scale: number, digits: number): string {
  const signed = (value: number) => {
    const text = (scale * value).toFixed(digits)
    return Number(text) === 0 ? text.replace('-', '') : Number(text) > 0 ? `+${text}` : text
  }
  return interval ? `${signed(mean)} [${interval.map(signed).join(', ')}]` : signed(mean)
}
