/**
 * Rules of normalisations. All stand on one function, `standard`: values less their mean, over their deviation, along
 * some axes; means and deviations are those of the input, so they have gradients too.
 */
import type { Value } from '../graph/Graph.ts';
import * as Op from '../graph/Operators.ts';
import type { Dim } from '../shape/Shape.ts';
import {
  type At,
  composed,
  cotangent,
  floatOf,
  input,
  intOf,
  intsOf,
  type Rule,
  refuse,
  shapedAs,
  staticSizes,
  unbroadcast,
} from './Rule.ts';

// -------------------------------------------------------------------------------------
// mean and deviation
// -------------------------------------------------------------------------------------

interface Standard {
  readonly centred: Value;
  /** One over the deviation. */
  readonly inverse: Value;
  readonly unit: Value;
}

type Axes = readonly number[];

const mean = (axes: Axes) => Op.reduceMean({ axes, keepDims: true });

const inverseRoot = (square: Value, epsilon: number): Value => Op.reciprocal(Op.sqrt(Op.add(square, epsilon)));

const standardBy = (centred: Value, inverse: Value): Standard => ({
  centred,
  inverse,
  unit: Op.mul(centred, inverse),
});

const standard = (x: Value, axes: Axes, epsilon: number): Standard => {
  const centred = Op.sub(x, mean(axes)(x));
  return standardBy(centred, inverseRoot(mean(axes)(Op.mul(centred, centred)), epsilon));
};

/** Cotangent of x from that of its standard form. */
const throughStandard = (d: Value, { unit, inverse }: Standard, axes: Axes): Value =>
  Op.mul(inverse, Op.sub(Op.sub(d, mean(axes)(d)), Op.mul(unit, mean(axes)(Op.mul(d, unit)))));

const from = (x: Value, axis: number): Axes => x.type.shape.flatMap((_, i) => (i >= axis ? [i] : []));

const onlyFirstOutput = (at: At, what: string): void => {
  if (at.dy.slice(1).some((d) => d !== undefined)) refuse(at.node, `a gradient of its ${what}`);
};

// -------------------------------------------------------------------------------------
// layer and root mean square
// -------------------------------------------------------------------------------------

/** Whether the last axis alone is normalised and has a factor for each place, in numbers that need not be near one. */
const isOfRows = (x: Value, axes: Axes, scale: Value): boolean =>
  (x.type.dtype === 'float32' || x.type.dtype === 'float64') &&
  axes.length === 1 &&
  Op.rank(x) > 1 &&
  Op.rank(scale) === 1 &&
  scale.type.shape[0] === x.type.shape[Op.rank(x) - 1];

/**
 * Cotangents of input and factors of rows, by one product of the cotangent with the deviations: it is summed with the factors along
 * rows, and with the inverse deviations over them. Where sums of products are products of matrices (`Sums.ts`), neither sum needs
 * another pass, and the standard form is not needed.
 */
const throughRows = (dy: Value, { centred, inverse }: Standard, scale: Value, axes: Axes, isCentred: boolean) => {
  const part = Op.mul(dy, centred);
  const scaled = Op.mul(dy, scale);
  const level = isCentred ? Op.sub(scaled, mean(axes)(scaled)) : scaled;
  const along = Op.mul(mean(axes)(Op.mul(part, scale)), Op.mul(inverse, inverse));
  return {
    dx: Op.mul(Op.sub(level, Op.mul(centred, along)), inverse),
    scale: unbroadcast(scale)(Op.mul(part, inverse)),
  };
};

