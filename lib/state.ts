/** What a layer is made of, as JSON can hold it. */
import { invalidType, invalidValue, outOfRange } from './errors'
import { assertOptions, optionNames } from './option-names'
import { type JumpoutOptions, SETTINGS, type Settings } from './options'
import { assertCall, assertSeed } from './seed'

/** A checkpoint of a `Jumpout` layer: 64-bit numbers are decimal strings. */
export interface JumpoutState {
  /** Of this format and of docs/numerics.md. */
  version: 1
  seed: string
  layer: number
  /** The call number of the next forward in training. */
  call: string
  options: StateOptions
}

export interface StateOptions extends JumpoutOptions {
  /** Absent where it is false. */
  reuse?: boolean | undefined
}

const STATE = optionNames<JumpoutState>(
  'a state',
  {
    version: true,
    seed: true,
    layer: true,
    call: true,
    options: true,
  },
  false,
)
const OPTIONS = optionNames<StateOptions>('a state', { ...SETTINGS, reuse: true }, false)

export interface CheckedState {
  readonly seed: bigint
  readonly layer: number
  readonly call: bigint
  /** Not yet checked; an object. */
  readonly options: StateOptions
}

export const VERSION = 1

const EXPECTED_LAYER = 'an integer >= 0'
const EXPECTED_DECIMAL = 'a decimal string'

export function readLayer(layer: unknown, argument: string): number {
  if (layer === undefined) return 0
  if (typeof layer !== 'number') throw invalidType(EXPECTED_LAYER, argument, layer)
  if (!Number.isSafeInteger(layer) || layer < 0) throw outOfRange(EXPECTED_LAYER, argument, layer)
  return layer
}

function readDecimal(value: unknown, argument: string): bigint {
  if (typeof value !== 'string') throw invalidType(EXPECTED_DECIMAL, argument, value)
  if (!/^\d{1,20}$/.test(value)) throw invalidValue(EXPECTED_DECIMAL, argument, 'another string')
  return BigInt(value)
}

export function readState(state: unknown): CheckedState {
  assertOptions(state, STATE, 'state')
  const { version, seed, layer, call, options } = state as Partial<JumpoutState>
  if (version !== VERSION) throw invalidValue(String(VERSION), 'state.version', 'another')
  assertOptions(options, OPTIONS, 'state.options')
  const checked = {
    seed: readDecimal(seed, 'state.seed'),
    layer: readLayer(layer, 'state.layer'),
    call: readDecimal(call, 'state.call'),
    options,
  }
  assertSeed(checked.seed, 'state.seed')
  assertCall(checked.call, 'state.call')
  return checked
}

/** Every option, defaults filled in, so that the state outlives a change of the defaults. */
export function optionsOf({ shape, rate, ...others }: Settings, reuse: boolean): StateOptions {
  return {
    ...others,
    ...(Number.isNaN(rate) ? {} : { rate }),
    ...(shape === undefined ? {} : { shape: [...shape.dimensions] }),
    ...(reuse ? { reuse } : {}),
  }
}
