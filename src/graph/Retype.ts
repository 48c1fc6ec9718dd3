/**
 * Graphs in other float types: the same operators, computing in float32 or in 16 bits, with casts at the borders.
 *
 * A pure rewrite: what computes in which type is a function of the caller's; where a value is wanted in another type
 * than it has, a Cast is put in, one for each value and type, however many read it.
 *
 * Laws: the values keep their types; a function that always says "as it is" gives the same nodes.
 */
import { fromBits, type Half, isHalf, toBits } from '../shape/Half.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import {
  type Attribute,
  type Attributes,
  bodies,
  constant,
  type Graph,
  type Node,
  type OperatorNode,
  topological,
  type Value,
} from './Graph.ts';
import { halfKernels } from './HalfKernels.ts';
import { cast } from './operators/elementwise.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** The types that a rewrite chooses between. */
export type Computing = 'float32' | Half;

/**
 * In which type a node computes: all its inputs and outputs of 16 or 32 bits are of it then. `undefined`: inputs and
 * outputs as the node has them. `inputs` are what its inputs have become.
 */
export type Choice = (node: OperatorNode, inputs: readonly (Value | undefined)[]) => Computing | undefined;

export interface RetypeOptions {
  /** Results get their old type back by a Cast, which rounds them; else who reads them sees the new type. */
  readonly restore: boolean;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

export const isComputing = (dtype: DType): dtype is Computing => dtype === 'float32' || isHalf(dtype);

/** ai.onnx's operators by their names, others after their domain: as in the tables of kernels. */
export const qualified = ({ operator, domain }: OperatorNode): string =>
  domain === '' ? operator : `${domain}:${operator}`;

/** The numbers of a constant in another type. */
const converted = ({ dtype, shape, data }: NdArray, to: Computing): NdArray => {
  const numbers = isHalf(dtype) ? Float32Array.from(data as Uint16Array, fromBits(dtype)) : (data as Float32Array);
  return { dtype: to, shape, data: isHalf(to) ? Uint16Array.from(numbers, toBits(to)) : numbers };
};

const isCast = (node: Node): boolean => node._tag === 'Operator' && qualified(node) === 'Cast';

/** What was cast, if casting back to `to` loses nothing: 16 bits are exact in 32. */
const uncast = ({ node }: Value, to: DType): Value | undefined => {
  const inner = node._tag === 'Operator' && isCast(node) ? node.inputs[0] : undefined;
  return inner !== undefined && inner.type.dtype === to && isHalf(to) && node.outputs[0]?.dtype === 'float32'
    ? inner
    : undefined;
};

/** Casts, each made once. */
const casts = (): ((to: DType) => (v: Value) => Value) => {
  const made = new Map<Node, Map<string, Value>>();
  const make = (v: Value, to: DType): Value =>
    v.node._tag === 'Constant' && isComputing(v.type.dtype) && isComputing(to)
      ? constant(converted(v.node.data, to), v.node.label)
      : (uncast(v, to) ?? cast(to)(v));
  return (to) => (v) => {
    if (v.type.dtype === to) return v;
    const known = made.get(v.node) ?? new Map<string, Value>();
    const key = `${v.index} ${to}`;
    const value = known.get(key) ?? make(v, to);
    made.set(v.node, known.set(key, value));
    return value;
  };
};

/** Tensors among the attributes, in the type that the node computes in. */
const attributesIn = (to: Computing, attributes: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, a]): [string, Attribute] =>
      a._tag === 'Tensor' && isComputing(a.value.dtype) ? [name, { ...a, value: converted(a.value, to) }] : [name, a],
    ),
  );

// -------------------------------------------------------------------------------------
// rewrite
// -------------------------------------------------------------------------------------

/**
 * The values, with every node computing in the type of its choice; bodies of loops included. A loop keeps the types of
 * what it carries and of what it stacks.
 */
