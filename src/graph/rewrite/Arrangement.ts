/**
 * Axes in another order twice, or another shape twice, are one of each; what is back where it was is nothing.
 *
 * Law: the outputs are exactly those of the given graph.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import { ints, isStatic, op } from '../operators/node.ts';
import { constantOf, intOf, intsOf, named, type Rule } from './Rewrite.ts';

const before = (node: OperatorNode): OperatorNode | undefined => {
  const of = node.inputs[0]?.node;
  return of?._tag === 'Operator' && of.operator === node.operator && of.domain === '' && of.detached === node.detached
    ? of
    : undefined;
};

const transposed: Rule = (node) => {
  const first = before(node);
  const [outer, inner] = [intsOf(node, 'perm'), first === undefined ? undefined : intsOf(first, 'perm')];
  const x = first?.inputs[0];
  const [type] = node.outputs;
  if (outer === undefined || inner === undefined || x === undefined || type === undefined) return undefined;
  const perm = outer.map((i) => inner[i] as number);
  if (perm.every((p, i) => p === i)) return [{ ...x, type }];
  return [named(node)(op('Transpose', [x], type, { perm: ints(perm) }))];
};

/** Of the second reshape only sizes may be asked that do not depend on what it is given. */
const reshaped: Rule = (node) => {
  const target = constantOf(node.inputs[1]);
  const x = before(node)?.inputs[0] ?? node.inputs[0];
  const [type] = node.outputs;
  if (target === undefined || x === undefined || type === undefined || intOf(node, 'allowzero', 0) !== 0)
    return undefined;
  const isSame = isStatic(type.shape) && sameSizes(x, type.shape);
  if (isSame) return [{ ...x, type }];
  const isFree = Array.from(target.data, Number).every((n) => n !== 0);
  return x === node.inputs[0] || !isFree ? undefined : [named(node)(op('Reshape', [x, node.inputs[1]], type))];
};

const sameSizes = (x: Value, shape: readonly number[]): boolean =>
  x.type.shape.length === shape.length && x.type.shape.every((d, i) => d === shape[i]);

export const arrangement: Rule = (node, around) =>
  node.domain !== ''
    ? undefined
    : node.operator === 'Transpose'
      ? transposed(node, around)
      : node.operator === 'Reshape'
        ? reshaped(node, around)
        : undefined;
