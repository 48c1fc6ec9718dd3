/**
 * Arrays and value types as ONNX messages.
 */
import { create } from '@bufbuild/protobuf';
import type { ValueType } from '../graph/Graph.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import type { Dim } from '../shape/Shape.ts';
import { entriesOf, type Place } from './ExternalData.ts';
import {
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './proto/onnx_pb.ts';

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

export const tensorProto = (name: string, array: NdArray): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: array.shape.map(BigInt),
    dataType: dataType[array.dtype],
    rawData: rawBytes(array),
  });

/** A tensor whose bytes lie in a file beside the model. */
export const externalTensor = (name: string, array: NdArray, place: Place): TensorProto =>
  create(TensorProtoSchema, {
    name,
    dims: array.shape.map(BigInt),
    dataType: dataType[array.dtype],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entriesOf(place),
  });

// -------------------------------------------------------------------------------------
// value types
// -------------------------------------------------------------------------------------

const dimension = (d: Dim): TensorShapeProto_Dimension =>
  create(
    TensorShapeProto_DimensionSchema,
    d === '?'
      ? {}
      : { value: typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d } },
  );

/** A named dimension becomes a `dim_param`, `'?'` a dimension about which nothing is said. */
export const valueInfo = (name: string, { dtype, shape }: ValueType): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: dataType[dtype],
          shape: {
            dim: shape.map(dimension),
          },
        },
      },
    },
  });
