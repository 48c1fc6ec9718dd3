/**
 * Rules of reductions. The cotangent and the output get their reduced axes back, with size 1, so that both broadcast
 * against the input.
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import {
  type At,
  cotangent,
  indicator,
  input,
  intOf,
  intsOf,
  knownNumbers,
  minus,
  output,
  over,
  type Rule,
  times,
} from './Rule.ts';

/** The axes a reduction goes over, as ONNX has them: an input, an attribute, or all. */
const reducedAxes = (at: At): readonly number[] => {
  const x = input(at, 0);
  const given = at.inputs[1];
  const axes =
    (given === undefined ? intsOf(at.node, 'axes') : knownNumbers(given, `axes of ${at.node.operator}`)) ?? [];
  if (axes.length > 0) return axes.map((a) => Op.axisOf(x, a));
  return intOf(at.node, 'noop_with_empty_axes', 0) === 0 ? x.type.shape.map((_, i) => i) : [];
};

/** A reduction's output or its cotangent with the reduced axes at size 1. */
const kept = (at: At, v: Value): Value => (intOf(at.node, 'keepdims', 1) === 1 ? v : Op.unsqueeze(reducedAxes(at))(v));

export const reduction =
  (dx: (dy: Value, x: Value, y: Value, axes: readonly number[]) => Value): Rule =>
  (at) => [
    () => Op.expandLike(input(at, 0))(dx(kept(at, cotangent(at)), input(at, 0), kept(at, output(at)), reducedAxes(at))),
  ];

/** Equal elements share equally. */
export const shared = (dy: Value, x: Value, y: Value, axes: readonly number[]): Value => {
  const winners = indicator(Op.equal(x, y), x);
  return times(winners, over(dy, Op.reduceSum({ axes, keepDims: true })(winners)));
};

export const extremum: Rule = reduction(shared);

/** At the origin the derivative is 0. */
export const l2: Rule = reduction((dy, x, y) => over(times(dy, x), Op.where(Op.equal(y, 0), 1, y)));

export const logSumExp: Rule = reduction((dy, x, y) => times(dy, Op.exp(minus(x, y))));

/** Each element's is the product of the others: exact beside one zero, and zero beside two. */
export const prod: Rule = reduction((dy, x, _, axes) => {
  const zero = Op.equal(x, 0);
  const zeros = Op.reduceSum({ axes, keepDims: true })(indicator(zero, x));
  const others = Op.where(zero, 1, x);
  const product = times(dy, Op.reduceProd({ axes, keepDims: true })(others));
  const atZero = Op.where(Op.equal(zeros, 1), product, 0);
  const elsewhere = Op.div(Op.where(Op.equal(zeros, 0), product, 0), others);
  return Op.where(zero, atZero, elsewhere);
});
