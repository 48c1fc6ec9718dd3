/**
 * Constants of a graph as the initializers of an ONNX model; small unlabelled ones that are equal are written once.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { ConstantNode, Node } from '../graph/Graph.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { defaultThreshold, type ExternalOptions, type Place, placing } from './ExternalData.ts';
import type { Fresh } from './Names.ts';
import { illFormed, type OnnxError, tooLarge } from './OnnxError.ts';
import { rawBytes } from './Tensor.ts';

const LIMIT = 2 ** 31;

/** Constants up to this size are compared by content, so that equal ones are written once. */
const SMALL = 1024;

export interface Initializers {
  readonly names: ReadonlyMap<Node, string>;
  readonly tensors: readonly Initializer[];
  /** What lies beside the model. */
  readonly outside: readonly Outside[];
}

export interface Initializer {
  readonly name: string;
  readonly array: NdArray;
  /** In a file beside the model. */
  readonly place?: Place;
}

export interface Outside {
  readonly place: Place;
  /** A view of the array's own memory. */
  readonly bytes: Uint8Array;
}

const elements = (shape: readonly number[]): number => shape.reduce((p, d) => p * d, 1);

const content = (node: ConstantNode): string | undefined => {
  const { dtype, shape, data } = node.data;
  if (node.label !== undefined || data.byteLength > SMALL) return undefined;
  return `${dtype}[${shape}]${Buffer.from(rawBytes(node.data)).toString('latin1')}`;
};

/** `order` is topological; labelled constants are named first. */
export const initializers = (
  order: readonly Node[],
  unique: Fresh,
  external?: ExternalOptions,
): E.Either<OnnxError, Initializers> => {
  const place = external === undefined ? undefined : placing(external);
  const outside: Outside[] = [];
  const names = new Map<Node, string>();
  const byContent = new Map<string, string>();
  const tensors: Initializer[] = [];
  let bytes = 0;
  let unnamed = 0;
  const all = order.filter((n) => n._tag === 'Constant');
  for (const node of [...all.filter((n) => n.label !== undefined), ...all.filter((n) => n.label === undefined)]) {
    const { shape, data } = node.data;
    if (elements(shape) !== data.length)
      return E.left(illFormed(`constant ${node.label ?? ''}: shape [${shape}] does not hold ${data.length} elements`));
    const key = content(node);
    const known = key === undefined ? undefined : byContent.get(key);
    const name = known ?? unique(node.label ?? `const_${unnamed++}`);
    names.set(node, name);
    if (known !== undefined) continue;
    if (key !== undefined) byContent.set(key, name);
    if (place !== undefined && data.byteLength >= (external?.threshold ?? defaultThreshold)) {
      const at = place(data.byteLength);
      outside.push({ place: at, bytes: rawBytes(node.data) });
      tensors.push({ name, array: node.data, place: at });
      continue;
    }
    tensors.push({ name, array: node.data });
    bytes += data.byteLength;
  }
  return bytes >= LIMIT ? E.left(tooLarge(bytes, LIMIT)) : E.right({ names, tensors, outside });
};
