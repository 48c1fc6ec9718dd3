/**
 * Reverse mode, all of it: operator -> vector-Jacobian product.
 *
 * In a rule, `dy` is the cotangent of the output `y`, and the result is that of the input. `times`, `plus`, ... are
 * Mul, Add, ... that skip an Expand where broadcasting does the same; `unary` and `binary` fetch the values, and `binary`
 * sums what was broadcast. The rules are made of operators of this table, so gradients have gradients.
 *
 * Where a derivative does not exist, the choice is: Abs, Sign, Floor and Relu have 0 at their kinks; Max, Min, ReduceMax
 * and ReduceMin share equally among equals; MaxPool gives all to the first of equals.
 */
import type { OperatorNode, Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import * as Indexing from './Indexing.ts';
import * as Products from './Products.ts';
import {
  type At,
  binary,
  cotangent,
  flat,
  indicator,
  input,
  intOf,
  intsOf,
  knownNumbers,
  minus,
  numbersOf,
  output,
  over,
  plus,
  type Rule,
  shapedAs,
  times,
  unary,
  unbroadcast,
} from './Rule.ts';
import * as Windows from './Windows.ts';

// -------------------------------------------------------------------------------------
// rules that need more than a line
// -------------------------------------------------------------------------------------

/** Equal arguments share equally. */
const extremum: Rule = (at) => {
  const [dy, y] = [cotangent(at), output(at)];
  const inputs = at.inputs.map((_, i) => input(at, i));
  const winners = inputs.map((x) => indicator(Op.equal(x, y), y));
  const share = over(dy, winners.reduce(plus));
  return inputs.map((x, i) => () => unbroadcast(x)(times(share, winners[i] as Value)));
};

/** a^b: the derivative in a of a^0 is 0 even at a = 0, and that in b is 0 where a = 0. */
const power: Rule = (at) => {
  const [dy, a, b, y] = [cotangent(at), input(at, 0), input(at, 1), output(at)] as const;
  const c = Op.rank(b) === 0 ? numbersOf(b)?.[0] : undefined;
  const exponent = Op.cast(a.type.dtype)(b);
  const lowered = (): Value => {
    if (c === 1) return dy;
    if (c === 2) return times(dy, Op.mul(a, 2));
    if (c !== undefined) return times(dy, Op.mul(Op.pow(a, c - 1), c));
    return times(dy, Op.where(Op.equal(exponent, 0), 0, Op.mul(Op.pow(a, Op.sub(exponent, 1)), exponent)));
  };
  return [
    c === 0 ? undefined : () => unbroadcast(a)(lowered()),
    () => unbroadcast(b)(times(dy, Op.mul(y, Op.log(Op.where(Op.equal(a, 0), 1, a))))),
  ];
};

const where: Rule = (at) => {
  const [dy, condition, a, b] = [cotangent(at), input(at, 0), input(at, 1), input(at, 2)] as const;
  return [
    undefined,
    () => unbroadcast(a)(Op.where(condition, dy, 0)),
    () => unbroadcast(b)(Op.where(condition, 0, dy)),
  ];
};

const sumOver = (node: OperatorNode, v: Value): Value =>
  Op.reduceSum({ axes: [intOf(node, 'axis', -1)], keepDims: true })(v);

const softmax: Rule = (at) => {
  const [dy, y] = [cotangent(at), output(at)];
  const part = times(dy, y);
  return [() => Op.sub(part, Op.mul(y, sumOver(at.node, part)))];
};

const logSoftmax: Rule = (at) => {
  const [dy, y] = [cotangent(at), output(at)];
  return [() => minus(dy, Op.mul(Op.exp(y), sumOver(at.node, dy)))];
};

/** The axes a reduction sums over, as ONNX has them: an input, an attribute, or all. */
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

const reduction =
  (dx: (dy: Value, x: Value, y: Value, axes: readonly number[]) => Value): Rule =>
  (at) => [
    () => Op.expandLike(input(at, 0))(dx(kept(at, cotangent(at)), input(at, 0), kept(at, output(at)), reducedAxes(at))),
  ];

const reduceExtremum = reduction((dy, x, y, axes) => {
  const winners = indicator(Op.equal(x, y), x);
  return times(winners, over(dy, Op.reduceSum({ axes, keepDims: true })(winners)));
});

const reshaped: Rule = unary((dy, x) => shapedAs(x)(dy));

const transpose: Rule = (at) => {
  const perm = intsOf(at.node, 'perm') ?? output(at).type.shape.map((_, i, all) => all.length - 1 - i);
  return [() => Op.transpose(Indexing.inverted(perm))(cotangent(at))];
};

// -------------------------------------------------------------------------------------
// the table
// -------------------------------------------------------------------------------------

export const rules: Readonly<Record<string, Rule>> = {
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  Sub: binary(
    (dy) => dy,
    (dy) => Op.neg(dy),
  ),
  Mul: binary(
    (dy, _, b) => times(dy, b),
    (dy, a) => times(dy, a),
  ),
  Div: binary(
    (dy, _, b) => over(dy, b),
    (dy, _, b, y) => Op.neg(times(over(dy, b), y)),
  ),
  Pow: power,
  Max: extremum,
  Min: extremum,

  Neg: unary((dy) => Op.neg(dy)),
  Abs: unary((dy, x) => times(dy, Op.sign(x))),
  Sign: flat,
  Floor: flat,
  Exp: unary((dy, _, y) => times(dy, y)),
  Log: unary((dy, x) => over(dy, x)),
  Sqrt: unary((dy, _, y) => over(Op.mul(dy, 0.5), y)),
  Reciprocal: unary((dy, _, y) => Op.neg(times(dy, Op.mul(y, y)))),
  Erf: unary((dy, x) => times(dy, Op.mul(Op.exp(Op.neg(Op.mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  Relu: unary((dy, _, y) => times(dy, indicator(Op.greater(y, 0), y))),
  Sigmoid: unary((dy, _, y) => times(dy, Op.mul(y, Op.sub(1, y)))),
  Tanh: unary((dy, _, y) => times(dy, Op.sub(1, Op.mul(y, y)))),
  Softplus: unary((dy, x) => times(dy, Op.sigmoid(x))),
  Identity: unary((dy) => dy),
  Cast: unary((dy, x) => Op.cast(x.type.dtype)(dy)),
  Where: where,
  Softmax: softmax,
  LogSoftmax: logSoftmax,

  MatMul: Products.matMul,
  'com.microsoft:FusedMatMul': Products.matMul,
  Gemm: Products.gemm,

  ReduceSum: reduction((dy) => dy),
  ReduceMean: reduction((dy, x, _, axes) => Op.div(dy, Op.count(x.type.dtype, axes)(x))),
  ReduceMax: reduceExtremum,
  ReduceMin: reduceExtremum,

  Reshape: reshaped,
  Unsqueeze: reshaped,
  Squeeze: reshaped,
  Expand: unary((dy, x) => unbroadcast(x)(dy)),
  Transpose: transpose,
  Concat: Indexing.concat,
  Slice: Indexing.slice,
  Pad: Indexing.pad,
  Gather: Indexing.gather,
  GatherElements: Indexing.gatherElements,
  GatherND: Indexing.gatherND,
  ScatterElements: Indexing.scatterElements,
  ScatterND: Indexing.scatterND,

  Conv: Windows.conv,
  ConvTranspose: Windows.convTranspose,
  MaxPool: Windows.maxPool,
  AveragePool: Windows.averagePool,
  GlobalAveragePool: Windows.globalAveragePool,
};

/** The key of an operator in the table: its name, after its domain unless that is ai.onnx. */
export const ruleName = (node: OperatorNode): string =>
  node.domain === '' ? node.operator : `${node.domain}:${node.operator}`;

export const ruleOf = (node: OperatorNode): Rule | undefined =>
  Object.hasOwn(rules, ruleName(node)) ? rules[ruleName(node)] : undefined;
