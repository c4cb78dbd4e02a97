/** Every error of lib: its class, its code and its whole sentence, which users search for. */
import t from 'tap'

const errors = require('../dist/errors') as typeof import('../lib/errors')
const { CudaError } = errors

type Row = [error: Error, Class: abstract new (...args: never) => Error, code: string, message: string]

const ERRORS: Record<string, Row[]> = {
  invalidType: [
    [
      errors.invalidType('a number', 'options.rate', 'x'),
      TypeError,
      'ERR_INVALID_ARG_TYPE',
      "Expected a number for options.rate, got 'x'",
    ],
  ],
  invalidValue: [
    [
      errors.invalidValue('1', 'state.version', 'another'),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      'Expected 1 for state.version, got another',
    ],
  ],
  unknownOption: [
    [
      errors.unknownOption('options', 'new Jumpout', "'sigm'", ": did you mean 'sigma'?"),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      "Expected options of new Jumpout for options, got 'sigm': did you mean 'sigma'?",
    ],
  ],
  wrongSubclass: [
    [
      errors.wrongSubclass('Lost'),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      'Expected a constructor that hands its options on to Jumpout, or a fromJSON of its own, for class Lost, got one that makes another layer',
    ],
  ],
  notCloneable: [
    [
      errors.notCloneable('a layer', 'its toJSON'),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      'Expected its toJSON for a copy or a message, got a layer',
    ],
  ],
  changedArray: [
    [
      errors.changedArray('input'),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      'Expected an array that stays as it is for input, got one that changed during the call',
    ],
  ],
  outOfRange: [
    [
      errors.outOfRange('a number >= 0', 'options.sigma', -1),
      RangeError,
      'ERR_OUT_OF_RANGE',
      'Expected a number >= 0 for options.sigma, got -1',
    ],
    [
      errors.outOfRange('32 elements', 'options.out', 'an array of 31'),
      RangeError,
      'ERR_OUT_OF_RANGE',
      'Expected 32 elements for options.out, got an array of 31',
    ],
  ],
  invalidState: [
    [
      errors.invalidState('an open stream', 'stream', 'a destroyed one'),
      Error,
      'ERR_INVALID_STATE',
      'Expected an open stream for stream, got a destroyed one',
    ],
  ],
  nativeError: [
    [
      errors.nativeError('TypeError', 'ERR_INVALID_ARG_VALUE', 'a', '', 0, false),
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      'a',
    ],
    [
      errors.nativeError('RangeError', 'ERR_OUT_OF_RANGE', 'b', '', 0, false),
      RangeError,
      'ERR_OUT_OF_RANGE',
      'b',
    ],
    [errors.nativeError('Error', 'ERR_INVALID_STATE', 'c', '', 0, false), Error, 'ERR_INVALID_STATE', 'c'],
    [
      errors.nativeError('CudaError', 'ERR_CUDA', 'd', 'cudaErrorMemoryAllocation', 2, true),
      CudaError,
      'ERR_CUDA',
      'd',
    ],
  ],
  wouldWait: [
    [
      errors.wouldWait('countActive'),
      CudaError,
      'ERR_CUDA',
      'cudaErrorStreamCaptureUnsupported (900): countActive would have to wait for a stream that is being captured',
    ],
  ],
  outOfMemory: [
    [
      errors.outOfMemory(2 ** 50),
      RangeError,
      'ERR_OUT_OF_MEMORY',
      'Expected enough free memory for a new array, got none for 1125899906842624 bytes',
    ],
  ],
  noBinary: [[errors.noBinary('none', { cause: 1 }), Error, 'ERR_NO_BINARY', 'none']],
  badEnvironment: [[errors.badEnvironment('two'), Error, 'ERR_BAD_ENVIRONMENT', 'two']],
  noTfjs: [
    [
      errors.noTfjs('@tensorflow/tfjs-core', 'jumpout/tfjs'),
      Error,
      'ERR_NO_TFJS',
      'Expected @tensorflow/tfjs-core for jumpout/tfjs, got none: install it, or load it before jumpout/tfjs',
    ],
  ],
  noSecondGradient: [
    [
      errors.noSecondGradient(),
      Error,
      'ERR_INVALID_STATE',
      'Expected gradients of the first order for jumpout, got a gradient of its gradient',
    ],
  ],
}

const OTHERS = ['CudaError', 'nameKind', 'kindOfObject', 'isObject', 'isRevoked', 'readInteger']

t.test('classes, codes and sentences', (t) => {
  t.strictSame(Object.keys(errors).sort(), [...Object.keys(ERRORS), ...OTHERS].sort(), 'all of them')
  for (const [name, rows] of Object.entries(ERRORS))
    for (const [error, Class, code, message] of rows) {
      t.equal(Object.getPrototypeOf(error), Class.prototype, `${name}: its class`)
      t.equal(error.message, message)
      const own = Object.getOwnPropertyDescriptor(error, 'code')
      t.strictSame(own, { value: code, writable: true, enumerable: true, configurable: true }, name)
    }
  t.end()
})

const fieldsOf = (cudaName: string, number: number, sticky: boolean) => ({
  cudaName,
  number,
  sticky,
  name: 'CudaError',
  code: 'ERR_CUDA',
})

t.test('what a CudaError has besides', (t) => {
  const [, , , [native]] = ERRORS.nativeError
  t.strictSame(Object.assign({}, native), fieldsOf('cudaErrorMemoryAllocation', 2, true))
  t.strictSame(
    Object.assign({}, errors.wouldWait('x')),
    fieldsOf('cudaErrorStreamCaptureUnsupported', 900, false),
  )
  t.end()
})

t.test('what caused an error', (t) => {
  t.equal(errors.noBinary('none', { cause: 1 }).cause, 1)
  t.notOk(Object.hasOwn(errors.noBinary('none'), 'cause'), 'none where none is known')
  t.end()
})