/** Mean and inverse deviation are outputs 2 and 3; where the node has them they are not computed again. */
export const layer: Rule = (at) => {
  onlyFirstOutput(at, 'mean or deviation');
  const [dy, x, scale, bias] = [cotangent(at), input(at, 0), input(at, 1), at.inputs[2]] as const;
  const axes = from(x, Op.axisOf(x, intOf(at.node, 'axis', -1)));
  const [, average, inverse] = at.outputs;
  const s =
    average !== undefined && inverse !== undefined && inverse.type.dtype === x.type.dtype
      ? standardBy(Op.sub(x, average), inverse)
      : standard(x, axes, floatOf(at.node, 'epsilon', 1e-5));
  const rows = isOfRows(x, axes, scale) ? throughRows(dy, s, scale, axes, true) : undefined;
  return [
    () => rows?.dx ?? throughStandard(Op.mul(dy, scale), s, axes),
    () => rows?.scale ?? unbroadcast(scale)(Op.mul(dy, s.unit)),
    bias === undefined ? undefined : () => unbroadcast(bias)(dy),
  ];
};

/** Without a mean: SimplifiedLayerNormalization, RMSNormalization. */
export const rootMeanSquare: Rule = (at) => {
  onlyFirstOutput(at, 'deviation');
  const [dy, x, scale] = [cotangent(at), input(at, 0), input(at, 1)] as const;
  const axes = from(x, Op.axisOf(x, intOf(at.node, 'axis', -1)));
  const inverse = inverseRoot(mean(axes)(Op.mul(x, x)), floatOf(at.node, 'epsilon', 1e-5));
  const unit = Op.mul(x, inverse);
  const rows = isOfRows(x, axes, scale) ? throughRows(dy, standardBy(x, inverse), scale, axes, false) : undefined;
  if (rows !== undefined) return [() => rows.dx, () => rows.scale];
  return [
    () => {
      const d = Op.mul(dy, scale);
      return Op.mul(inverse, Op.sub(d, Op.mul(unit, mean(axes)(Op.mul(d, unit)))));
    },
    () => unbroadcast(scale)(Op.mul(dy, unit)),
  ];
};

// -------------------------------------------------------------------------------------
// one number a channel
// -------------------------------------------------------------------------------------

/** A vector of channels so that it broadcasts against [batch, channels, ...]. */
const perChannel =
  (like: Value) =>
  (v: Value): Value =>
    Op.reshape([v.type.shape[0] as Dim, ...like.type.shape.slice(2).map(() => 1)])(v);

/** The sum over all but channels. */
const ofChannel =
  (like: Value) =>
  (v: Value): Value =>
    shapedAs(like)(Op.reduceSum({ axes: v.type.shape.flatMap((_, i) => (i === 1 ? [] : [i])) })(v));

/** Inference form: the statistics are inputs. */
export const batch: Rule = (at) => {
  if (intOf(at.node, 'training_mode', 0) !== 0) refuse(at.node, 'training_mode 1 (use a batchNormalization layer)');
  const [dy, x, scale, bias] = [cotangent(at), input(at, 0), input(at, 1), input(at, 2)] as const;
  const [average, variance] = [input(at, 3), input(at, 4)];
  const spread = perChannel(x);
  const inverse = inverseRoot(variance, floatOf(at.node, 'epsilon', 1e-5));
  const centred = Op.sub(x, spread(average));
  const factor = Op.mul(scale, inverse);
  const moment = ofChannel(scale)(Op.mul(dy, centred));
  return [
    () => Op.mul(dy, spread(factor)),
    () => Op.mul(moment, inverse),
    () => ofChannel(bias)(dy),
    () => Op.neg(Op.mul(ofChannel(average)(dy), factor)),
    () => Op.mul(Op.mul(moment, Op.mul(factor, Op.mul(inverse, inverse))), -0.5),
  ];
};

export const instance: Rule = (at) => {
  const [dy, x, scale, bias] = [cotangent(at), input(at, 0), input(at, 1), input(at, 2)] as const;
  const axes = from(x, 2);
  const s = standard(x, axes, floatOf(at.node, 'epsilon', 1e-5));
  return [
    () => throughStandard(Op.mul(dy, perChannel(x)(scale)), s, axes),
    () => ofChannel(scale)(Op.mul(dy, s.unit)),
    () => ofChannel(bias)(dy),
  ];
};

