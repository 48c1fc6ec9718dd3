/**
 * Reverse mode, all of it: operator -> vector-Jacobian product.
 *
 * In a rule, `dy` is the cotangent of the output `y`, and the result is that of the input. `times`, `plus`, ... are
 * Mul, Add, ... that skip an Expand where broadcasting does the same; `unary` and `binary` fetch the values, and `binary`
 * sums what was broadcast. The rules are made of operators of this table, so gradients have gradients.
 *
 * Where a derivative does not exist, the choice is: Abs, Sign, Floor and Relu have 0 at their kinks; Max, Min, ReduceMax,
 * ReduceMin and GlobalMaxPool share equally among equals; MaxPool gives all to the first of equals.
 *
 * What takes more than a line is in a file of its family: activations, reductions, products, Einsum, normalisations,
 * indexing, arrangement, resampling, sampling, windows, pooling, recurrence. What is not here has no gradient: that is an error which names it.
 */
import type { OperatorNode, Value } from '../graph/Graph.ts';
import { isSame } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import * as Activations from './Activations.ts';
import * as Arrangement from './Arrangement.ts';
import { einsum } from './Einsum.ts';
import * as Indexing from './Indexing.ts';
import * as Loops from './Loops.ts';
import * as Normalizations from './Normalizations.ts';
import * as Pooling from './Pooling.ts';
import * as Products from './Products.ts';
import * as Recurrence from './Recurrence.ts';
import * as Reductions from './Reductions.ts';
import { resize } from './Resampling.ts';
import {
  binary,
  cotangent,
  flat,
  indicator,
  input,
  intOf,
  intsOf,
  minus,
  numbersOf,
  output,
  over,
  plus,
  positive,
  type Rule,
  scaled,
  shapedAs,
  times,
  unary,
  unbroadcast,
} from './Rule.ts';
import { gridSample } from './Sampling.ts';
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

/** Of Sum and Mean: each of the arguments, broadcast to the output, with the same weight. */
const together =
  (share: (dy: Value, count: number) => Value): Rule =>
  (at) => {
    const dy = share(cotangent(at), at.inputs.length);
    return at.inputs.map((_, i) => () => unbroadcast(input(at, i))(dy));
  };

/** The sum over what was broadcast comes before the sign: there it has less to change. */
const difference: Rule = (at) => {
  const dy = cotangent(at);
  return [() => unbroadcast(input(at, 0))(dy), () => Op.neg(unbroadcast(input(at, 1))(dy))];
};

