/** ONNX files made by hand: of any opset, and broken in any way. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Place } from '../../../src/onnx/ExternalData.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../../src/onnx/proto/onnx_pb.ts';
import { dataType, tensorFields, valueFields } from '../../../src/onnx/Tensor.ts';
import type { DType, NdArray } from '../../../src/shape/NdArray.ts';
import type { Dim } from '../../../src/shape/Shape.ts';

// ----- tensors and types

const written = (fields: (to: BinaryWriter) => void): Uint8Array => {
  const to = new BinaryWriter();
  fields(to);
  return to.finish();
};

/** With a place its bytes lie in a file beside the model. */
export const tensorProto = (name: string, array: NdArray, place?: Place): TensorProto =>
  fromBinary(
    TensorProtoSchema,
    written((to) => tensorFields(to, name, array, place)),
  );

const valueInfo = (name: string, dtype: DType, shape: readonly Dim[]): ValueInfoProto =>
  fromBinary(
    ValueInfoProtoSchema,
    written((to) => valueFields(to, name, { dtype, shape })),
  );

// ----- attributes

type Raw =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | NdArray
  | GraphProto
  | { readonly float: number }
  | { readonly floats: readonly number[] };

const isArray = (v: Raw): v is readonly number[] | readonly string[] => Array.isArray(v);

const attribute = (name: string, v: Raw): AttributeProto => {
  const of = (rest: object) => create(AttributeProtoSchema, { name, ...rest });
  if (typeof v === 'number') return of({ type: AttributeType.INT, i: BigInt(v) });
  if (typeof v === 'string') return of({ type: AttributeType.STRING, s: new TextEncoder().encode(v) });
  if (isArray(v))
    return typeof v[0] === 'string'
      ? of({ type: AttributeType.STRINGS, strings: v.map((s) => new TextEncoder().encode(String(s))) })
      : of({ type: AttributeType.INTS, ints: v.map((n) => BigInt(n)) });
  if ('float' in v) return of({ type: AttributeType.FLOAT, f: v.float });
  if ('floats' in v) return of({ type: AttributeType.FLOATS, floats: [...v.floats] });
  if ('dtype' in v) return of({ type: AttributeType.TENSOR, t: tensorProto('', v) });
  return of({ type: AttributeType.GRAPH, g: v });
};

/** An attribute of a function's node that the caller gives. */
export const referred = (name: string, to: string): AttributeProto =>
  create(AttributeProtoSchema, { name, refAttrName: to, type: AttributeType.INT });

// ----- nodes and graphs

export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Raw>> = {},
  extra: { readonly domain?: string; readonly name?: string; readonly referred?: readonly AttributeProto[] } = {},
): NodeProto =>
  create(NodeProtoSchema, {
    opType,
    name: extra.name ?? `${opType}_${output[0] ?? ''}`,
    domain: extra.domain ?? '',
    input: [...input],
    output: [...output],
    attribute: [...Object.entries(attributes).map(([name, v]) => attribute(name, v)), ...(extra.referred ?? [])],
  });

type Port = readonly [name: string, dtype: DType, shape: readonly Dim[]];

export interface GraphSpec {
  readonly nodes: readonly NodeProto[];
  readonly inputs?: readonly Port[];
  readonly outputs: readonly Port[];
  readonly tensors?: Readonly<Record<string, NdArray>>;
  readonly initializer?: readonly TensorProto[];
}

export const graph = ({ nodes, inputs = [], outputs, tensors = {}, initializer = [] }: GraphSpec): GraphProto =>
  create(GraphProtoSchema, {
    name: 'made',
    node: [...nodes],
    input: inputs.map(([name, dtype, shape]) => valueInfo(name, dtype, shape)),
    output: outputs.map(([name, dtype, shape]) => valueInfo(name, dtype, shape)),
    initializer: [...Object.entries(tensors).map(([name, a]) => tensorProto(name, a)), ...initializer],
  });

export interface ModelSpec extends GraphSpec {
  readonly opset: number;
  readonly functions?: readonly FunctionProto[];
  readonly domains?: Readonly<Record<string, number>>;
}

export const message = (m: ModelSpec): ModelProto =>
  create(ModelProtoSchema, {
    irVersion: m.opset < 15 ? 7n : m.opset < 19 ? 8n : m.opset < 21 ? 9n : 10n,
    opsetImport: [
      { domain: '', version: BigInt(m.opset) },
      ...Object.entries(m.domains ?? {}).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    ],
    graph: graph(m),
    functions: [...(m.functions ?? [])],
  });

export const file = (m: ModelSpec): Uint8Array => toBinary(ModelProtoSchema, message(m));

export const func = (
  domain: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  nodes: readonly NodeProto[],
  attributes: readonly string[] = [],
): FunctionProto =>
  create(FunctionProtoSchema, {
    domain,
    name,
    input: [...input],
    output: [...output],
    node: [...nodes],
    attribute: [...attributes],
    opsetImport: [
      { domain: '', version: 18n },
      { domain, version: 1n },
    ],
  });

// ----- arrays

export const floats = (shape: readonly number[], values: readonly number[]): NdArray => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

export const ints = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

export const elementType = dataType;
