/**
 * Attributes of a node as plain data, and what a node's importer reads from them.
 */
import type { ForeignAttribute, ForeignBody } from '../../graph/Foreign.ts';
import type { NdArray } from '../../shape/NdArray.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type TensorProto,
} from '../proto/onnx_pb.ts';
import { malformed, refuse } from './ImportError.ts';

export interface AttributeReader {
  readonly tensor: (tensor: TensorProto) => NdArray;
  readonly body: (graph: GraphProto) => ForeignBody;
}

const text = new TextDecoder('utf-8');

const whole = (name: string, value: bigint): number =>
  // The ends of int64 stand for 'to the end' in slices; no axis is as long.
  value > BigInt(Number.MAX_SAFE_INTEGER)
    ? Number.MAX_SAFE_INTEGER
    : value < BigInt(Number.MIN_SAFE_INTEGER)
      ? Number.MIN_SAFE_INTEGER
      : Number.isNaN(Number(value))
        ? refuse(malformed(`attribute ${name}: ${value} is not a whole number`))
        : Number(value);

/** Files of version 1 of the format have no types of attributes: then the field that is filled says it. */
const typeOf = (a: AttributeProto): AttributeType => {
  if (a.type !== AttributeType.UNDEFINED) return a.type;
  if (a.g !== undefined) return AttributeType.GRAPH;
  if (a.t !== undefined) return AttributeType.TENSOR;
  if (a.ints.length > 0) return AttributeType.INTS;
  if (a.floats.length > 0) return AttributeType.FLOATS;
  if (a.strings.length > 0) return AttributeType.STRINGS;
  if (a.s.length > 0) return AttributeType.STRING;
  return a.f !== 0 ? AttributeType.FLOAT : AttributeType.INT;
};

/** `undefined`: of a kind that no operator here reads (sparse tensors, types). */
export const attributeFrom = (a: AttributeProto, read: AttributeReader): ForeignAttribute | undefined => {
  switch (typeOf(a)) {
    case AttributeType.INT:
      return { _tag: 'Int', value: whole(a.name, a.i) };
    case AttributeType.INTS:
      return { _tag: 'Ints', value: a.ints.map((i) => whole(a.name, i)) };
    case AttributeType.FLOAT:
      return { _tag: 'Float', value: a.f };
    case AttributeType.FLOATS:
      return { _tag: 'Floats', value: a.floats };
    case AttributeType.STRING:
      return { _tag: 'String', value: text.decode(a.s) };
    case AttributeType.STRINGS:
      return { _tag: 'Strings', value: a.strings.map((s) => text.decode(s)) };
    case AttributeType.TENSOR:
      return a.t === undefined
        ? refuse(malformed(`attribute ${a.name}: a tensor that is not there`))
        : { _tag: 'Tensor', value: read.tensor(a.t) };
    case AttributeType.GRAPH:
      return a.g === undefined
        ? refuse(malformed(`attribute ${a.name}: a graph that is not there`))
        : { _tag: 'Body', value: read.body(a.g) };
    default:
      return undefined;
  }
};
