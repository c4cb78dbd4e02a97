/** The errors of this package: a standard class, a stable `code`, and a sentence of one form. */
import { isPromise, isProxy } from 'node:util/types'

/** The values of `error.code`, which are stable; docs/guide.md, Error codes, has causes and remedies. */
export type ErrorCode =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_INVALID_ARG_VALUE'
  | 'ERR_OUT_OF_RANGE'
  | 'ERR_INVALID_STATE'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_BAD_ENVIRONMENT'
  | 'ERR_NO_BINARY'
  | 'ERR_NO_TENSORFLOW'
  | 'ERR_NO_TFJS'
  | 'ERR_CUDA'
  | 'ERR_INTERNAL'

const LONGEST_STRING = 40
/** Printing a bigint takes time that grows faster than its length. */
const LARGEST_BIGINT = 2n ** 128n

/** 'Float32Array' and the like, from the array itself: neither a subclass nor a prototype can change it. */
const kindOfArray = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as () => string | undefined

const kinds: ((value: object) => string | undefined)[] = []

/** Registers how a class of this package tells its own instances, without running a caller's code. */
export const nameKind = (kindOf: (value: object) => string | undefined): void => void kinds.push(kindOf)

/** The kind of an instance of this package's classes; undefined for other objects. */
export function kindOfObject(value: object): string | undefined {
  for (const kindOf of kinds) {
    const kind = kindOf(value)
    if (kind !== undefined) return kind
  }
  return undefined
}

/** Every use of a revoked proxy throws an error of the engine, also this one, which runs no code of a caller. */
export function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value)
    return false
  } catch {
    return true
  }
}

/** An object that can be read: the condition of every argument that is a bag of properties. */
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !isRevoked(value)

function bigintInWords(value: bigint): string {
  if (value > LARGEST_BIGINT) return 'a bigint above 2^128'
  return value < -LARGEST_BIGINT ? 'a bigint below -2^128' : `${value}n`
}

/** A value in a few words, without running code of the value, such as toString or a trap. */
function inWords(value: unknown): string {
  if (value === null) return 'null'
  const kind = kindOfArray.call(value)
  if (kind !== undefined) return `${/^I/.test(kind) ? 'an' : 'a'} ${kind}`
  if (!isProxy(value) && Array.isArray(value)) return `an array of ${value.length}`
  switch (typeof value) {
    case 'undefined':
    case 'number':
    case 'boolean':
      return String(value)
    case 'bigint':
      return bigintInWords(value)
    case 'string':
      return value.length > LONGEST_STRING ? `a string of ${value.length} characters` : `'${value}'`
    case 'object':
      return kindOfObject(value) ?? (isPromise(value) ? 'a Promise' : 'an object')
    default:
      return `a ${typeof value}`
  }
}

const sentence = (expected: string, argument: string, got: string): string =>
  `Expected ${expected} for ${argument}, got ${got}`

/** Defined, since an accessor of Object.prototype would take what is assigned. */
function coded<E extends Error>(error: E, value: ErrorCode): E {
  const property = { __proto__: null, value, configurable: true, enumerable: true, writable: true }
  return Object.defineProperty(error, 'code', property)
}

/** A value of the wrong kind, or a missing one. */
export const invalidType = (expected: string, argument: string, value: unknown): TypeError =>
  coded(new TypeError(sentence(expected, argument, inWords(value))), 'ERR_INVALID_ARG_TYPE')

/** A value of the right kind that the call cannot use; `got` is in words. */
export const invalidValue = (expected: string, argument: string, got: string): TypeError =>
  coded(new TypeError(sentence(expected, argument, got)), 'ERR_INVALID_ARG_VALUE')

/** A name that is no option of `place`; `got` and `hint` are in words. */
export const unknownOption = (argument: string, place: string, got: string, hint: string): TypeError =>
  invalidValue(`options of ${place}`, argument, `${got}${hint}`)

/** A subclass that `fromJSON` cannot make, since its constructor does not pass its options to Jumpout. */
export const wrongSubclass = (name: string): TypeError =>
  invalidValue(
    'a constructor that hands its options on to Jumpout, or a fromJSON of its own,',
    `class ${name}`,
    'one that makes another layer',
  )

