/**
 * Stages that look at a parameter as a whole: its length, its rows and columns.
 */
import type { Value } from '../graph/Graph.ts';
import {
  add,
  and,
  div,
  greater,
  max,
  min,
  mul,
  neg,
  pow,
  reciprocal,
  reduceMean,
  sqrt,
  sub,
  where,
} from '../graph/Operators.ts';
import { notNegative, positive, unmet } from '../shape/Requirement.ts';
import { constant, falling, norm, rootMeanSquare } from './scalars.ts';
import { map, perParameter, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// LAMB
// -------------------------------------------------------------------------------------

/**
 * Each parameter's update times the length of the parameter over the update's own, where both are above 0: layers move by
 * shares of their size. You et al. 2020, https://arxiv.org/abs/1904.00962
 */
export const scaleByTrustRatio: Transformation = map('trust_ratio', () => ({ gradient, parameter }) => {
  const [ofWeights, ofUpdate] = [norm(parameter), norm(gradient)];
  const both = and(greater(ofWeights, 0), greater(ofUpdate, 0));
  return mul(gradient, where(both, div(ofWeights, ofUpdate), 1));
});

// -------------------------------------------------------------------------------------
// Adafactor
// -------------------------------------------------------------------------------------

/** The two longest axes, the last ones of equals; `undefined` for a scalar or a vector. */
const factored = (shape: readonly number[]): readonly [number, number] | undefined => {
  const [first, second] = shape
    .map((size, axis) => ({ size, axis }))
    .sort((a, b) => b.size - a.size || b.axis - a.axis)
    .map(({ axis }) => axis);
  return first === undefined || second === undefined ? undefined : [Math.min(first, second), Math.max(first, second)];
};

const collapsed = (shape: readonly number[], axis: number): readonly number[] =>
  shape.map((size, i) => (i === axis ? 1 : size));

/**
 * g / sqrt(v), where v is a running mean of g^2 + epsilon that keeps 1 - t^decay of itself; of tensors with two axes or
 * more only the means along rows and along columns are kept, and v is their product over the mean. Memory for a matrix
 * is a row and a column. The rows and columns are the two longest axes (Keras: the last two, which in its layout of kernels
 * are inputs and outputs). Shazeer and Stern 2018, https://arxiv.org/abs/1804.04235
 */
export const scaleByFactoredSquares = (decay = -0.8, epsilon = 1e-30): Transformation =>
  perParameter(
    'factored',
    ({ shape }): Readonly<Record<string, { readonly shape: readonly number[]; readonly init: number }>> => {
      const axes = factored(shape);
      return axes === undefined
        ? { velocity: { shape, init: 0 } }
        : { row: { shape: collapsed(shape, axes[1]), init: 0 }, column: { shape: collapsed(shape, axes[0]), init: 0 } };
    },
    ({ step }) => {
      const fresh = pow(step, decay);
      const kept = sub(1, fresh);
      const running = (before: Value, now: Value) => add(mul(before, kept), mul(now, fresh));
      return ({ gradient, slot }) => {
        const squares = add(mul(gradient, gradient), epsilon);
        const axes = factored(gradient.type.shape.filter((d) => typeof d === 'number'));
        if (axes === undefined) {
          const velocity = running(slot('velocity'), squares);
          return { update: div(gradient, sqrt(velocity)), slots: { velocity } };
        }
        const along = (axis: number) => reduceMean({ axes: [axis], keepDims: true });
        const row = running(slot('row'), along(axes[1])(squares));
        const column = running(slot('column'), along(axes[0])(squares));
        const velocity = mul(div(row, along(axes[0])(row)), column);
        return { update: div(gradient, sqrt(velocity)), slots: { row, column } };
      };
    },
    unmet('scaleByFactoredSquares', [falling('the decay', decay), notNegative('epsilon', epsilon)]),
  );

/** Each parameter's update to a root of its mean square of at most `threshold`. */
export const clipByRootMeanSquare = (threshold: number): Transformation =>
  map(
    'clip_by_rms',
    () =>
      ({ gradient }) =>
        div(gradient, max(mul(rootMeanSquare(gradient), 1 / threshold), 1)),
    unmet('clipByRootMeanSquare', [positive('the threshold', threshold)]),
  );

/**
 * Minus r times the gradient, where r = min(rate, 1 / sqrt(t)) times the root of the parameter's mean square, which counts
 * as `smallest` at least: the rate is relative to the size of the parameter.
 */
export const descendRelatively = (smallest = 1e-3): Transformation =>
  map(
    'descend_relatively',
    ({ learningRate, step }) => {
      const rate = neg(min(learningRate, reciprocal(sqrt(step))));
      const least = constant(smallest);
      return ({ gradient, parameter }) => mul(gradient, mul(max(rootMeanSquare(parameter), least), rate));
    },
    unmet('descendRelatively', [notNegative('the smallest size', smallest)]),
  );
