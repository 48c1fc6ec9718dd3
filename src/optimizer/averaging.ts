/**
 * Stages that keep averages of the parameters themselves. Both `ema` and `lookahead` look at what the parameters will be
 * after the step: place them last.
 */

import type { Value } from '../graph/Graph.ts';
import { add, cast, div, equal, lessOrEqual, min, mod, mul, sqrt, sub, where } from '../graph/Operators.ts';
import type { NdArray } from '../shape/NdArray.ts';
import { from0to1, notNegative, positiveInteger, type Requirement, unmet } from '../shape/Requirement.ts';
import { constant, filled, groupOf, isLastOf, keeps, keepsSome } from './scalars.ts';
import { perParameter, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// exponential moving average
// -------------------------------------------------------------------------------------

export interface EmaOptions {
  /** How much of the average is kept each step. From 0 to 1, default 0.99. */
  readonly momentum?: number;
  /** Put the average in the parameters' place every so many updates. Default: never; see `averaged`. */
  readonly overwriteFrequency?: number;
  /** How many steps make an update, where gradients are accumulated. Default 1. */
  readonly accumulation?: number;
}

/**
 * An exponential moving average of each parameter: a <- momentum a + (1 - momentum) w, with w after the step; during the
 * first update a is w. Training goes on with the parameters, unless they are overwritten.
 * Keras: use_ema. PyTorch: AveragedModel. Polyak and Juditsky 1992
 */
export const ema = (options: EmaOptions = {}): Transformation => {
  const { momentum = 0.99, overwriteFrequency, accumulation = 1 } = options;
  return perParameter(
    'ema',
    ({ shape }) => ({ average: { shape, init: 'parameter', average: true } }),
    ({ step }) => {
      const update = groupOf(accumulation, step);
      const keep = where(lessOrEqual(update, 1), constant(0), constant(momentum));
      const share = sub(1, keep);
      const overwrites =
        overwriteFrequency === undefined ? undefined : equal(mod(cast('int64')(update), overwriteFrequency), 0);
      return ({ gradient, parameter, slot }) => {
        const average = add(mul(slot('average'), keep), mul(add(parameter, gradient), share));
        return {
          update: overwrites === undefined ? gradient : where(overwrites, sub(average, parameter), gradient),
          slots: { average },
        };
      };
    },
    unmet('ema', [
      from0to1('momentum', momentum),
      positiveInteger('overwriteFrequency', overwriteFrequency),
      positiveInteger('accumulation', accumulation),
    ]),
  );
};

/**
 * The weights, with those that have an average in the slots replaced by it: what to evaluate, predict with and ship after
 * training with `useEma` or `ema`. Weights without an average stay.
 */
export const averaged =
  ({ transformation }: { readonly transformation: Transformation }) =>
  (
    weights: Readonly<Record<string, NdArray>>,
    slots: Readonly<Record<string, NdArray>>,
  ): Readonly<Record<string, NdArray>> => {
    const shapes = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape]));
    const averages = Object.entries(transformation.slots(shapes)).flatMap(
      ([name, { average, parameter }]): readonly (readonly [string, NdArray])[] => {
        const value = slots[name];
        return average === true && value !== undefined ? [[parameter, value]] : [];
      },
    );
    return { ...weights, ...Object.fromEntries(averages) };
  };

// -------------------------------------------------------------------------------------
// lookahead
// -------------------------------------------------------------------------------------

/**
 * Slow weights that go `alpha` of the way to the parameters every `k` steps; the parameters go on from there.
 * Zhang et al. 2019, https://arxiv.org/abs/1907.08610
 */
export const lookahead = (k = 5, alpha = 0.5): Transformation =>
  perParameter(
    'lookahead',
    ({ shape }) => ({ slow: { shape, init: 'parameter' } }),
    ({ step }) => {
      const meets = isLastOf(k, step);
      const share = constant(alpha);
      return ({ gradient, parameter, slot }) => {
        const slow = slot('slow');
        const moved = add(slow, mul(sub(add(parameter, gradient), slow), share));
        return {
          update: where(meets, sub(moved, parameter), gradient),
          slots: { slow: where(meets, moved, slow) },
        };
      };
    },
    unmet('lookahead', [positiveInteger('k', k), from0to1('alpha', alpha)]),
  );

// -------------------------------------------------------------------------------------
// schedule-free
// -------------------------------------------------------------------------------------

export interface ScheduleFreeRule {
  /** How far the parameters are from the fast sequence z toward the average x. Above 0, at most 1, default 0.9. */
  readonly beta1?: number;
  /** In [0, 1), default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Steps in which the rate rises linearly. Default 0. */
  readonly warmupSteps?: number;
}

/** What each option must be. */
export const scheduleFreeRequirements = (options: ScheduleFreeRule): readonly Requirement[] => [
  keepsSome('beta1', options.beta1),
  keeps('beta2', options.beta2),
  notNegative('epsilon', options.epsilon),
  notNegative('warmupSteps', options.warmupSteps),
];

/**
 * Adam without a schedule: a fast sequence z <- z - rate g / d with Adam's d, its plain average x <- (1 - 1/t) x + z / t, and
 * the parameters between the two, w = (1 - b1) z + b1 x. Only z and the squares are kept; x follows from w and z.
 * Defazio et al. 2024, https://arxiv.org/abs/2405.15682
 */
export const scheduleFreeMoments = (options: ScheduleFreeRule = {}): Transformation => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, warmupSteps = 0 } = options;
  return perParameter(
    'schedule_free',
    ({ shape }) => ({ z: { shape, init: 'parameter' }, velocity: { shape, init: 0 } }),
    ({ learningRate, step }) => {
      const warm = warmupSteps === 0 ? learningRate : mul(learningRate, min(div(step, warmupSteps), 1));
      const root = sqrt(div(1 - beta2, filled(beta2, step)));
      const [factor, floor, b2] = [div(warm, root), div(epsilon, root), constant(beta2)];
      const share = div(1, step);
      const rest: Value = sub(1, share);
      return ({ gradient, parameter, slot }) => {
        const velocity = add(mul(slot('velocity'), b2), mul(gradient, gradient));
        const before = slot('z');
        const z = sub(before, mul(div(gradient, add(sqrt(velocity), floor)), factor));
        const x = mul(sub(parameter, mul(before, 1 - beta1)), 1 / beta1);
        const average = add(mul(x, rest), mul(z, share));
        const next = add(mul(z, 1 - beta1), mul(average, beta1));
        return { update: sub(next, parameter), slots: { z, velocity } };
      };
    },
    unmet('scheduleFreeMoments', scheduleFreeRequirements(options)),
  );
};
