/** npm run train compares its runs with the published ones: the comparison, without training. */
import t from 'tap'
import { parseOptions, type Options } from '../examples/fashion-mnist/options'
import {
  compareWithPublished,
  PUBLISHED,
  readPublished,
  type Comparable,
} from '../examples/fashion-mnist/published'

const optionsOf = (...args: string[]): Options => {
  const options = parseOptions(args)
  if (options === null) throw new Error('help')
  return options
}

t.test('the published run', async (t) => {
  const published = await readPublished()
  const own = (changes: Partial<Comparable>): Comparable => ({
    options: optionsOf(),
    runs: published.runs,
    ...changes,
  })
  const compared = (changes: Partial<Comparable>) => compareWithPublished(own(changes), published)
  const { runs } = published
  t.equal(runs.length, 30)
  t.equal(new Set(runs.map((run) => run.parametersSha256)).size, 30, 'each seed and method its own bits')

  t.equal(compared({}), 'same bits as the published run (30 of its 30 runs compared)')
  t.equal(
    compared({ options: optionsOf('--workers', '7', '--out', 'elsewhere') }),
    compared({}),
    'threads and folder do not matter',
  )
  t.equal(
    compared({ options: optionsOf('--seeds', '2', '--method', 'jumpout'), runs: [runs[5], runs[2]] }),
    'same bits as the published run (2 of its 30 runs compared)',
    'a part',
  )
  const later = { ...runs[0], seed: 10 }
  t.equal(compared({ runs: [...runs, later] }), compared({}), 'seeds that were not published')
  const wrong = runs.map((run, i) => (i === 2 || i === 28 ? { ...run, parametersSha256: '0' } : run))
  t.equal(
    compared({ runs: wrong }),
    `other bits than the published run (30 of its 30 runs compared): ${runs[2].method}, seed ${runs[2].seed}; ` +
      `${runs[28].method}, seed ${runs[28].seed}`,
  )
  t.equal(
    compared({ options: optionsOf('--images', '200', '--batch-norm') }),
    'not comparable with the published run: images 200, there 1000; batchNorm true, there false',
  )
  t.match(compared({ runs: [later] }), /^not comparable with the published run: it has none/)
})

t.test('only --publish writes to tracked files', (t) => {
  t.not(optionsOf().out, PUBLISHED)
  t.equal(optionsOf('--publish').out, PUBLISHED)
  t.throws(() => optionsOf('--publish', '--out', 'elsewhere'), { message: /--publish chooses/ })
  t.end()
})
