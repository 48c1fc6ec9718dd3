/**
 * Losses as formulas: one value for each sample or position, the last (or class) axis taken up. Float32; Keras's
 * definitions. Losses and metrics are made of these.
 */
import type { Value } from '../graph/Graph.ts';
import {
  abs,
  add,
  cast,
  div,
  equal,
  greater,
  log,
  max,
  min,
  mul,
  or,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  relu,
  softplus,
  sqrt,
  squeeze,
  sub,
  where,
} from '../graph/Operators.ts';
import { align } from './Alignment.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Formula = (output: Value, target: Value) => Value;

/** Keras's epsilon. */
export const epsilon = 1e-7;

export const float = cast('float32');
const meanLast = reduceMean({ axes: [-1] });
const sumLast = reduceSum({ axes: [-1] });
export const clip = (low: number, high: number) => (x: Value) => min(max(x, low), high);
const square = (x: Value) => mul(x, x);

/** A function of prediction and truth, both float32 and of the same rank. */
export const onFloats =
  (f: (p: Value, y: Value) => Value): Formula =>
  (output, target) =>
    f(...align(float(output), float(target)));

/** The mean over the last axis. */
export const meanOf = (f: (p: Value, y: Value) => Value): Formula => onFloats((p, y) => meanLast(f(p, y)));

// -------------------------------------------------------------------------------------
// regression
// -------------------------------------------------------------------------------------

/** Each on its own. */
export const squaredErrors = onFloats((p, y) => square(sub(p, y)));

export const meanSquaredError: Formula = (output, target) => meanLast(squaredErrors(output, target));

export const meanAbsoluteError = meanOf((p, y) => abs(sub(p, y)));

export const meanAbsolutePercentageError = meanOf((p, y) => mul(abs(div(sub(y, p), max(abs(y), epsilon))), 100));

const logPlusOne = (x: Value) => log(add(max(x, epsilon), 1));

export const meanSquaredLogarithmicError = meanOf((p, y) => square(sub(logPlusOne(p), logPlusOne(y))));

export const huber = (delta: number) =>
  meanOf((p, y) => {
    const e = abs(sub(p, y));
    return where(greater(e, delta), sub(mul(e, delta), (delta * delta) / 2), mul(square(e), 0.5));
  });

export const logCosh = meanOf((p, y) => {
  const e = sub(p, y);
  return sub(add(e, softplus(mul(e, -2))), Math.LN2);
});

/** The pinball: below the truth costs `tau` a unit, above 1 - `tau`. */
export const quantile = (tau: number) =>
  meanOf((p, y) => {
    const e = sub(y, p);
    return max(mul(e, tau), mul(e, tau - 1));
  });

export const poisson = meanOf((p, y) => sub(p, mul(y, log(add(p, epsilon)))));

/** Length 1; a vector shorter than 1e-7 keeps its direction but stays short. */
const unit = (x: Value) => div(x, sqrt(max(reduceSum({ axes: [-1], keepDims: true })(square(x)), epsilon * epsilon)));

export const cosine = onFloats((p, y) => sumLast(mul(unit(p), unit(y))));

/** Of each row: the mean, the deviations from it, and their mean square. */
const moments = (x: Value) => {
  const mean = reduceMean({ axes: [-1], keepDims: true })(x);
  const deviations = sub(x, mean);
  return { mean: squeeze([-1])(mean), deviations, variance: meanLast(square(deviations)) };
};

/** 0 for a row that is constant. */
export const pearson = onFloats((p, y) => {
  const [a, b] = [moments(p), moments(y)];
  const scale = sqrt(mul(a.variance, b.variance));
  const some = greater(scale, 0);
  return where(some, div(meanLast(mul(a.deviations, b.deviations)), where(some, scale, 1)), 0);
});

export const concordance = onFloats((p, y) => {
  const [a, b] = [moments(p), moments(y)];
  const spread = add(add(a.variance, b.variance), square(sub(b.mean, a.mean)));
  return div(mul(meanLast(mul(a.deviations, b.deviations)), 2), add(spread, epsilon));
});

export const klDivergence = onFloats((p, y) => {
  const truth = clip(epsilon, 1)(y);
  return sumLast(mul(truth, log(div(truth, clip(epsilon, 1)(p)))));
});

// -------------------------------------------------------------------------------------
// margins
// -------------------------------------------------------------------------------------

/** Labels 0 and 1 become -1 and 1, if there are no others in the batch. */
const signs = (y: Value): Value => {
  const binary = reduceMin()(float(or(equal(y, 0), equal(y, 1))));
  return where(cast('bool')(binary), sub(mul(y, 2), 1), y);
};

const margin = (p: Value, y: Value): Value => relu(sub(1, mul(signs(y), p)));

export const hinge = meanOf(margin);

export const squaredHinge = meanOf((p, y) => square(margin(p, y)));

export const categoricalHinge = onFloats((p, y) => {
  const positive = sumLast(mul(y, p));
  const negative = reduceMax({ axes: [-1] })(mul(sub(1, y), p));
  return relu(add(sub(negative, positive), 1));
});
