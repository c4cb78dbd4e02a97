import { buildNative, nativeUnavailable, runNative, type NativeRow } from '../native'
import { ratio, seconds, type Row } from '../report'
import type { Suite } from './index'

function describe({ elements, caches, seconds: t }: NativeRow): Row {
  const bestCopy = Math.min(t.memcpy, t.streamingCopy)
  const bestCount = Math.min(t.plainCount, t.count)
  return {
    case: { elements, caches },
    figures: {
      '(copy + count) / forward': ratio((bestCopy + bestCount) / t.forward),
      'memcpy / forward': ratio(t.memcpy / t.forward),
      'memcpy / in place': ratio(t.memcpy / t.inPlace),
      'memcpy / backward': ratio(t.memcpy / t.backward),
      'memcpy / backward from seed': ratio(t.memcpy / t.backwardFromSeed),
      'elements / channels last': ratio(t.forward / t.forwardChannelsLast),
      'elements / few channels last': ratio(t.forward / t.forwardFewChannelsLast),
      memcpy: seconds(t.memcpy),
      forward: seconds(t.forward),
      backward: seconds(t.backward),
    },
    times: t,
  }
}

export const suite: Suite = {
  summary: 'the native kernels against memcpy, streaming copies and plain counts, by length, one thread',
  unavailable: nativeUnavailable,
  measure({ quick }) {
    buildNative()
    const run = (caches: 'warm' | 'cold', powers: number[]) =>
      runNative({ lengths: powers.map((p) => 2 ** p), caches, threads: 1, budget: quick ? 0.1 : 4 })
    const rows = quick
      ? [...run('warm', [10, 14, 18]), ...run('cold', [20])]
      : [...run('warm', [10, 12, 14, 16, 18, 20, 22]), ...run('cold', [20, 21, 22, 23, 24, 25, 26])]
    return {
      title: 'Native kernels, one thread, against copying and counting',
      notes: [
        'Ratios of medians, more is better. copy: the better of memcpy and a streaming copy; count: the better of a plain',
        "vectorised loop and the library's. Default options, mask saved but where it is said; outputs reused, 64-byte aligned.",
        'channels last: samples of 4 x 4 pixels of 64 channels, dropped by channels; few: of 2 pixels of 8 channels, where patterns',
        'repeat least; elements: forward, dropped by elements.',
        'warm: the same arrays again and again. cold: all caches flushed before every call.',
      ],
      rows: rows.map(describe),
    }
  },
}
