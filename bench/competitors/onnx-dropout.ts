/** An ONNX model that is one Dropout node in training mode, written in protocol buffers by hand (onnx.proto, opset 13). */

type Field = Uint8Array

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80)
  return [...bytes, value]
}

const integer = (field: number, value: number): Field =>
  Uint8Array.from([...varint(field << 3), ...varint(value)])
const bytes = (field: number, value: Uint8Array): Field =>
  Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length), ...value])
const text = (field: number, value: string): Field => bytes(field, Buffer.from(value))
const message = (field: number, ...fields: Field[]): Field => bytes(field, Buffer.concat(fields))

// TensorProto.DataType
const FLOAT = 1
const BOOL = 9

/** A value of one dimension whose length is called n. */
const value = (field: number, name: string, type: number): Field =>
  message(
    field,
    text(1, name),
    message(2, message(1, integer(1, type), message(2, message(1, text(2, 'n'))))),
  )

const scalar = (name: string, type: number, raw: Uint8Array): Field =>
  message(5, integer(2, type), text(8, name), bytes(9, raw))

/** Inputs: `x`. Outputs: `y` and the boolean `mask`, which a training step needs. */
export function onnxDropout(rate: number): Uint8Array {
  const node = message(
    1,
    ...['x', 'ratio', 'training'].map((name) => text(1, name)),
    ...['y', 'mask'].map((name) => text(2, name)),
    text(4, 'Dropout'),
  )
  const graph = message(
    7,
    node,
    text(2, 'dropout'),
    scalar('ratio', FLOAT, new Uint8Array(Float32Array.of(rate).buffer)),
    scalar('training', BOOL, Uint8Array.of(1)),
    value(11, 'x', FLOAT),
    value(12, 'y', FLOAT),
    value(12, 'mask', BOOL),
  )
  return Buffer.concat([integer(1, 7), graph, message(8, text(1, ''), integer(2, 13))])
}
