/** guest.ts HOST WAY: beside another addon, test/programs/guest/host.c. Prints 'done' where all went well. */
import { deepStrictEqual, strictEqual } from 'node:assert'
import { jumpoutBackward, jumpoutForward, jumpoutForwardAsync } from 'jumpout'

interface Host {
  flush(): void
  unflush(): number
  flushPool(threads: number): void
}

const [, , path, way] = process.argv
const host = require(path) as Host

const LENGTHS = [1, 1000, 2_000_000]
const SUBNORMAL = 1e-40

/** A third subnormal, a third negative, with all that must not depend on the caller's thread. */
const inputOf = (length: number) => Float32Array.from({ length }, (_, i) => [SUBNORMAL, -1, i + 1][i % 3])

const bytes = (array: Float32Array | Uint32Array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength)

function same(a: Float32Array | Uint32Array, b: Float32Array | Uint32Array, what: string) {
  strictEqual(Buffer.compare(bytes(a), bytes(b)), 0, what)
}

/** In the main thread, whose environment is the host's again after every call. */
function floats() {
  for (const length of LENGTHS) {
    const input = inputOf(length)
    const out = new Float32Array(length)
    const gradient = new Float32Array(length)
    const wanted = jumpoutForward(input, { seed: 1, relu: true })
    const wantedGradient = jumpoutBackward(input, wanted.saved)
    host.flush()
    const { saved } = jumpoutForward(input, { seed: 1, relu: true, out })
    jumpoutBackward(input, saved, { out: gradient })
    strictEqual(host.unflush(), 1, 'the environment is as the host had set it')
    deepStrictEqual(saved.stats(), wanted.saved.stats())
    strictEqual(saved.stats()[0].active, length - Math.floor((length + 1) / 3), 'subnormals are active')
    same(out, wanted.output, 'output')
    same(saved.mask as Uint32Array, wanted.saved.mask as Uint32Array, 'mask')
    same(gradient, wantedGradient, 'gradient')
  }
}

async function asyncFloats() {
  host.flushPool(4) // Node's pool has four threads
  for (const length of LENGTHS) {
    const input = inputOf(length)
    const wanted = jumpoutForward(input, { seed: 1 })
    const results = await Promise.all([1, 2, 3, 4].map(() => jumpoutForwardAsync(input, { seed: 1 })))
    for (const { output, saved } of results) {
      same(output, wanted.output, 'output')
      deepStrictEqual(saved.stats(), wanted.saved.stats())
    }
  }
}

const ways: Record<string, () => void | Promise<void>> = { floats, asyncFloats }

Promise.resolve(ways[way]()).then(
  () => console.log('done'),
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
