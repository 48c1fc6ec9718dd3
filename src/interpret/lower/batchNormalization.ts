/**
 * Batch normalisation to operators: statistics of the batch in training, running ones in inference.
 */
import { stopGradient } from '../../autodiff/Grad.ts';
import { type Value, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import { ints, isStatic, op, product } from '../../graph/operators/node.ts';
import type { BatchNormalizationSpec, Renorm } from '../../layer/CoreSpec.ts';
import type { Dim } from '../../shape/Shape.ts';
import { spread } from './masks.ts';
import type { Result, Site } from './Site.ts';

/** Means over axes: of all of `x`, or of the steps that count, by Keras's formula. */
const averageOf = (axes: readonly number[], x: Value, mask: Value | undefined): ((v: Value) => Value) => {
  if (mask === undefined) return Op.reduceMean({ axes, keepDims: true });
  const weights = Op.mul(Op.fillLike(x, 1), Op.cast(x.type.dtype)(spread(mask, x)));
  const sum = Op.reduceSum({ axes, keepDims: true });
  const total = Op.add(sum(weights), 1e-7);
  return (v) => Op.div(sum(Op.mul(v, weights)), total);
};

/** Numbers of a sample from which on a pass over a batch takes longer than an estimate. */
const large = 2 ** 13;

const isLarge = ({ type: { shape } }: Value): boolean => {
  const sizes = shape.slice(1).map((n) => (typeof n === 'number' ? n : 0));
  return product(sizes) >= large;
};

/** One cell of each image of a convolution, in the middle. `undefined`: it is none, or its images are smaller than its windows. */
const middleOf = ({ node, type }: Value): Value | undefined => {
  if (node._tag !== 'Operator' || node.operator !== 'Conv' || node.domain !== '') return undefined;
  const [x, kernel, bias] = node.inputs as readonly [Value, Value, Value | undefined];
  const { dilations } = node.attributes;
  const spatial: readonly Dim[] = kernel.type.shape.slice(2);
  if (!isStatic(spatial) || dilations?._tag !== 'Ints') return undefined;
  const window = spatial.map((k, i) => (dilations.value[i] as number) * (k - 1) + 1);
  const starts = window.map((size, i) => {
    const n = x.type.shape[i + 2];
    return typeof n === 'number' ? Math.floor((n - size) / 2) : -1;
  });
  if (starts.some((n) => n < 0)) return undefined;
  const axes = starts.map((_, i) => i + 2);
  const seen = Op.slice({ axes, starts, ends: starts.map((n, i) => n + (window[i] as number)) })(x);
  const shape = [...type.shape.slice(0, 2), ...window.map(() => 1)];
  const attributes = { ...node.attributes, pads: ints([...window, ...window].map(() => 0)) };
  return op('Conv', [seen, kernel, bias], valueType(type.dtype, shape), attributes);
};

/** `near`: the batch less something near its mean; `rest`: the mean of that, where it is not 0. */
interface Moments {
  readonly near: Value;
  readonly rest: Value | undefined;
  readonly mean: Value;
  readonly variance: Value;
}

/** In two passes: the deviations from the mean, and their squares. */
const ofDeviations = (x: Value, average: (v: Value) => Value): Moments => {
  const mean = average(x);
  const near = Op.sub(x, mean);
  return { near, rest: undefined, mean, variance: average(Op.mul(near, near)) };
};

/**
 * In one pass, of a convolution, whose bias takes an estimate of the mean away: the variance is the mean of squares less the square
 * of the mean. The result does not depend on the estimate, nor does its gradient; but where the middle of the images is d standard
 * deviations from their mean, log10(1 + d * d) digits of the variance are lost. Chan, Golub, LeVeque 1983 (shifted data).
 */
const byEstimate = (x: Value, average: (v: Value) => Value): Moments | undefined => {
  const some = isLarge(x) ? middleOf(x) : undefined;
  if (some === undefined) return undefined;
  const estimate = stopGradient(average(some));
  const near = Op.sub(x, estimate);
  const rest = average(near);
  const variance = Op.relu(Op.sub(average(Op.mul(near, near)), Op.mul(rest, rest)));
  return { near, rest, mean: Op.add(rest, estimate), variance };
};

/** Of the batch and before it, each with one number for each feature. */
interface Statistics {
  readonly mean: Value;
  readonly deviation: Value;
  readonly meanBefore: Value;
  readonly deviationBefore: Value;
}

/** What takes the batch's normalisation to that by the statistics before it: constants to the gradient. */
const corrections = ({ rmin, rmax, dmax }: Renorm, epsilon: number, s: Statistics) => {
  const before = Op.max(s.deviationBefore, Math.sqrt(epsilon));
  const between = (x: Value, least: number | undefined, most: number | undefined): Value => {
    const raised = least === undefined ? x : Op.max(x, least);
    return stopGradient(most === undefined ? raised : Op.min(raised, most));
  };
  return {
    r: between(Op.div(s.deviation, before), rmin, rmax),
    d: between(Op.div(Op.sub(s.mean, s.meanBefore), before), dmax === undefined ? undefined : -dmax, dmax),
  };
};

export const batchNormalization = (spec: BatchNormalizationSpec, x: Value, at: Site): Result => {
  const rank = Op.rank(x);
  const axis = Op.axisOf(x, spec.axis ?? (rank >= 4 ? 1 : -1));
  const perChannel = x.type.shape.map((d, i) => (i === axis ? d : 1));
  const spread = axis === rank - 1 ? (v: Value) => v : Op.reshape(perChannel);
  const mean = at.parameter('moving_mean');
  const variance = at.parameter('moving_variance');
  const scaled = (inverse: Value): Value => (spec.scale ? Op.mul(inverse, spread(at.parameter('gamma'))) : inverse);
  const shifted = (y: Value, less?: Value): Value => {
    const beta = spec.center ? spread(at.parameter('beta')) : undefined;
    if (beta === undefined) return less === undefined ? y : Op.sub(y, less);
    return Op.add(y, less === undefined ? beta : Op.sub(beta, less));
  };
  const inverse = (v: Value): Value => Op.reciprocal(Op.sqrt(Op.add(v, spec.epsilon)));
  if (at.mode._tag === 'Inference') {
    if (axis !== 1) return { output: shifted(Op.mul(Op.sub(x, spread(mean)), scaled(spread(inverse(variance))))) };
    const gamma = spec.scale ? at.parameter('gamma') : Op.fillLike(mean, 1);
    const beta = spec.center ? at.parameter('beta') : Op.fillLike(mean, 0);
    return { output: Op.batchNormalization(x, gamma, beta, mean, variance, spec.epsilon) };
  }
  const axes = perChannel.flatMap((_, i) => (i === axis ? [] : [i]));
  const average = averageOf(axes, x, at.masks[0]);
  const { renorm } = spec;
  // An estimate is of all cells alike, and padded steps do not count.
  const isPlain = renorm === undefined && at.masks[0] === undefined && axis === 1;
  const moments = (isPlain ? byEstimate(x, average) : undefined) ?? ofDeviations(x, average);
  const { near, rest, mean: batchMean, variance: batchVariance } = moments;
  const moved =
    (momentum: number) =>
    (old: Value, batch: Value): Value =>
      Op.add(Op.mul(old, momentum), Op.mul(Op.reshapeLike(old)(batch), 1 - momentum));
  const moving = moved(spec.momentum);
  if (renorm === undefined) {
    const scale = scaled(inverse(batchVariance));
    return {
      output: shifted(Op.mul(near, scale), rest === undefined ? undefined : Op.mul(rest, scale)),
      updates: { moving_mean: moving(mean, batchMean), moving_variance: moving(variance, batchVariance) },
    };
  }
  const [meanBefore, deviationBefore] = [at.parameter('renorm_mean'), at.parameter('renorm_stddev')];
  const deviation = Op.sqrt(Op.add(batchVariance, spec.epsilon));
  const { r, d } = corrections(renorm, spec.epsilon, {
    mean: batchMean,
    deviation,
    meanBefore: Op.reshape(perChannel)(meanBefore),
    deviationBefore: Op.reshape(perChannel)(deviationBefore),
  });
  const normal = Op.add(Op.mul(Op.div(near, deviation), r), d);
  const movedDeviation = moving(at.parameter('moving_stddev'), deviation);
  return {
    output: shifted(scaled(normal)),
    updates: {
      moving_mean: moving(mean, batchMean),
      moving_variance: Op.max(Op.sub(Op.mul(movedDeviation, movedDeviation), spec.epsilon), 0),
      moving_stddev: movedDeviation,
      renorm_mean: moved(renorm.momentum)(meanBefore, batchMean),
      renorm_stddev: moved(renorm.momentum)(deviationBefore, deviation),
    },
  };
};