/** Scale and bias are one number a group in opset 18, one a channel from 21 on. */
export const group: Rule = composed((at) => {
  const x = input(at, 0);
  const groups = intOf(at.node, 'num_groups', 1);
  const [channels, ...sizes] = staticSizes(x, 1, 'the gradient of GroupNormalization') as [number, ...number[]];
  const cells = [channels, ...sizes].reduce((p, d) => p * d, 1) / groups;
  const s = standard(Op.reshape([x.type.shape[0] as Dim, groups, cells])(x), [2], floatOf(at.node, 'epsilon', 1e-5));
  const spread = (v: Value): Value => {
    if (v.type.shape[0] === channels) return perChannel(x)(v);
    const each = Op.tensor(Array(channels).fill(0), [groups, channels / groups], v.type.dtype);
    return perChannel(x)(Op.reshape([channels])(Op.expandLike(each)(Op.reshape([groups, 1])(v))));
  };
  return [Op.add(Op.mul(Op.reshape(x.type.shape)(s.unit), spread(input(at, 1))), spread(input(at, 2)))];
});

// -------------------------------------------------------------------------------------
// without parameters
// -------------------------------------------------------------------------------------

export const meanVariance: Rule = (at) => {
  const [dy, x] = [cotangent(at), input(at, 0)];
  const axes = intsOf(at.node, 'axes') ?? [0, 2, 3];
  return [() => throughStandard(dy, standard(x, axes, 1e-9), axes)];
};

/** x over its l1 or l2 norm along an axis; zero where the norm is zero. */
export const lp: Rule = (at) => {
  const [dy, x, y] = [cotangent(at), input(at, 0), at.outputs[0] as Value] as const;
  const sum = Op.reduceSum({ axes: [intOf(at.node, 'axis', -1)], keepDims: true });
  const first = intOf(at.node, 'p', 2) === 1;
  const norm = first ? sum(Op.abs(x)) : Op.sqrt(sum(Op.mul(x, x)));
  const safe = Op.where(Op.equal(norm, 0), 1, norm);
  const along = Op.mul(first ? Op.sign(x) : y, sum(Op.mul(dy, y)));
  return [() => Op.where(Op.equal(norm, 0), 0, Op.div(Op.sub(dy, along), safe))];
};

/** Sums over `before` channels before and `after` channels after each one. */
const neighbours =
  (before: number, after: number) =>
  (v: Value): Value => {
    const [channels] = staticSizes(v, 1, 'the gradient of LRN') as readonly [number];
    const pads = [0, 1].flatMap((side) => v.type.shape.map((_, i) => (i !== 1 ? 0 : side === 0 ? before : after)));
    const padded = Op.pad(pads)(v);
    return Array.from({ length: before + after + 1 }, (_, k) =>
      Op.slice({ axes: [1], starts: [k], ends: [k + channels] })(padded),
    ).reduce(Op.add);
  };

/** Local response: x s^-beta with s = bias + alpha / size times the squares of the channels around. */
export const localResponse: Rule = (at) => {
  const [dy, x, y] = [cotangent(at), input(at, 0), at.outputs[0] as Value] as const;
  const size = intOf(at.node, 'size', 1);
  const [alpha, beta] = [floatOf(at.node, 'alpha', 1e-4), floatOf(at.node, 'beta', 0.75)];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const squares = neighbours(before, after)(Op.mul(x, x));
  const s = Op.add(Op.mul(squares, alpha / size), floatOf(at.node, 'bias', 1));
  return [
    () => {
      const others = neighbours(after, before)(Op.div(Op.mul(dy, y), s));
      return Op.sub(Op.mul(dy, Op.pow(s, -beta)), Op.mul(Op.mul(x, others), (2 * alpha * beta) / size));
    },
  ];
};