/** `structuredClone`, `postMessage` or JSON of an object that they would make an empty copy of. */
export const notCloneable = (what: string, instead: string): TypeError =>
  invalidValue(instead, 'a copy or a message', what)

/** A number outside its range; `got` is the number, or words about a length. */
export const outOfRange = (expected: string, argument: string, got: number | bigint | string): RangeError =>
  coded(
    new RangeError(sentence(expected, argument, typeof got === 'string' ? got : inWords(got))),
    'ERR_OUT_OF_RANGE',
  )

/** An array that a getter or another code of the caller has changed since it was checked. */
export const changedArray = (argument: string): TypeError =>
  invalidValue('an array that stays as it is', argument, 'one that changed during the call')

/** An integer from 0 to `largest`. */
export function readInteger(
  value: unknown,
  expected: string,
  argument: string,
  largest = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number') throw invalidType(expected, argument, value)
  if (!Number.isInteger(value) || value < 0 || value > largest) throw outOfRange(expected, argument, value)
  return value
}

/** A method called in the wrong state of its object. */
export const invalidState = (expected: string, argument: string, got: string): Error =>
  coded(new Error(sentence(expected, argument, got)), 'ERR_INVALID_STATE')

/** An error of CUDA, or a call that would have to wait for a stream that is being captured. */
export class CudaError extends Error {
  /** 'CudaError'. */
  override readonly name = 'CudaError'
  /** The {@link ErrorCode} of every error of CUDA. */
  readonly code = 'ERR_CUDA'

  /** Made by this package; a caller has no use for it. */
  constructor(
    /** The name and the number of the cudaError_t, and what failed. */
    message: string,
    /** The name of the cudaError_t: `cudaErrorMemoryAllocation`. */
    readonly cudaName: string,
    /** The number of the cudaError_t: 2. */
    readonly number: number,
    /** Whether the device is lost to this process: every further call on it will fail. */
    readonly sticky: boolean,
  ) {
    super(message)
  }
}

/** The error classes that the native part names. */
export type NativeErrorClass = 'Error' | 'TypeError' | 'RangeError' | 'CudaError'

/**
 * Makes an error of the native part, which gives everything but the class itself: that belongs to the realm of lib. `cuda` is
 * read for a CudaError alone.
 */
export function nativeError(
  errorClass: NativeErrorClass,
  code: ErrorCode,
  message: string,
  ...cuda: [cudaName: string, number: number, sticky: boolean]
): Error {
  switch (errorClass) {
    case 'TypeError':
      return coded(new TypeError(message), code)
    case 'RangeError':
      return coded(new RangeError(message), code)
    case 'CudaError':
      return new CudaError(message, ...cuda)
    default:
      return coded(new Error(message), code)
  }
}

/** The same error as the binding's. */
export const wouldWait = (what: string): CudaError => {
  const name = 'cudaErrorStreamCaptureUnsupported'
  return new CudaError(
    `${name} (900): ${what} would have to wait for a stream that is being captured`,
    name,
    900,
    false,
  )
}

/** The engine or the system refused an allocation of `bytes`. */
export const outOfMemory = (bytes: number): RangeError =>
  coded(
    new RangeError(sentence('enough free memory', 'a new array', `none for ${bytes} bytes`)),
    'ERR_OUT_OF_MEMORY',
  )

/** The native part is missing or cannot be used. */
export const noBinary = (message: string, options?: ErrorOptions): Error =>
  coded(new Error(message, options), 'ERR_NO_BINARY')

/** A variable of the environment has a value that the native part cannot use. */
export const badEnvironment = (message: string): Error => coded(new Error(message), 'ERR_BAD_ENVIRONMENT')

/** TensorFlow.js is missing, or a part of it; `place` needs it. */
export const noTfjs = (name: string, place: string): Error =>
  coded(
    new Error(`${sentence(name, place, 'none')}: install it, or load it before jumpout/tfjs`),
    'ERR_NO_TFJS',
  )

/** A gradient of a gradient, which is not defined here. */
export const noSecondGradient = (): Error =>
  invalidState('gradients of the first order', 'jumpout', 'a gradient of its gradient')
