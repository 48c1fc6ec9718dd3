/**
 * Arrays and types of values as fields of ONNX messages.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { ValueType } from '../graph/Graph.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';
import { entriesOf, type Place } from './ExternalData.ts';
import { bytes, message, text, whole } from './Fields.ts';
import { TensorProto_DataType as DataType, TensorProto_DataLocation } from './proto/onnx_pb.ts';

// -------------------------------------------------------------------------------------
// element types
// -------------------------------------------------------------------------------------

export const dataType: Readonly<Record<DType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  uint32: DataType.UINT32,
  bool: DataType.BOOL,
};

// -------------------------------------------------------------------------------------
// tensors
// -------------------------------------------------------------------------------------

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The elements' bytes, little endian: a view of the array's own memory where that is possible. */
export const rawBytes = ({ data }: NdArray): Uint8Array => {
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = data.BYTES_PER_ELEMENT;
  return littleEndian || size === 1 ? view : view.map((_, i) => view[i - (i % size) + size - 1 - (i % size)] ?? 0);
};

/** Fields of a `TensorProto`. With a place its bytes lie in a file beside the model. */
export const tensorFields = (to: BinaryWriter, name: string, array: NdArray, place?: Place): void => {
  for (const size of array.shape) whole(to, 1, size);
  whole(to, 2, dataType[array.dtype]);
  text(to, 8, name);
  if (place === undefined) bytes(to, 9, rawBytes(array));
  else {
    for (const { key, value } of entriesOf(place)) message(to, 13, () => entryFields(to, key, value));
    whole(to, 14, TensorProto_DataLocation.EXTERNAL);
  }
};

/** Fields of a `StringStringEntryProto`. */
export const entryFields = (to: BinaryWriter, key: string, value: string): void => {
  text(to, 1, key);
  text(to, 2, value);
};

// -------------------------------------------------------------------------------------
// value types
// -------------------------------------------------------------------------------------

/** Fields of a `ValueInfoProto`. A named dimension becomes a `dim_param`, `'?'` a dimension about which nothing is said. */
export const valueFields = (to: BinaryWriter, name: string, { dtype, shape }: ValueType): void => {
  const dimension = (d: Dim) => () => {
    if (typeof d === 'number') whole(to, 1, d);
    else if (d !== '?') text(to, 2, d);
  };
  text(to, 1, name);
  message(to, 2, () =>
    message(to, 1, () => {
      whole(to, 1, dataType[dtype]);
      message(to, 2, () => {
        for (const d of shape) message(to, 1, dimension(d));
      });
    }),
  );
};
