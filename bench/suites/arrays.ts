import { countActive, jumpoutBackward, jumpoutForward } from 'jumpout'
import { checkAgainstReference } from '../check'
import { coldFrom, flushCaches, randomArray, reusedArray } from '../data'
import { effort, interleave } from '../measure'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

const seed = 1

async function measureLength(n: number, quick: boolean): Promise<Row> {
  const input = randomArray(n)
  checkAgainstReference(input, seed)
  const cold = n >= coldFrom
  const out = reusedArray(n)
  const inPlace = reusedArray(n)
  const mask = new Uint32Array(Math.ceil(n / 32))
  const { saved } = jumpoutForward(input, { seed, out, mask: mask.slice() })
  const { saved: redrawn } = jumpoutForward(input, { seed, out, saveMask: false })

  const times = await interleave(
    [
      {
        name: 'copy',
        run: () => {
          out.set(input)
        },
      },
      { name: 'count', run: () => countActive(input) },
      { name: 'forward', run: (call) => jumpoutForward(input, { seed, call, out, mask }) },
      {
        name: 'in place',
        prepare: () => {
          inPlace.set(input)
        },
        run: (call) => jumpoutForward(inPlace, { seed, call, out: inPlace, mask }),
      },
      { name: 'backward', run: () => jumpoutBackward(input, saved, { out }) },
      { name: 'backward from seed', run: () => jumpoutBackward(input, redrawn, { out }) },
    ],
    effort(quick),
    cold ? flushCaches : undefined,
  )
  return {
    case: { elements: n, caches: cold ? 'cold' : 'warm' },
    figures: {
      // On small arrays countActive is mostly the call, which says nothing about counting.
      ...(cold && { '(copy + count) / forward': ratio((times.copy + times.count) / times.forward) }),
      'copy / forward': ratio(times.copy / times.forward),
      // Below this length the untimed restoring of the input is as long as the call, and one call is hard to time.
      ...(n >= 1 << 16 && { 'copy / in place': ratio(times.copy / times['in place']) }),
      'copy / backward': ratio(times.copy / times.backward),
      'copy / backward from seed': ratio(times.copy / times['backward from seed']),
      copy: seconds(times.copy),
      forward: seconds(times.forward),
      backward: seconds(times.backward),
    },
    times,
  }
}

export const suite: Suite = {
  summary: 'jumpout from JavaScript against Float32Array.set, by length, one thread',
  environment: { JUMPOUT_NUM_THREADS: '1' },
  async measure({ quick }) {
    const powers = quick ? [10, 14, 18, 20] : [10, 12, 14, 16, 18, 20, 22, 24, 26]
    const rows: Row[] = []
    for (const power of powers) rows.push(await measureLength(2 ** power, quick))
    return {
      title: 'From JavaScript, one thread, against copying the array',
      notes: [
        'Ratios of medians, more is better: copy is Float32Array.set, count is countActive.',
        'Default options, mask saved, outputs reused and 64-byte aligned. From 1M elements on the caches are flushed before every call.',
      ],
      rows,
    }
  },
}
