/**
 * Rules that divide by what gradients have amounted to, element by element.
 */
import type { Value } from '../graph/Graph.ts';
import { add, div, max, min, mul, neg, pow, sqrt, sub } from '../graph/Operators.ts';
import { from0to1, notNegative, type Requirement, unmet } from '../shape/Requirement.ts';
import { constant, falling, keeps } from './scalars.ts';
import { perParameter, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// RMSprop
// -------------------------------------------------------------------------------------

export interface RmsPropRule {
  /** How much of the means is kept each step. In [0, 1), default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Added to the mean of squares, inside the root. Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the deviation in place of the root of the mean of squares. Default false. */
  readonly centered?: boolean;
}

/** What each option must be. */
export const rmsPropRequirements = ({ rho, momentum, epsilon }: RmsPropRule): readonly Requirement[] => [
  keeps('rho', rho),
  from0to1('momentum', momentum),
  notNegative('epsilon', epsilon),
];

/**
 * RMSprop: v <- rho v + (1 - rho) g^2, and update = -rate g / sqrt(v + epsilon); centered, with a <- rho a + (1 - rho) g
 * and v - a^2 in place of v; with momentum, M <- momentum M + rate g / sqrt(...), and update = -M.
 *
 * The slots hold v / (1 - rho) and a / (1 - rho). Hinton 2012, lecture 6e of Neural Networks for Machine Learning.
 */
export const rootMeanSquares = (options: RmsPropRule = {}): Transformation => {
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  return perParameter(
    'rmsprop',
    ({ shape }) => ({
      velocity: { shape, init: 0 },
      ...(momentum > 0 ? { momentum: { shape, init: 0 } } : {}),
      ...(centered ? { average_gradient: { shape, init: 0 } } : {}),
    }),
    ({ learningRate }) => {
      const [keep, share, mu] = [constant(rho), constant(1 - rho), constant(momentum)];
      const factor = mul(learningRate, -1 / Math.sqrt(1 - rho));
      const floor = constant(epsilon / (1 - rho));
      return ({ gradient, slot }) => {
        const velocity = add(mul(slot('velocity'), keep), mul(gradient, gradient));
        const average = centered ? add(mul(slot('average_gradient'), keep), gradient) : undefined;
        const spread = average === undefined ? velocity : sub(velocity, mul(mul(average, average), share));
        const step = mul(div(gradient, sqrt(add(spread, floor))), factor);
        const update = momentum > 0 ? add(mul(slot('momentum'), mu), step) : step;
        return {
          update,
          slots: {
            velocity,
            ...(momentum > 0 ? { momentum: update } : {}),
            ...(average === undefined ? {} : { average_gradient: average }),
          },
        };
      };
    },
    unmet('rootMeanSquares', rmsPropRequirements(options)),
  );
};

// -------------------------------------------------------------------------------------
// Adagrad, Adadelta
// -------------------------------------------------------------------------------------

/**
 * Adagrad: a <- a + g^2, and update = -rate g / sqrt(a + epsilon).
 * Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html
 */
export const summedSquares = (initialAccumulatorValue = 0.1, epsilon = 1e-7): Transformation =>
  perParameter(
    'adagrad',
    ({ shape }) => ({ accumulator: { shape, init: initialAccumulatorValue } }),
    ({ learningRate }) => {
      const [factor, floor] = [neg(learningRate), constant(epsilon)];
      return ({ gradient, slot }) => {
        const accumulator = add(slot('accumulator'), mul(gradient, gradient));
        return { update: mul(div(gradient, sqrt(add(accumulator, floor))), factor), slots: { accumulator } };
      };
    },
    unmet('summedSquares', [
      notNegative('initialAccumulatorValue', initialAccumulatorValue),
      notNegative('epsilon', epsilon),
    ]),
  );

/**
 * Adadelta: a <- rho a + (1 - rho) g^2, D = -sqrt(d + epsilon) / sqrt(a + epsilon) g with the old d,
 * d <- rho d + (1 - rho) D^2, and update = rate D. The slots hold a / (1 - rho) and d / (1 - rho).
 * Zeiler 2012, https://arxiv.org/abs/1212.5701
 */
export const ratioOfSquares = (rho = 0.95, epsilon = 1e-7): Transformation =>
  perParameter(
    'adadelta',
    ({ shape }) => ({ accumulated_grad: { shape, init: 0 }, accumulated_delta_var: { shape, init: 0 } }),
    ({ learningRate }) => {
      const [keep, floor, factor] = [constant(rho), constant(epsilon / (1 - rho)), neg(learningRate)];
      return ({ gradient, slot }) => {
        const squares = add(mul(slot('accumulated_grad'), keep), mul(gradient, gradient));
        const deltas = slot('accumulated_delta_var');
        const delta = mul(sqrt(div(add(deltas, floor), add(squares, floor))), gradient);
        return {
          update: mul(delta, factor),
          slots: { accumulated_grad: squares, accumulated_delta_var: add(mul(deltas, keep), mul(delta, delta)) },
        };
      };
    },
    unmet('ratioOfSquares', [keeps('rho', rho), notNegative('epsilon', epsilon)]),
  );

// -------------------------------------------------------------------------------------
// Ftrl
// -------------------------------------------------------------------------------------

export interface FtrlRule {
  /** 0 or less: 0 is a rate that does not fall. Default -0.5. */
  readonly learningRatePower?: number;
  /** Default 0.1. */
  readonly initialAccumulatorValue?: number;
  /** Strength of the pull to exactly 0. Default 0. */
  readonly l1RegularizationStrength?: number;
  /** Default 0. */
  readonly l2RegularizationStrength?: number;
  /** Like l2, but on the gradient, so that it does not weaken with the squares. Default 0. */
  readonly l2ShrinkageRegularizationStrength?: number;
  /** Default 0. */
  readonly beta?: number;
}

/** What each option must be. */
export const ftrlRequirements = (options: FtrlRule): readonly Requirement[] => [
  falling('learningRatePower', options.learningRatePower),
  notNegative('initialAccumulatorValue', options.initialAccumulatorValue),
  notNegative('l1RegularizationStrength', options.l1RegularizationStrength),
  notNegative('l2RegularizationStrength', options.l2RegularizationStrength),
  notNegative('l2ShrinkageRegularizationStrength', options.l2ShrinkageRegularizationStrength),
  notNegative('beta', options.beta),
];

const power = (x: Value, p: number): Value => (p === 0.5 ? sqrt(x) : pow(x, p));

/**
 * Follow the regularised leader: with p = -learningRatePower, n' = n + g^2, z <- z + g + 2 shrinkage w -
 * (n'^p - n^p) / rate w, and the new parameter is (clip(z, -l1, l1) - z) / (n'^p / rate + 2 l2 + beta / rate).
 * The rate must not be 0. McMahan et al. 2013, https://research.google/pubs/pub41159/
 */
export const followLeader = (options: FtrlRule = {}): Transformation => {
  const { learningRatePower = -0.5, initialAccumulatorValue = 0.1, beta = 0 } = options;
  const { l1RegularizationStrength: l1 = 0, l2RegularizationStrength: l2 = 0 } = options;
  const { l2ShrinkageRegularizationStrength: shrinkage = 0 } = options;
  return perParameter(
    'ftrl',
    ({ shape }) => ({ accumulator: { shape, init: initialAccumulatorValue }, linear: { shape, init: 0 } }),
    ({ learningRate }) => {
      const rest = add(div(beta, learningRate), 2 * l2);
      const [low, high] = [constant(-l1), constant(l1)];
      return ({ gradient, parameter, slot }) => {
        const before = slot('accumulator');
        const accumulator = add(before, mul(gradient, gradient));
        const now = power(accumulator, -learningRatePower);
        const slope = div(sub(now, power(before, -learningRatePower)), learningRate);
        const shrunk = shrinkage === 0 ? gradient : add(gradient, mul(parameter, 2 * shrinkage));
        const linear = add(slot('linear'), sub(shrunk, mul(slope, parameter)));
        const pulled = l1 === 0 ? neg(linear) : sub(min(max(linear, low), high), linear);
        const next = div(pulled, add(div(now, learningRate), rest));
        return { update: sub(next, parameter), slots: { accumulator, linear } };
      };
    },
    unmet('followLeader', ftrlRequirements(options)),
  );
};
