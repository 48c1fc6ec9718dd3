/**
 * Batch normalisation to operators: statistics of the batch in training, running ones in inference.
 */
import { stopGradient } from '../../autodiff/Grad.ts';
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { BatchNormalizationSpec, Renorm } from '../../layer/CoreSpec.ts';
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
  const shifted = (y: Value): Value => (spec.center ? Op.add(y, spread(at.parameter('beta'))) : y);
  const inverse = (v: Value): Value => Op.reciprocal(Op.sqrt(Op.add(v, spec.epsilon)));
  if (at.mode._tag === 'Inference') {
    if (axis !== 1) return { output: shifted(Op.mul(Op.sub(x, spread(mean)), scaled(spread(inverse(variance))))) };
    const gamma = spec.scale ? at.parameter('gamma') : Op.fillLike(mean, 1);
    const beta = spec.center ? at.parameter('beta') : Op.fillLike(mean, 0);
    return { output: Op.batchNormalization(x, gamma, beta, mean, variance, spec.epsilon) };
  }
  const axes = perChannel.flatMap((_, i) => (i === axis ? [] : [i]));
  const average = averageOf(axes, x, at.masks[0]);
  const batchMean = average(x);
  const centred = Op.sub(x, batchMean);
  const batchVariance = average(Op.mul(centred, centred));
  const moved =
    (momentum: number) =>
    (old: Value, batch: Value): Value =>
      Op.add(Op.mul(old, momentum), Op.mul(Op.reshapeLike(old)(batch), 1 - momentum));
  const moving = moved(spec.momentum);
  const { renorm } = spec;
  if (renorm === undefined)
    return {
      output: shifted(Op.mul(centred, scaled(inverse(batchVariance)))),
      updates: { moving_mean: moving(mean, batchMean), moving_variance: moving(variance, batchVariance) },
    };
  const [meanBefore, deviationBefore] = [at.parameter('renorm_mean'), at.parameter('renorm_stddev')];
  const deviation = Op.sqrt(Op.add(batchVariance, spec.epsilon));
  const { r, d } = corrections(renorm, spec.epsilon, {
    mean: batchMean,
    deviation,
    meanBefore: Op.reshape(perChannel)(meanBefore),
    deviationBefore: Op.reshape(perChannel)(deviationBefore),
  });
  const normal = Op.add(Op.mul(Op.div(centred, deviation), r), d);
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
