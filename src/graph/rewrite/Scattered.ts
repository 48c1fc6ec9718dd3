/**
 * The gradient of a logarithm of probabilities, of which one was chosen for each sample: the others' cotangents are zeros. So nothing
 * is filled with zeros, their sum is the number that was put there, and it is added to what would be subtracted from them.
 *
 *     s = scatter(0, i, u)          scatter(-e u, i, u)
 *     s - e sum(s)
 *
 * Law: the outputs are exactly those of the given graph, but for the sign of zeros.
 */
import type { Value } from '../Graph.ts';
import { isSame } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { constantOf, intOf, named, operands, operatorOf, type Rule } from './Rewrite.ts';

const isZero = (v: Value | undefined): boolean => {
  const node = operatorOf(v, 'ConstantOfShape');
  const value = node?.attributes.value;
  return node !== undefined && (value === undefined || (value._tag === 'Tensor' && Number(value.value.data[0]) === 0));
};

interface Scattered {
  readonly indices: Value;
  /** One number for each sample, that is added to zeros. */
  readonly updates: Value;
  readonly axis: number;
}

const scatteredOf = (v: Value): Scattered | undefined => {
  const node = operatorOf(v, 'ScatterElements');
  const [zeros, indices, updates] = node?.inputs ?? [];
  if (node === undefined || indices === undefined || updates === undefined || !isZero(zeros)) return undefined;
  const axis = Op.axisOf(v, intOf(node, 'axis', 0));
  const isAdded = node.attributes.reduction?._tag === 'String' && node.attributes.reduction.value === 'add';
  const isOne = updates.type.shape.every((d, i) => (i === axis ? d === 1 : d === v.type.shape[i] && d !== '?'));
  return isAdded && isOne ? { indices, updates, axis } : undefined;
};

/** Whether `v` is the sum of `of` along the axis, which stays. */
const isSumOf = (of: Value, axis: number, v: Value): boolean => {
  const node = operatorOf(v, 'ReduceSum');
  const axes = Array.from(constantOf(node?.inputs[1])?.data ?? [], Number);
  return (
    node !== undefined &&
    isSame(node.inputs[0], of) &&
    intOf(node, 'keepdims', 1) === 1 &&
    axes.length === 1 &&
    Op.axisOf(of, axes[0] as number) === axis
  );
};

export const scattered: Rule = (node, { uses }) => {
  const [s, product] = node.domain === '' && node.operator === 'Sub' ? node.inputs : [];
  const of = s === undefined ? undefined : scatteredOf(s);
  const [a, b] = operands(product, 'Mul') ?? [];
  if (s === undefined || of === undefined || product === undefined || a === undefined || b === undefined)
    return undefined;
  const sum = [b, a].find((v) => isSumOf(s, of.axis, v));
  if (sum === undefined || uses(s) > 2 || uses(sum) > 1 || uses(product) > 1) return undefined;
  const others = Op.mul(sum === b ? a : b, Op.neg(of.updates));
  return [named(node)(Op.scatterElements(others, of.indices, of.updates, of.axis, 'add'))];
};
