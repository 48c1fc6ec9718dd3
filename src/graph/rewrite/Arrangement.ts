/**
 * Axes in another order twice, or another shape twice, are one of each; what is back where it was is nothing. What is computed element
 * by element of arrays that were given another shape is computed before that: so shapes meet. What gradients stopped at goes.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { Dim } from '../../shape/Shape.ts';
import { isScalar, type OperatorNode, type Value } from '../Graph.ts';
import { ints, isStatic, op, product, rank } from '../operators/node.ts';
import { constantOf, intOf, intsOf, type LocalRule, named } from './Rewrite.ts';

const before = (node: OperatorNode): OperatorNode | undefined => {
  const of = node.inputs[0]?.node;
  return of?._tag === 'Operator' && of.operator === node.operator && of.domain === '' && of.detached === node.detached
    ? of
    : undefined;
};

const transposed: LocalRule = (node) => {
  const first = before(node);
  const [outer, inner] = [intsOf(node, 'perm'), first === undefined ? undefined : intsOf(first, 'perm')];
  const x = first?.inputs[0];
  const [type] = node.outputs;
  if (outer === undefined || inner === undefined || x === undefined || type === undefined) return undefined;
  const perm = outer.map((i) => inner[i] as number);
  if (perm.every((p, i) => p === i)) return [{ ...x, type }];
  return [named(node)(op('Transpose', [x], type, { perm: ints(perm) }))];
};

/** Of the second reshape only sizes may be asked that do not depend on what it is given, or are the same before the first. */
const reshaped: LocalRule = (node) => {
  const target = constantOf(node.inputs[1]);
  const x = before(node)?.inputs[0] ?? node.inputs[0];
  const [type] = node.outputs;
  if (target === undefined || x === undefined || type === undefined || intOf(node, 'allowzero', 0) !== 0)
    return undefined;
  if (sameSizes(x, type.shape)) return [{ ...x, type }];
  const isFree = Array.from(target.data, Number).every((n, i) => n !== 0 || isSameSize(x, type.shape, i));
  return x === node.inputs[0] || !isFree ? undefined : [named(node)(op('Reshape', [x, node.inputs[1]], type))];
};

/** Sizes that are known, or have the same name. */
const sameSizes = (x: Value, shape: readonly Dim[]): boolean =>
  x.type.shape.length === shape.length && shape.every((_, axis) => isSameSize(x, shape, axis));

const isSameSize = (x: Value, shape: readonly Dim[], axis: number): boolean =>
  x.type.shape[axis] === shape[axis] && shape[axis] !== '?';

const elementwise: ReadonlySet<string> = new Set('Add Sub Mul Div Neg Sqrt Reciprocal Relu HardSigmoid'.split(' '));

interface Shaped {
  readonly from: Value;
  /** The sizes that it was given; `undefined`: none. */
  readonly target: Value | undefined;
}

/** What an operand was before it was given this shape, if both have all sizes known; a single number as it is. */
const shapedFrom = (v: Value | undefined, shape: readonly Dim[]): Shaped | undefined => {
  if (v === undefined) return undefined;
  if (isScalar(v)) return { from: v, target: undefined };
  const { node } = v;
  if (node._tag !== 'Operator' || node.operator !== 'Reshape' || node.domain !== '') return undefined;
  const [from, target] = node.inputs;
  return from !== undefined && isStatic(from.type.shape) && sameSizes(v, shape) ? { from, target } : undefined;
};

/** Only of few numbers: what is large is as it is for a reason. */
const most = 2 ** 14;

const computedBefore: LocalRule = (node) => {
  const [type] = node.outputs;
  if (type === undefined || !isStatic(type.shape) || product(type.shape) > most) return undefined;
  const operands = node.inputs.map((v) => shapedFrom(v, type.shape));
  const first = operands.find((o) => o?.target !== undefined);
  if (first === undefined) return undefined;
  const { shape } = first.from.type;
  // A single number of more axes would bring them into the result.
  const fits = ({ from, target }: Shaped): boolean =>
    target === undefined ? rank(from) <= shape.length : sameSizes(from, shape);
  if (!operands.every((o) => o !== undefined && fits(o))) return undefined;
  const before: OperatorNode = { ...node, inputs: operands.map((o) => o?.from), outputs: [{ ...type, shape }] };
  return [op('Reshape', [{ type: { ...type, shape }, node: before, index: 0 }, first.target], type)];
};

/** What only the gradient had to be kept from: here there are no more gradients to be taken. */
const attached = (node: OperatorNode): readonly Value[] | undefined => {
  const [x] = node.inputs;
  const [type] = node.outputs;
  const isBare = node.detached !== undefined && node.label === undefined;
  return isBare && x !== undefined && type !== undefined ? [{ ...x, type }] : undefined;
};

export const arrangement: LocalRule = (node) =>
  node.domain !== ''
    ? undefined
    : node.operator === 'Identity'
      ? attached(node)
      : node.operator === 'Transpose'
        ? transposed(node)
        : node.operator === 'Reshape'
          ? reshaped(node)
          : elementwise.has(node.operator)
            ? computedBefore(node)
            : undefined;
