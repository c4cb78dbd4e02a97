/** The example of the README, on memory that no array of JavaScript owns: npx tsx examples/koffi/main.mts */
import { foldIn, native } from 'jumpout'
import koffi from 'koffi'
import { load } from './jumpout.mjs'

const LENGTH = 8
const memory = koffi.alloc('float', LENGTH) as bigint // as another C library would give it
koffi.encode(memory, 'float', [1, -2, 3, 4, -5, 6, 7, -8], LENGTH)

const jumpout = load(native.library)
const saved = jumpout.forward(memory, memory, LENGTH, { seed: foldIn(2, 0), call: 0n, relu: true })
const dx = new Float32Array(LENGTH).fill(1)
jumpout.backward(dx, dx, LENGTH, saved)

console.log(`rate ${saved.group[3]}`)
console.log((koffi.decode(memory, 'float', LENGTH) as number[]).join(' '))
console.log(dx.join(' '))
koffi.free(memory)
