/**
 * Islands in the body of a loop: elementwise operators on arrays of one shape that do nothing but compute the carried values of
 * the next step. What an optimizer does to a weight and its slots is one.
 *
 * Nobody else reads what is inside an island, so it can be computed anywhere behind what it reads: on many weights at once
 * (`Flat.ts`), or piece by piece (`Tiled.ts`).
 */
import type { Attributes, Node, OperatorNode, Value } from '../Graph.ts';
import { isSame, nodesOf, readersOf, sameDims } from '../Graph.ts';
import type { LoopBody } from '../LoopBody.ts';
import { isStatic, product } from '../operators/node.ts';
import { named } from '../rewrite/Rewrite.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Island {
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** Its operators, each after those that it reads. */
  readonly nodes: readonly OperatorNode[];
  /** Which of the carried values it computes, in their order. */
  readonly places: readonly number[];
  /** What it reads of that shape besides these carried values, in the order of reading. */
  readonly arrays: readonly Value[];
  /** What it reads of smaller shapes. */
  readonly levels: readonly Value[];
  /** Equal for islands that compute the same of arrays of different sizes. */
  readonly signature: string;
}

/** Whether what is not of the island's shape can be read by every part of it as it is. */
export type IsLevel = (v: Value, shape: readonly number[]) => boolean;

/** Single numbers. */
export const isNumber: IsLevel = ({ type }) =>
  type.shape.length === 0 || (type.shape.length === 1 && type.shape[0] === 1);

/** What is the same for all rows of the island. */
export const isRow: IsLevel = ({ type }, shape) =>
  type.shape.length < shape.length || (type.shape.length === shape.length && type.shape[0] === 1);

const elementwise: ReadonlySet<string> = new Set(
  (
    'Add Sub Mul Div Pow Max Min Abs Neg Sign Exp Log Sqrt Reciprocal Tanh Sigmoid HardSigmoid Relu Erf Clip Where ' +
    'Greater GreaterOrEqual Less LessOrEqual Equal And Or Not Identity'
  ).split(' '),
);

// -------------------------------------------------------------------------------------
// finding
// -------------------------------------------------------------------------------------

/** Of a node that could be in an island: its shape. */
const shapeOf = (node: Node, isLevel: IsLevel): readonly number[] | undefined => {
  if (node._tag !== 'Operator' || node.domain !== '' || !elementwise.has(node.operator)) return undefined;
  const [type, ...others] = node.outputs;
  if (type === undefined || others.length > 0 || (type.dtype !== 'float32' && type.dtype !== 'bool')) return undefined;
  const { shape } = type;
  if (shape.length === 0 || !isStatic(shape)) return undefined;
  const isFit = node.inputs.every((v) => v === undefined || sameDims(v.type.shape, shape) || isLevel(v, shape));
  return isFit ? shape : undefined;
};

interface Growing {
  readonly shape: readonly number[];
  readonly nodes: Set<OperatorNode>;
  readonly places: Set<number>;
}

/** Each with its nodes in order. */
const ordered = (
  all: ReadonlyMap<Node, Growing>,
  order: readonly Node[],
): readonly (readonly [Growing, OperatorNode[]])[] => {
  const nodes = new Map<Growing, OperatorNode[]>();
  for (const node of order) {
    const island = all.get(node);
    if (island === undefined || node._tag !== 'Operator') continue;
    const of = nodes.get(island) ?? [];
    nodes.set(island, of);
    of.push(node);
  }
  return [...nodes];
};

/** Sets of nodes that grow together where one is read by several. */
const grown = (body: LoopBody, order: readonly Node[], isLevel: IsLevel): ReadonlyMap<Node, Growing> => {
  const readers = readersOf(order);
  const places = new Map<Node, number>();
  const others = new Set<Node>([body.graph.outputs[0]?.value.node as Node, ...body.scanned.map((v) => v.node)]);
  body.after.forEach(({ node }, i) => {
    if (places.has(node)) others.add(node);
    places.set(node, i);
  });
  const islands = new Map<Node, Growing>();
  for (const node of order.toReversed()) {
    const shape = others.has(node) ? undefined : shapeOf(node, isLevel);
    const place = places.get(node);
    const before = readers.get(node) ?? [];
    if (shape === undefined || (place === undefined && before.length === 0)) continue;
    const around = before.map((r) => islands.get(r));
    if (!around.every((island) => island !== undefined && sameDims(island.shape, shape))) continue;
    const [first = { shape, nodes: new Set<OperatorNode>(), places: new Set<number>() }, ...rest] = new Set(
      around as readonly Growing[],
    );
    for (const other of rest) {
      for (const n of other.nodes) {
        first.nodes.add(n);
        islands.set(n, first);
      }
      for (const p of other.places) first.places.add(p);
    }
    first.nodes.add(node as OperatorNode);
    if (place !== undefined) first.places.add(place);
    islands.set(node, first);
  }
  return islands;
};

