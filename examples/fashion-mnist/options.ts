import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { TRAINING_IMAGES } from './data'
import { PUBLISHED } from './published'

export const METHODS = ['none', 'dropout', 'jumpout'] as const
export type Method = (typeof METHODS)[number]

export interface Options {
  methods: Method[]
  sigma: number
  rate: number
  draw: boolean
  normalize: boolean
  exponent: number
  seeds: number
  images: number
  epochs: number
  batch: number
  learningRate: number
  width: number
  batchNorm: boolean
  standardize: boolean
  workers: number
  out: string
}

/** A flag that does not fit: the message is for the user, and the program ends with code 2. */
export class UsageError extends Error {}

/** Not tracked: a run leaves the checkout as it was. */
const DEFAULT_OUT = join(__dirname, 'out')
/** docs/numerics.md, Terms: the largest rate that 16-bit thresholds can express. */
const LARGEST_RATE = 65535 / 65536

export const USAGE = `Trains a ReLU net on Fashion-MNIST without dropout, with plain dropout and with jumpout.

Usage: npm run train -- [flags]

Methods
  --method <list>       which to compare: none, dropout, jumpout, separated by commas (all three)
  --rate <p>            rate of plain dropout, and of jumpout with --no-draw (0.2)
  --sigma <s>           jumpout: standard deviation of the half-Gaussian its rates come from (0.1)
  --no-draw             jumpout without modification I: the fixed --rate instead of a drawn one
  --no-normalize        jumpout without modification II: rates not divided by the active fraction
  --exponent <e>        jumpout, modification III: survivors are scaled by (1 - p)^-e; 1 as plain dropout (0.75)

Training
  --seeds <n>           runs of each method, seeds 0 to n - 1; a seed fixes images, weights, order, masks (10)
  --images <n>          training images, drawn anew for each seed (1000)
  --epochs <n>          passes over them (30)
  --batch <n>           images per step (32)
  --learning-rate <r>   of gradient descent with momentum 0.9, falling to 0 along half a cosine (0.01)
  --width <n>           units in each of the two hidden layers (128)
  --batch-norm          batch normalisation before each ReLU
  --no-standardize      pixels as fractions of 255, not standardised to mean 0 and variance 1

Program
  --workers <n>         threads, one run each at a time; the numbers do not depend on it (one per core)
  --out <folder>        where results.json and the pictures go (${relative(process.cwd(), DEFAULT_OUT)})
  --publish             write them to ${relative(process.cwd(), PUBLISHED)} instead, where the published run is tracked
  --help                this text
`

/** The options that the command line asks for, or null for --help. Throws a UsageError. */
export function parseOptions(args: readonly string[]): Options | null {
  const values = parse(args)
  if (values.help) return null
  if (values.publish && values.out !== undefined)
    throw new UsageError('--publish chooses the folder; leave out --out')
  return {
    methods: methods(values.method),
    sigma: number('sigma', values.sigma, { min: 0 }),
    rate: number('rate', values.rate, { min: 0, max: LARGEST_RATE }),
    draw: !values['no-draw'],
    normalize: !values['no-normalize'],
    exponent: number('exponent', values.exponent, { min: 0 }),
    seeds: wholeNumber('seeds', values.seeds),
    images: wholeNumber('images', values.images, TRAINING_IMAGES),
    epochs: wholeNumber('epochs', values.epochs),
    batch: wholeNumber('batch', values.batch, TRAINING_IMAGES),
    learningRate: number('learning-rate', values['learning-rate'], { min: 0 }),
    width: wholeNumber('width', values.width, 8192),
    batchNorm: values['batch-norm'],
    standardize: !values['no-standardize'],
    workers: wholeNumber('workers', values.workers ?? String(availableParallelism()), 256),
    out: values.publish ? PUBLISHED : (values.out ?? DEFAULT_OUT),
  }
}

/** Batches, the last of an epoch perhaps smaller, over all epochs. */
export function stepsPerRun({ images, batch, epochs }: Options): number {
  return Math.ceil(images / batch) * epochs
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        method: { type: 'string', default: METHODS.join(',') },
        rate: { type: 'string', default: '0.2' },
        sigma: { type: 'string', default: '0.1' },
        'no-draw': { type: 'boolean', default: false },
        'no-normalize': { type: 'boolean', default: false },
        exponent: { type: 'string', default: '0.75' },
        seeds: { type: 'string', default: '10' },
        images: { type: 'string', default: '1000' },
        epochs: { type: 'string', default: '30' },
        batch: { type: 'string', default: '32' },
        'learning-rate': { type: 'string', default: '0.01' },
        width: { type: 'string', default: '128' },
        'batch-norm': { type: 'boolean', default: false },
        'no-standardize': { type: 'boolean', default: false },
        workers: { type: 'string' },
        out: { type: 'string' },
        publish: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function methods(list: string): Method[] {
  const names = list.split(',').map((name) => name.trim())
  const isMethod = (name: string): name is Method => (METHODS as readonly string[]).includes(name)
  const unknown = names.find((name) => !isMethod(name))
  if (unknown !== undefined) throw new UsageError(`--method takes ${METHODS.join(', ')}, not '${unknown}'`)
  return METHODS.filter((method) => names.includes(method))
}

function number(flag: string, text: string, { min, max = Infinity }: { min: number; max?: number }): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < min || value > max) {
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`
    throw new UsageError(`--${flag} takes a number ${range}, not '${text}'`)
  }
  return value
}

export function wholeNumber(flag: string, text: string, max = 1_000_000): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > max) {
    throw new UsageError(`--${flag} takes a whole number from 1 to ${max}, not '${text}'`)
  }
  return Number(text)
}
