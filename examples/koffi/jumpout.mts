/**
 * jumpout.h by koffi: for memory that another C library owns and JavaScript knows by its address, or where the C library is
 * there and the addon is not. On arrays of JavaScript the package itself is simpler and faster.
 */
import koffi from 'koffi'

/** The structs of jumpout.h: mirrored here and nowhere else; test/99 compares them with the header. */
const options = koffi.struct('jumpout_options', {
  sigma: 'double',
  p_min: 'double',
  p_max: 'double',
  rate: 'double',
  max_rate: 'double',
  exponent: 'double',
  normalize: 'int32_t',
  relu: 'int32_t',
})
const layout = koffi.struct('jumpout_layout', {
  element_offset: 'uint64_t',
  group_size: 'uint64_t',
  unit_size: 'uint64_t',
  channels: 'uint64_t',
})
const forwardArgs = koffi.struct('jumpout_forward_args', {
  input: 'void *',
  output: 'void *',
  mask: 'void *',
  groups: 'void *',
  length: 'size_t',
  group_count: 'size_t',
  layout,
  options,
  seed: 'uint64_t',
  call: 'uint64_t',
  counted: 'int32_t',
})
const backwardArgs = koffi.struct('jumpout_backward_args', {
  grad_output: 'void *',
  grad_input: 'void *',
  mask: 'void *',
  output: 'void *',
  groups: 'void *',
  length: 'size_t',
  group_count: 'size_t',
  layout,
  seed: 'uint64_t',
  call: 'uint64_t',
  relu: 'int32_t',
})
export const structs = [options, layout, forwardArgs, backwardArgs]

/** jumpout_group, as doubles: active, total, rate, effective rate, scale. */
const GROUP = 5

/** An address, or an array of JavaScript. */
export type Memory = bigint | Float32Array

export interface Draw {
  readonly seed: bigint
  readonly call: bigint
  /** ReLU first, in the same pass. */
  readonly relu: boolean
}

/** What backward needs of a forward. */
export interface Saved extends Draw {
  readonly mask: Uint32Array
  /** One row: active, total, rate, effective rate, scale. */
  readonly group: Float64Array
}

/** Addresses are taken at their word. */
function assertHolds(memory: Memory, length: number): void {
  if (typeof memory !== 'bigint' && memory.length < length)
    throw new RangeError(`Expected an array of at least ${length} floats, got one of ${memory.length}`)
}

/** @param path `require('jumpout').native.library`, or the library that CMake installed */
export function load(path: string) {
  const library = koffi.load(path)
  const statusText = library.func('const char *jumpout_status_text(int)')
  const statusField = library.func('const char *jumpout_status_field()')
  const defaultOptions = library.func('jumpout_options jumpout_default_options()')
  const run = (name: string) => {
    const call = library.func(`int ${name}(const ${name}_args *)`)
    return (args: object): void => {
      const status = call(args) as number
      if (status !== 0) throw new Error(`${name}: ${statusText(status)} (${statusField()})`)
    }
  }
  const runForward = run('jumpout_forward')
  const runBackward = run('jumpout_backward')
  /** A whole tensor with one rate, dropped element by element. */
  const whole = { element_offset: 0, group_size: 0, unit_size: 1, channels: 0 }

  return {
    /** `length` floats from `input` to `output`, which may be the same. */
    forward(input: Memory, output: Memory, length: number, { seed, call, relu }: Draw): Saved {
      assertHolds(input, length)
      assertHolds(output, length)
      const mask = new Uint32Array(Math.ceil(length / 32))
      const group = new Float64Array(GROUP)
      runForward({
        input,
        output,
        mask,
        groups: group,
        length,
        group_count: 1,
        layout: whole,
        options: { ...(defaultOptions() as object), relu: relu ? 1 : 0 },
        seed,
        call,
        counted: 0,
      })
      return { mask, group, seed, call, relu }
    },

    /** `length` floats from `gradOutput` to `gradInput`, which may be the same. */
    backward(gradOutput: Memory, gradInput: Memory, length: number, saved: Saved): void {
      assertHolds(gradOutput, length)
      assertHolds(gradInput, length)
      runBackward({
        grad_output: gradOutput,
        grad_input: gradInput,
        mask: saved.mask,
        output: null,
        groups: saved.group,
        length,
        group_count: 1,
        layout: whole,
        seed: saved.seed,
        call: saved.call,
        relu: saved.relu ? 1 : 0,
      })
    },
  }
}