// -------------------------------------------------------------------------------------
// describing
// -------------------------------------------------------------------------------------

/** Numbers for values that are the same in all islands; equal constants have the same. */
type Numbering = (v: Value) => string;

const numbering = (): Numbering => {
  const numbers = new Map<Node, number>();
  return ({ node, index, type }) => {
    if (node._tag === 'Constant' && node.data.data.length === 1)
      return `${type.dtype}[${type.shape}]${node.data.data[0]}`;
    const number = numbers.get(node) ?? numbers.size;
    numbers.set(node, number);
    return `${number}.${index}`;
  };
};

const attributesKey = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, a]) => (a._tag === 'Graph' || a._tag === 'Tensor' ? name : `${name}=${a.value}`))
    .sort()
    .join();

const described = (body: LoopBody, growing: Growing, nodes: readonly OperatorNode[], numberOf: Numbering): Island => {
  const { shape } = growing;
  const places = [...growing.places].sort((a, b) => a - b);
  const numbers = new Map<Node, number>();
  const arrays: Value[] = [];
  const levels: Value[] = [];
  const found = (among: Value[], v: Value): number => {
    const i = among.findIndex((a) => isSame(a, v));
    return i >= 0 ? i : among.push(v) - 1;
  };
  const nameOf = (v: Value | undefined): string => {
    if (v === undefined) return '';
    const inside = numbers.get(v.node);
    if (inside !== undefined) return `#${inside}`;
    const role = places.findIndex((p) => isSame(body.before[p], v));
    if (role >= 0) return `carried ${role}`;
    if (sameDims(v.type.shape, shape)) return `array ${found(arrays, v)} ${v.type.dtype}`;
    found(levels, v);
    return numberOf(v);
  };
  const lines = nodes.map((node) => {
    const line = `${node.operator}(${node.inputs.map(nameOf)}){${attributesKey(node.attributes)}}`;
    numbers.set(node, numbers.size);
    return line;
  });
  const results = places.map((p) => nameOf(body.after[p]));
  return { shape, size: product(shape), nodes, places, arrays, levels, signature: [...lines, results].join('\n') };
};

/** The islands of a loop's body. */
export const islands = (body: LoopBody, isLevel: IsLevel): readonly Island[] => {
  const order = nodesOf(body.graph);
  const numberOf = numbering();
  return ordered(grown(body, order, isLevel), order).map(([growing, nodes]) =>
    described(body, growing, nodes, numberOf),
  );
};

/** Whether all carried values that an island computes are of its shape, in float32. */
export const isWhole = (body: LoopBody, { places, shape }: Island): boolean =>
  places.every((p) => {
    const type = body.before[p]?.type;
    return type?.dtype === 'float32' && sameDims(type.shape, shape);
  });

// -------------------------------------------------------------------------------------
// computing elsewhere
// -------------------------------------------------------------------------------------

/** What stands in place of what an island reads. */
export interface Given {
  readonly carried: readonly Value[];
  readonly arrays: readonly Value[];
  readonly levels: readonly Value[];
  /** What its operators belong to; default: as before. */
  readonly label?: string;
  /** What stands in place of one of its operators, with these inputs; default: the same operator. */
  readonly operator?: (node: OperatorNode, inputs: readonly (Value | undefined)[]) => Value | undefined;
}

/** The carried values that an island computes, from other arrays, in another shape. */
export const computed = (
  body: LoopBody,
  { nodes, places, arrays, levels }: Island,
  shape: readonly number[],
  given: Given,
): readonly Value[] => {
  const now = new Map<Node, Value>();
  const among = (values: readonly (Value | undefined)[], by: readonly Value[], v: Value): Value | undefined =>
    by[values.findIndex((a) => isSame(a, v))];
  const before = places.map((p) => body.before[p]);
  const of = (v: Value): Value =>
    now.get(v.node) ??
    among(before, given.carried, v) ??
    among(arrays, given.arrays, v) ??
    among(levels, given.levels, v) ??
    v;
  for (const node of nodes) {
    const type = { dtype: node.outputs[0]?.dtype ?? 'float32', shape };
    const inputs = node.inputs.map((v) => (v === undefined ? undefined : of(v)));
    const name = given.label ?? node.label;
    const other = given.operator?.(node, inputs);
    const copy: OperatorNode = { ...node, inputs, outputs: [type], label: name };
    now.set(node, other === undefined ? { type, node: copy, index: 0 } : named({ ...node, label: name })(other));
  }
  return places.map((p) => of(body.after[p] as Value));
};
