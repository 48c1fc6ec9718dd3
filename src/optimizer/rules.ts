/**
 * The stages that the optimizers here are chains of. Formulas and their order are Keras's.
 *
 * For big layers the time goes into passes over memory, so rules are written in few full-size operators; what depends on
 * the step alone is a scalar.
 */
import type { Value } from '../graph/Graph.ts';
import { operator, valueType } from '../graph/Graph.ts';
import { add, div, max, min, mul, neg, pow, reciprocal, scalar, sqrt, sub } from '../graph/Operators.ts';
import { joint, map, perParameter, type Transformation } from './Transformation.ts';

const constant = (value: number): Value => scalar(value, 'float32');

const sumOfSquares = (x: Value): Value =>
  operator('ReduceSumSquare', [x], [valueType('float32', [])], { keepdims: { _tag: 'Int', value: 0 } })[0] as Value;

// -------------------------------------------------------------------------------------
// clipping
// -------------------------------------------------------------------------------------

/** Each element to [-limit, limit]. */
export const clipByValue = (limit: number): Transformation =>
  map('clip_by_value', () => {
    const [low, high] = [constant(-limit), constant(limit)];
    return ({ gradient }) => min(max(gradient, low), high);
  });

/** Each parameter's gradient to a length of at most `limit`. */
export const clipByNorm = (limit: number): Transformation =>
  map('clip_by_norm', () => {
    const c = constant(limit);
    return ({ gradient }) => mul(gradient, div(c, max(sqrt(sumOfSquares(gradient)), c)));
  });

/** All gradients by one factor, to a common length of at most `limit`; if it is infinite or NaN, all become NaN. */
export const clipByGlobalNorm = (limit: number): Transformation =>
  joint('clip_by_global_norm', () => (gradients) => {
    const squares = Object.values(gradients).map(sumOfSquares);
    const [first, ...rest] = squares;
    if (first === undefined) return gradients;
    const norm = sqrt(rest.reduce<Value>(add, first));
    const factor = add(mul(min(reciprocal(norm), 1 / limit), limit), sub(norm, norm));
    return Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, mul(g, factor)]));
  });

// -------------------------------------------------------------------------------------
// weight decay
// -------------------------------------------------------------------------------------

/**
 * Decoupled weight decay (Loshchilov and Hutter 2019): parameters shrink by `rate` times the learning rate, beside what
 * the gradients do. Place it last.
 */
export const decayWeights = (rate: number, decays: (name: string) => boolean = () => true): Transformation =>
  map('decay_weights', ({ learningRate }) => {
    const factor = mul(learningRate, rate);
    return ({ name, gradient, parameter }) => (decays(name) ? sub(gradient, mul(parameter, factor)) : gradient);
  });

// -------------------------------------------------------------------------------------
// gradient descent
// -------------------------------------------------------------------------------------

/** Minus the learning rate times the gradient. */
export const descend: Transformation = map('descend', ({ learningRate }) => {
  const factor = neg(learningRate);
  return ({ gradient }) => mul(gradient, factor);
});

/**
 * m <- momentum m - rate g, which is the update; with Nesterov's look-ahead the update is momentum m - rate g, once more.
 * The buffer contains the learning rate: a new rate does not rescale past steps.
 */
export const momentum = (mu: number, nesterov = false): Transformation =>
  perParameter(
    'sgd',
    ({ shape }) => ({ momentum: { shape, init: 0 } }),
    ({ learningRate }) => {
      const [factor, keep] = [neg(learningRate), constant(mu)];
      return ({ gradient, slot }) => {
        const descent = mul(gradient, factor);
        const buffer = add(mul(slot('momentum'), keep), descent);
        return { update: nesterov ? add(mul(buffer, keep), descent) : buffer, slots: { momentum: buffer } };
      };
    },
  );

// -------------------------------------------------------------------------------------
// Adam
// -------------------------------------------------------------------------------------

export interface AdamOptions {
  /** How much of the mean of gradients is kept each step. In [0, 1), default 0.9. */
  readonly beta1?: number;
  /** How much of the mean of squared gradients is kept each step. In [0, 1), default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean of squares. Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the largest mean of squares so far (Reddi et al. 2018). Default false. */
  readonly amsgrad?: boolean;
}

/**
 * Adam (Kingma and Ba 2015) as Keras computes it: with m <- b1 m + (1 - b1) g and v <- b2 v + (1 - b2) g^2,
 * update = -a m / (sqrt(v) + epsilon), where a = rate sqrt(1 - b2^t) / (1 - b1^t).
 *
 * The slots hold M = m / (1 - b1) and V = v / (1 - b2) (and the largest V so far), so that each step is M <- b1 M + g and
 * V <- b2 V + g^2; the factors go into a scalar and into epsilon:
 * update = -[a (1 - b1) / sqrt(1 - b2)] M / (sqrt(V) + epsilon / sqrt(1 - b2)).
 * Nine full-size operators, ten with the addition to the parameter (one more with amsgrad).
 */
export const adaptiveMoments = (options: AdamOptions = {}): Transformation => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options;
  return perParameter(
    'adam',
    ({ shape }) => ({
      momentum: { shape, init: 0 },
      velocity: { shape, init: 0 },
      ...(amsgrad ? { velocity_hat: { shape, init: 0 } } : {}),
    }),
    ({ learningRate, step }) => {
      const [b1, b2] = [constant(beta1), constant(beta2)];
      const corrected = div(sqrt(sub(1, pow(b2, step))), sub(1, pow(b1, step)));
      const factor = mul(mul(learningRate, corrected), -(1 - beta1) / Math.sqrt(1 - beta2));
      const floor = constant(epsilon / Math.sqrt(1 - beta2));
      return ({ gradient, slot }) => {
        const m = add(mul(slot('momentum'), b1), gradient);
        const v = add(mul(slot('velocity'), b2), mul(gradient, gradient));
        const largest = amsgrad ? max(slot('velocity_hat'), v) : v;
        return {
          update: mul(div(m, add(sqrt(largest), floor)), factor),
          slots: { momentum: m, velocity: v, ...(amsgrad ? { velocity_hat: largest } : {}) },
        };
      };
    },
  );
};
