/**
 * Sums over axes, moved to where they cost less: what a normalisation's gradient computes of whole images is mostly known from
 * sums that are there anyway.
 *
 * - The deviations from a mean sum to zero.
 * - A factor that is the same along the axes is taken out of the sum.
 * - A sum of such products is the sum of their sums, if that reads no more than before: all but one of the parts are zero.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import type { OperatorNode, Value } from '../Graph.ts';
import { isSame, sameShape } from '../Graph.ts';
import * as Op from '../Operators.ts';
import { constantOf, factored, intOf, operands, operatorOf, type Rule } from './Rewrite.ts';

interface Reduction {
  readonly mean: boolean;
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const reductionOf = (node: OperatorNode | undefined): Reduction | undefined => {
  const x = node?.inputs[0];
  const isOne = node?.domain === '' && (node.operator === 'ReduceSum' || node.operator === 'ReduceMean');
  if (node === undefined || x === undefined || !isOne) return undefined;
  const axes = constantOf(node.inputs[1]);
  if (axes === undefined || axes.data.length === 0) return undefined;
  return {
    mean: node.operator === 'ReduceMean',
    axes: Array.from(axes.data, Number)
      .map((a) => Op.axisOf(x, a))
      .sort((a, b) => a - b),
    keepDims: intOf(node, 'keepdims', 1) === 1,
  };
};

/** Whether `v`, broadcast to the shape of `x`, is the same along the axes. */
const isLevel = (v: Value, x: Value, axes: readonly number[]): boolean =>
  axes.every((a) => {
    const i = a - (Op.rank(x) - Op.rank(v));
    return i < 0 || v.type.shape[i] === 1;
  });

/** Whether `v` is what is left of a value after its mean is taken away: axes of the mean are these. */
const isDeviation = (v: Value, axes: readonly number[]): boolean => {
  const difference = operatorOf(v, 'Sub');
  const mean = operatorOf(difference?.inputs[1], 'ReduceMean');
  const of = reductionOf(mean);
  return (
    of?.keepDims === true &&
    isSame(difference?.inputs[0], mean?.inputs[0]) &&
    of.axes.length === axes.length &&
    of.axes.every((a, i) => a === axes[i])
  );
};

/** A part of a sum: `x` times `factor`. */
interface Part {
  readonly x: Value;
  readonly factor: Value;
}

const partOf = (v: Value, axes: readonly number[]): Part | undefined => {
  const [x, factor] = factored(v, (f) => isLevel(f, v, axes)) ?? [];
  return x === undefined || factor === undefined ? undefined : { x, factor };
};

const partsOf = (v: Value, axes: readonly number[]): readonly Part[] | undefined => {
  const part = partOf(v, axes);
  if (part !== undefined) return [part];
  const [a, b] = operands(v, 'Add') ?? [];
  if (a === undefined || b === undefined || !sameShape(a, v) || !sameShape(b, v)) return undefined;
  const [left, right] = [partsOf(a, axes), partsOf(b, axes)];
  return left === undefined || right === undefined ? undefined : [...left, ...right];
};

/** `factor` with the axes that the reduction takes away. */
const reduced = (factor: Value, x: Value, { axes, keepDims }: Reduction): Value => {
  if (keepDims) return factor;
  const missing = Op.rank(x) - Op.rank(factor);
  const there = axes.filter((a) => a >= missing).map((a) => a - missing);
  return there.length === 0 ? factor : Op.squeeze(there)(factor);
};

const zerosOf = ({ dtype, shape }: Value['type']): Value | undefined => {
  const sizes = shape.filter((d) => typeof d === 'number');
  const size = sizes.reduce((n, d) => n * d, 1);
  return sizes.length < shape.length ? undefined : Op.tensor(new Array<number>(size).fill(0), sizes, dtype);
};

export const reductions: Rule = (node) => {
  const reduction = reductionOf(node);
  const [x] = node.inputs;
  const [type] = node.outputs;
  if (reduction === undefined || x === undefined || type === undefined) return undefined;
  const { axes, keepDims } = reduction;
  const parts = isDeviation(x, axes) ? [] : partsOf(x, axes)?.filter((p) => !isDeviation(p.x, axes));
  if (parts === undefined || parts.length > 1) return undefined;
  const [part] = parts;
  if (part === undefined) {
    const zeros = zerosOf(type);
    return zeros === undefined ? undefined : [zeros];
  }
  const over = reduction.mean ? Op.reduceMean : Op.reduceSum;
  return [Op.mul(over({ axes, keepDims })(part.x), reduced(part.factor, x, reduction))];
};