export const retype =
  (choice: Choice, { restore }: RetypeOptions) =>
  (values: readonly Value[]): readonly Value[] => {
    const castTo = casts();
    const now = new Map<Node, readonly Value[]>();
    const read = (v: Value): Value => {
      const found = now.get(v.node)?.[v.index];
      if (found === undefined) return v;
      // A dimension that an operator lost may have its name back in the value that was read.
      return { ...found, type: { ...found.type, shape: v.type.shape } };
    };
    const asItWas = (v: Value): Value => castTo(v.type.dtype)(read(v));
    const graph = (g: Graph): Graph => {
      const outputs = g.outputs.map((o) => ({ ...o, value: asItWas(o.value) }));
      return outputs.every((o, i) => same(o.value, g.outputs[i]?.value)) ? g : { ...g, outputs };
    };
    const rebuilt = (node: OperatorNode): readonly Value[] | undefined => {
      const current = node.inputs.map((v) => (v === undefined ? undefined : read(v)));
      const looping = bodies(node).length > 0;
      const to = looping ? undefined : choice(node, current);
      const wanted = (v: Value, i: number): DType => {
        if (isCast(node)) return current[i]?.type.dtype ?? v.type.dtype;
        return to !== undefined && isComputing(v.type.dtype) ? to : v.type.dtype;
      };
      const inputs = node.inputs.map((v, i) => (v === undefined ? v : castTo(wanted(v, i))(current[i] as Value)));
      const outputs =
        to === undefined || isCast(node)
          ? node.outputs
          : node.outputs.map((t) => (isComputing(t.dtype) ? { ...t, dtype: to } : t));
      const attributes = looping
        ? Object.fromEntries(
            Object.entries(node.attributes).map(([name, a]): [string, Attribute] => {
              if (a._tag !== 'Graph') return [name, a];
              const body = graph(a.value);
              return [name, body === a.value ? a : { _tag: 'Graph', value: body }];
            }),
          )
        : to === undefined
          ? node.attributes
          : attributesIn(to, node.attributes);
      const unchanged =
        inputs.every((v, i) => same(v, node.inputs[i])) &&
        outputs.every((t, i) => t.dtype === node.outputs[i]?.dtype) &&
        (!looping || Object.entries(attributes).every(([name, a]) => a === node.attributes[name]));
      if (unchanged) return undefined;
      const next: OperatorNode = { ...node, inputs, outputs, attributes };
      const results = outputs.map((type, index): Value => ({ type, node: next, index }));
      return restore ? results.map((v, i) => castTo(node.outputs[i]?.dtype ?? v.type.dtype)(v)) : results;
    };
    for (const node of topological(values)) {
      const results = node._tag === 'Operator' ? rebuilt(node) : undefined;
      if (results !== undefined) now.set(node, results);
    }
    return values.map(asItWas);
  };

const same = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.node === b.node && a.index === b.index);

// -------------------------------------------------------------------------------------
// kernels
// -------------------------------------------------------------------------------------

/** Whether a provider of onnxruntime runs the operator on 16-bit floats (opset 18). */
export const hasHalfKernel =
  (provider: 'cpu' | 'cuda', half: Half) =>
  (node: OperatorNode): boolean =>
    halfKernels[provider][half].has(qualified(node));

const halfOf = (node: OperatorNode): Half | undefined =>
  [...node.inputs.flatMap((v) => (v === undefined ? [] : [v.type.dtype])), ...node.outputs.map((t) => t.dtype)].find(
    isHalf,
  );

/** The values with every node that `runs` refuses computing in float32, and its results rounded to 16 bits. */
const keeping = (
  runs: (half: Half) => (node: OperatorNode) => boolean,
): ((values: readonly Value[]) => readonly Value[]) =>
  retype(
    (node) => {
      const half = halfOf(node);
      return half === undefined || isCast(node) || runs(half)(node) ? undefined : 'float32';
    },
    { restore: true },
  );

/**
 * The same values by a provider's kernels alone: what it cannot compute in 16 bits is computed in float32, and the result
 * rounded to 16 bits. That is what a kernel for 16 bits that accumulates in 32 gives.
 */
export const withKernelsOf = (provider: 'cpu' | 'cuda'): ((values: readonly Value[]) => readonly Value[]) =>
  keeping((half) => hasHalfKernel(provider, half));

/** What only passes values on, or reads their sizes. */
const passing: ReadonlySet<string> = new Set(['Identity', 'Shape', 'Size', 'Loop', 'Scan', 'If']);

/**
 * The same values with no arithmetic in 16 bits at all: only roundings are left. Moves are done in float32 as well, though
 * the CPU provider has 16-bit kernels of them: onnxruntime 1.30's NchwcTransformer crashes the process on some graphs with
 * 16-bit Transposes (two recurrent layers, one after the other).
 */
export const emulating: (values: readonly Value[]) => readonly Value[] = keeping(
  () => (node) => passing.has(qualified(node)),
);
