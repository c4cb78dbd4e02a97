/** The catalogue of the load, made by plain calls, one after the other, while nothing else runs. */
import fc from 'fast-check'
import { type CallOptions, DeviceArray, foldIn, jumpoutBackward, jumpoutForward } from 'jumpout'
import { inputKinds, makeGradient, makeInput, uniform } from '../inputs'
import { randomCases } from '../properties'
import { type Case, type Catalogue, DTYPES, type Expected, type LayerCase, optionsOf, statsOf } from './cases'

function shared<T extends Float32Array | Uint32Array>(values: T): T {
  const Type = values.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new Type(new SharedArrayBuffer(values.byteLength))
  copy.set(values)
  return copy
}

function plain(input: Float32Array, gradient: Float32Array, call: CallOptions): Expected {
  const { output, saved } = jumpoutForward(input, call)
  return {
    output: shared(output),
    mask: shared(saved.mask as Uint32Array),
    gradient: shared(jumpoutBackward(gradient, saved)),
    stats: statsOf(saved),
  }
}

function plainOnDevice(
  input: Float32Array,
  gradient: Float32Array,
  call: Case['call'],
  dtype: (typeof DTYPES)[number],
): Expected {
  const { output, saved } = jumpoutForward(DeviceArray.from(input, { dtype }), optionsOf(call))
  return {
    output: shared(output.toHost()),
    mask: shared((saved.mask as unknown as DeviceArray<'uint32'>).toHost()),
    gradient: shared(jumpoutBackward(DeviceArray.from(gradient, { dtype }), saved).toHost()),
    stats: statsOf(saved),
  }
}

type Inputs = Pick<Case, 'call' | 'input' | 'gradient'>

/** Larger ones: their lengths are spread evenly over the powers of two. */
function largeCases(seed: number, count: number, longest: number): Inputs[] {
  const next = uniform(seed)
  return Array.from({ length: count }, (_, i) => {
    const length = Math.round(4096 * (longest / 4096) ** ((i + next()) / count))
    const rows = 1 + Math.floor(8 * next())
    const shape = [rows, 4, Math.ceil(length / rows / 4)]
    const elements = 4 * shape[0] * shape[2]
    return {
      input: makeInput(elements, inputKinds[i % 3], i + seed),
      gradient: makeGradient(elements, i + seed),
      call: {
        seed: BigInt(i),
        call: BigInt(seed),
        shape,
        relu: next() < 0.5,
        sigma: next(),
        granularity: next() < 0.3 ? 'sample' : 'batch',
        unit: next() < 0.3 ? 'channel' : 'element',
        dataFormat: next() < 0.5 ? 'channelsLast' : 'channelsFirst',
      },
    }
  })
}

const smallCases = (seed: number, numRuns: number): Inputs[] =>
  fc
    .sample(randomCases, { seed, numRuns })
    .map(({ call, input, gradOutput }) => ({ call: call as Case['call'], input, gradient: gradOutput }))

const STEPS = 6

/** Layers of several lengths: the options of a case, and other inputs for each step. */
function layerOf(
  { call: { call: _, ...settings }, input }: Inputs,
  layer: number,
  device: boolean,
): LayerCase {
  const seed = BigInt(settings.seed)
  return {
    options: { ...settings, layer, reuse: layer % 2 === 0 },
    steps: Array.from({ length: STEPS }, (_, step) =>
      finished(
        {
          input: makeInput(input.length, inputKinds[step], layer),
          gradient: makeGradient(input.length, step),
          call: { ...settings, seed: foldIn(seed, layer), call: BigInt(step) },
        },
        device,
      ),
    ),
  }
}

function finished({ call, input, gradient }: Inputs, device: boolean): Case {
  const [x, g] = [shared(input), shared(gradient)]
  const on = (dtype: (typeof DTYPES)[number]) => [dtype, plainOnDevice(x, g, call, dtype)] as const
  return {
    call,
    input: x,
    gradient: g,
    expected: plain(x, g, call),
    ...(device && { onDevice: Object.fromEntries(DTYPES.map(on)) as Case['onDevice'] }),
  }
}

/** Made by plain calls, one after the other, while nothing else runs. */
export function makeCatalogue(seed: number, longest: number, device: boolean): Catalogue {
  const small = smallCases(seed, 48)
  const large = largeCases(seed, 12, longest)
  return {
    cases: [
      ...small.map((inputs) => finished(inputs, device)),
      ...large.map((inputs) => finished(inputs, false)),
    ],
    layers: [
      ...small.slice(0, 3).map((inputs, layer) => layerOf(inputs, layer, device)),
      ...[large[0], large[4]].map((inputs, layer) => layerOf(inputs, 3 + layer, false)),
    ],
  }
}
