/**
 * Tensors of a file as arrays. Half precision becomes float32: what is imported is computed in float32 throughout.
 */
import { fromBits, type Half } from '../../shape/Half.ts';
import type { DType, NdArray, TypedArray } from '../../shape/NdArray.ts';
import { TensorProto_DataType as DataType, type TensorProto, TensorProto_DataLocation } from '../proto/onnx_pb.ts';
import { malformed, refuse, unsupportedType } from './ImportError.ts';
import { type Limits, within } from './Limits.ts';

// -------------------------------------------------------------------------------------
// element types
// -------------------------------------------------------------------------------------

/** Types that imported tensors have here. */
type Element = Exclude<DType, Half>;

const elementTypes: Readonly<Record<number, Element>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
  [DataType.FLOAT16]: 'float32',
  [DataType.BFLOAT16]: 'float32',
  [DataType.INT32]: 'int32',
  [DataType.INT64]: 'int64',
  [DataType.UINT8]: 'uint8',
  [DataType.UINT32]: 'uint32',
  [DataType.BOOL]: 'bool',
};

const typeName = (type: number): string => DataType[type]?.toLowerCase() ?? `of element type ${type}`;

/** The element type that stands for the file's, or a refusal. */
export const elementType = (value: string, type: number): Element =>
  elementTypes[type] ?? refuse(unsupportedType(value, typeName(type)));

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

const half = fromBits('float16');
const brain = fromBits('bfloat16');

const arrayOf = (dtype: Element, bytes: Uint8Array): TypedArray => {
  // A copy of what is a part of something else, which need not be aligned; what was read by itself is taken as it is.
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  const { buffer } = isWhole ? bytes : new Uint8Array(bytes);
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
  }
};

const sizes: Readonly<Record<Element, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint32: 4,
  bool: 1,
};

/** Bytes that one element takes in the file. */
const storedSize = (type: number, dtype: Element): number =>
  type === DataType.FLOAT16 || type === DataType.BFLOAT16 ? 2 : sizes[dtype];

const fromRaw = (type: number, dtype: Element, bytes: Uint8Array): TypedArray => {
  if (type !== DataType.FLOAT16 && type !== DataType.BFLOAT16) return arrayOf(dtype, bytes);
  const read = type === DataType.FLOAT16 ? half : brain;
  return Float32Array.from(new Uint16Array(new Uint8Array(bytes).buffer), read);
};

/** The lists of numbers that a tensor may have in place of bytes. */
const fromFields = (tensor: TensorProto, dtype: Element): TypedArray => {
  switch (dtype) {
    case 'float32':
      return tensor.dataType === DataType.FLOAT16
        ? Float32Array.from(tensor.int32Data, half)
        : tensor.dataType === DataType.BFLOAT16
          ? Float32Array.from(tensor.int32Data, brain)
          : Float32Array.from(tensor.floatData);
    case 'float64':
      return Float64Array.from(tensor.doubleData);
    case 'int32':
      return Int32Array.from(tensor.int32Data);
    case 'int64':
      return BigInt64Array.from(tensor.int64Data);
    case 'uint32':
      return Uint32Array.from(tensor.uint64Data, Number);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(tensor.int32Data);
  }
};

// -------------------------------------------------------------------------------------
// tensors
// -------------------------------------------------------------------------------------

/** Where a tensor's bytes are, if they are not in the file. */
export interface Location {
  readonly location: string;
  readonly offset: number;
  /** Undefined: of a tensor whose type or shape nobody can read. */
  readonly length: number | undefined;
}

const whole = (tensor: TensorProto, key: string, text: string): number => {
  const n = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(n)
    ? n
    : refuse(malformed(`tensor '${tensor.name}': external data: ${key} is '${text}', expected a whole number`));
};

/** Bytes that the tensor takes, if its type and shape say so. */
const takenBy = ({ dataType, dims }: TensorProto): number | undefined => {
  const dtype = elementTypes[dataType];
  if (dtype === undefined || dims.some((d) => d < 0n)) return undefined;
  const bytes = dims.reduce((n, d) => n * Number(d), storedSize(dataType, dtype));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
};

/** The length may be left out: then the tensor takes what its shape says. */
export const locationOf = (tensor: TensorProto): Location | undefined => {
  if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) return undefined;
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const [location, offset, length] = ['location', 'offset', 'length'].map((key) => entries.get(key));
  return location === undefined
    ? refuse(malformed(`tensor '${tensor.name}': external data without a location`))
    : {
        location,
        offset: offset === undefined ? 0 : whole(tensor, 'offset', offset),
        length: length === undefined ? takenBy(tensor) : whole(tensor, 'length', length),
      };
};

/** Bytes of a tensor that lie elsewhere, which nobody changes from then on. */
export type ReadExternal = (at: Location, tensor: string) => Uint8Array;

const shapeOf = (tensor: TensorProto, what: string, limits: Required<Limits>): readonly number[] => {
  within(`axes in ${what}`, limits.rank, tensor.dims.length);
  return tensor.dims.map((d) =>
    d >= 0n && d <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(d)
      : refuse(malformed(`${what}: size ${d} is not a whole number of 0 or more`)),
  );
};

/** The array of a tensor; its data must be as many as its shape says. */
export const arrayFrom = (
  tensor: TensorProto,
  name: string,
  external: ReadExternal,
  limits: Required<Limits>,
): NdArray => {
  const what = `tensor '${name}'`;
  const dtype = elementType(name, tensor.dataType);
  const shape = shapeOf(tensor, what, limits);
  const elements = shape.reduce((a, b) => a * b, 1);
  const stored = storedSize(tensor.dataType, dtype);
  within(`bytes in ${what}`, limits.tensorBytes, elements * stored);
  const at = locationOf(tensor);
  const raw = at === undefined ? tensor.rawData : external(at, name);
  const fill = (): TypedArray => {
    if (at === undefined && raw.length === 0) return fromFields(tensor, dtype);
    return raw.length === elements * stored
      ? fromRaw(tensor.dataType, dtype, raw)
      : refuse(
          malformed(
            `${what}: [${shape}] of ${typeName(tensor.dataType)} takes ${elements * stored} bytes, got ${raw.length}`,
          ),
        );
  };
  const data = fill();
  if (data.length !== elements)
    refuse(malformed(`${what}: [${shape}] holds ${elements} numbers, the file has ${data.length}`));
  return { dtype, shape, data };
};
