/** Memory on the host from inside, where no result of a call shows it: what is kept, where masks lie, how arrays are aligned. */
import { release } from 'jumpout'
import t from 'tap'

const { allocate, freshMask, freshOutput, outOfSlab, ownMask } =
  require('../dist/host/memory') as typeof import('../lib/host/memory')
const { native } = require('../dist/native') as typeof import('../lib/native')

const LINE = 64
const MIB = 2 ** 20 / Float32Array.BYTES_PER_ELEMENT

t.test('what is kept of what was released', (t) => {
  const give = (length: number) => release(new Float32Array(length).fill(7))
  /** Above 32 MiB, memory that was not kept is cleared. */
  const isKept = (length: number) => freshOutput(length)[0] === 7

  give(128 * MIB)
  t.ok(isKept(128 * MIB), 'the largest, in place of all others')
  t.notOk(isKept(128 * MIB), 'once')
  give(128 * MIB + 1)
  t.notOk(isKept(128 * MIB + 1), 'a larger one')

  give(128 * MIB)
  give(4095)
  t.ok(isKept(128 * MIB), 'beside one that is too small to keep')
  give(127 * MIB)
  give(4096)
  give(MIB - 4096)
  t.ok(isKept(127 * MIB), 'as many as there is room for')
  t.ok(isKept(4096))
  t.ok(isKept(MIB - 4096))

  give(64 * MIB)
  give(63 * MIB)
  give(2 * MIB)
  t.notOk(isKept(64 * MIB), 'the oldest length goes')
  t.ok(isKept(63 * MIB), 'and no other')
  t.ok(isKept(2 * MIB))

  give(40 * MIB)
  give(41 * MIB)
  give(40 * MIB)
  give(8 * MIB)
  t.notOk(isKept(41 * MIB), 'a length that was released again is no longer the oldest')
  t.ok(isKept(40 * MIB))
  t.ok(isKept(40 * MIB), 'both of its arrays')
  t.notOk(isKept(40 * MIB))
  t.ok(isKept(8 * MIB))

  give(50 * MIB)
  give(50 * MIB)
  give(50 * MIB)
  t.ok(isKept(50 * MIB), 'of one length, one goes')
  t.ok(isKept(50 * MIB))
  t.notOk(isKept(50 * MIB))
  t.end()
})

t.test('an output spans its buffer, on both sides of each limit', (t) => {
  for (const length of [0, 1, 4095, 4096, 32_767, 32_768, 8 * MIB, 8 * MIB + 1]) {
    const output = freshOutput(length)
    t.equal(output.length, length)
    t.equal(output.buffer.byteLength, 4 * length, `${length}`)
  }
  t.end()
})

t.test('allocate aligns to 64 bytes', (t) => {
  for (const length of [0, 1, 100, 4079, 4080, 4081, 100_000, 8 * MIB]) {
    const array = allocate(length)
    t.equal(array.length, length)
    t.equal(native.padding(array), 0, `${length} elements`)
  }
  t.end()
})

t.test('masks lie in slabs, in lines of their own', (t) => {
  for (const lines of [1, 2, 7, 30, 31, 60]) {
    const [least, most] = [512 * (lines - 1) + 1, 512 * lines]
    const masks = Array.from({ length: 100 }, (_, i) => freshMask(i % 2 === 0 ? least : most))
    const used = new Set<string>()
    for (const [i, { buffer, byteOffset, length }] of masks.entries()) {
      if (length !== Math.ceil((i % 2 === 0 ? least : most) / 32)) t.fail(`${length} words`)
      if (byteOffset % (lines * LINE) !== 0) t.fail(`a mask of ${lines} lines at ${byteOffset}`)
      if (buffer.byteLength !== (1 + Math.floor(60 / lines)) * lines * LINE)
        t.fail(`a slab of ${buffer.byteLength} bytes`)
      used.add(`${[...new Set(masks.map((mask) => mask.buffer))].indexOf(buffer)} ${byteOffset}`)
    }
    t.equal(used.size, masks.length, `${lines} lines: each has its place`)
  }
  t.end()
})

t.test('masks that are empty or long have their own buffers', (t) => {
  for (const length of [0, 512 * 60 + 1, 100_000]) {
    const mask = freshMask(length)
    t.equal(mask.length, Math.ceil(length / 32))
    t.equal(mask.buffer.byteLength, mask.byteLength, `${length}`)
    t.equal(outOfSlab(mask), mask, 'which stay theirs')
  }
  const own = ownMask(33)
  t.equal(own.length, 2)
  t.equal(outOfSlab(own), own)
  const cut = freshMask(33).fill(5)
  const copy = outOfSlab(cut)
  t.strictSame([...copy], [5, 5])
  t.equal(copy.buffer.byteLength, 8, 'a mask in a slab is copied out of it')
  t.end()
})

t.test('a slab that was detached is replaced', (t) => {
  const mask = freshMask(33)
  structuredClone(0, { transfer: [mask.buffer as ArrayBuffer] })
  t.strictSame([mask.length, freshMask(33).length], [0, 2])
  t.end()
})