/** Of a square both parts at once. */
const product: Rule = (at) => {
  const [dy, a, b] = [cotangent(at), input(at, 0), input(at, 1)];
  if (isSame(a, b)) return [() => times(scaled(2)(dy), a)];
  return [() => unbroadcast(a)(times(dy, b)), () => unbroadcast(b)(times(dy, a))];
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
  Sub: difference,
  Mul: product,
  Div: binary(
    (dy, _, b) => over(dy, b),
    (dy, _, b, y) => Op.neg(times(over(dy, b), y)),
  ),
  Pow: power,
  /** fmod and Python's remainder alike: a = b n + y, where n is flat. */
  Mod: binary(
    (dy) => dy,
    (dy, a, b, y) => Op.neg(times(dy, Op.div(Op.sub(a, y), b))),
  ),
  Max: extremum,
  Min: extremum,
  Sum: together((dy) => dy),
  Mean: together((dy, count) => Op.div(dy, count)),

  Neg: unary((dy) => Op.neg(dy)),
  Abs: unary((dy, x) => times(dy, Op.sign(x))),
  Exp: unary((dy, _, y) => times(dy, y)),
  Log: unary((dy, x) => over(dy, x)),
  Sqrt: unary((dy, _, y) => over(Op.mul(dy, 0.5), y)),
  Reciprocal: unary((dy, _, y) => Op.neg(times(dy, Op.mul(y, y)))),
  Erf: unary((dy, x) => times(dy, Op.mul(Op.exp(Op.neg(Op.mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  Relu: unary((dy, _, y) => times(dy, positive(y))),
  Sigmoid: unary((dy, _, y) => times(dy, Op.mul(y, Op.sub(1, y)))),
  Tanh: unary((dy, _, y) => times(dy, Op.sub(1, Op.mul(y, y)))),
  Sin: unary((dy, x) => times(dy, Op.cos(x))),
  Cos: unary((dy, x) => Op.neg(times(dy, Op.sin(x)))),
  Tan: unary((dy, _, y) => times(dy, Op.add(Op.mul(y, y), 1))),
  Asin: unary((dy, x) => over(dy, Op.sqrt(Op.sub(1, Op.mul(x, x))))),
  Acos: unary((dy, x) => Op.neg(over(dy, Op.sqrt(Op.sub(1, Op.mul(x, x)))))),
  Atan: unary((dy, x) => over(dy, Op.add(Op.mul(x, x), 1))),
  Sinh: unary((dy, x) => times(dy, Op.cosh(x))),
  Cosh: unary((dy, x) => times(dy, Op.sinh(x))),
  Asinh: unary((dy, x) => over(dy, Op.sqrt(Op.add(Op.mul(x, x), 1)))),
  Acosh: unary((dy, x) => over(dy, Op.sqrt(Op.sub(Op.mul(x, x), 1)))),
  Atanh: unary((dy, x) => over(dy, Op.sub(1, Op.mul(x, x)))),

  Softplus: unary((dy, x) => times(dy, Op.sigmoid(x))),
  Softsign: Activations.softsign,
  LeakyRelu: Activations.leakyRelu,
  PRelu: Activations.pRelu,
  ThresholdedRelu: Activations.thresholdedRelu,
  Elu: Activations.elu,
  Celu: Activations.celu,
  Selu: Activations.selu,
  Mish: Activations.mish,
  Gelu: Activations.gelu,
  'com.microsoft:Gelu': Activations.gelu,
  'com.microsoft:BiasGelu': Activations.biasGelu,
  'com.microsoft:FastGelu': Activations.fastGelu,
  'com.microsoft:QuickGelu': Activations.quickGelu,
  HardSigmoid: Activations.hardSigmoid,
  HardSwish: Activations.hardSwish,
  Shrink: Activations.shrink,
  Clip: Activations.clip,
  Dropout: Activations.dropout,
  Identity: unary((dy) => dy),
  Cast: unary((dy, x) => Op.cast(x.type.dtype)(dy)),
  Where: where,
  Softmax: softmax,
  LogSoftmax: logSoftmax,

  MatMul: Products.matMul,
  'com.microsoft:FusedMatMul': Products.matMul,
  Gemm: Products.gemm,
  Einsum: einsum,

  ReduceSum: Reductions.reduction((dy) => dy),
  ReduceMean: Reductions.reduction((dy, x, _, axes) => Op.div(dy, Op.count(x.type.dtype, axes)(x))),
  ReduceMax: Reductions.extremum,
  ReduceMin: Reductions.extremum,
  ReduceProd: Reductions.prod,
  ReduceL1: Reductions.reduction((dy, x) => times(dy, Op.sign(x))),
  ReduceL2: Reductions.l2,
  ReduceSumSquare: Reductions.reduction((dy, x) => times(dy, Op.mul(x, 2))),
  ReduceLogSum: Reductions.reduction((dy, _, y) => over(dy, Op.exp(y))),
  ReduceLogSumExp: Reductions.logSumExp,
  CumSum: Arrangement.cumSum,

  Reshape: reshaped,
  Flatten: reshaped,
  Unsqueeze: reshaped,
  Squeeze: reshaped,
  Expand: unary((dy, x) => unbroadcast(x)(dy)),
  Transpose: transpose,
  Tile: Arrangement.tile,
  Concat: Indexing.concat,
  Split: Arrangement.split,
  Slice: Indexing.slice,
  Pad: Indexing.pad,
  Gather: Indexing.gather,
  GatherElements: Indexing.gatherElements,
  GatherND: Indexing.gatherND,
  ScatterElements: Indexing.scatterElements,
  ScatterND: Indexing.scatterND,
  TopK: Arrangement.topK,
  Compress: Arrangement.compress,
  Trilu: Arrangement.itself,
  ReverseSequence: Arrangement.itself,
  OneHot: Arrangement.oneHot,
  Range: Arrangement.range,
  DepthToSpace: Arrangement.depthToSpace,
  SpaceToDepth: Arrangement.spaceToDepth,
  Resize: resize,
  GridSample: gridSample,

  BatchNormalization: Normalizations.batch,
  LayerNormalization: Normalizations.layer,
  SimplifiedLayerNormalization: Normalizations.rootMeanSquare,
  InstanceNormalization: Normalizations.instance,
  GroupNormalization: Normalizations.group,
  MeanVarianceNormalization: Normalizations.meanVariance,
  LpNormalization: Normalizations.lp,
  LRN: Normalizations.localResponse,

  Loop: Loops.loop,

  Conv: Windows.conv,
  ConvTranspose: Windows.convTranspose,
  MaxPool: Pooling.maxPool,
  AveragePool: Pooling.averagePool,
  LpPool: Pooling.lpPool,
  GlobalAveragePool: Pooling.globalAveragePool,
  GlobalMaxPool: Pooling.globalMaxPool,
  GlobalLpPool: Pooling.globalLpPool,

  RNN: Recurrence.rnn,
  LSTM: Recurrence.lstm,
  GRU: Recurrence.gru,

  // Zero wherever the derivative exists: steps, and sizes, places and random numbers that only look at an input's shape.
  Sign: flat,
  Floor: flat,
  Ceil: flat,
  Round: flat,
  Hardmax: flat,
  EyeLike: flat,
  RandomNormalLike: flat,
  RandomUniformLike: flat,

  // Integers and truth values, through which nothing flows.
  Shape: flat,
  Size: flat,
  ArgMax: flat,
  ArgMin: flat,
  NonZero: flat,
  ConstantOfShape: flat,
  Equal: flat,
  Greater: flat,
  GreaterOrEqual: flat,
  Less: flat,
  LessOrEqual: flat,
  Not: flat,
  And: flat,
  Or: flat,
  Xor: flat,
  IsNaN: flat,
  IsInf: flat,
};

/** The key of an operator in the table: its name, after its domain unless that is ai.onnx. */
export const ruleName = (node: OperatorNode): string =>
  node.domain === '' ? node.operator : `${node.domain}:${node.operator}`;

export const ruleOf = (node: OperatorNode): Rule | undefined =>
  Object.hasOwn(rules, ruleName(node)) ? rules[ruleName(node)] : undefined;
