/**
 * Adam and its kin: rules that keep running means of gradients and of their squares.
 *
 * With m <- b1 m + (1 - b1) g and v <- b2 v + (1 - b2) g^2, the slots hold M = m / (1 - b1) and V = v / (1 - b2), so that
 * each step is M <- b1 M + g and V <- b2 V + g^2; the factors go into scalars. That saves passes over memory.
 */
import type { Value } from '../graph/Graph.ts';
import { abs, add, div, max, mul, neg, pow, sqrt, sub } from '../graph/Operators.ts';
import { notNegative, type Requirement, unmet } from '../shape/Requirement.ts';
import { constant, filled, keeps } from './scalars.ts';
import { perParameter, type RuleInput, type Transformation } from './Transformation.ts';

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

export interface MomentOptions {
  /** How much of the mean of gradients is kept each step. In [0, 1), default 0.9. */
  readonly beta1?: number;
  /** How much of the mean of squared gradients (for Adamax: of their largest size) is kept. In [0, 1), default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean of squares. Default 1e-7. */
  readonly epsilon?: number;
}

export interface AdamOptions extends MomentOptions {
  /** Divide by the largest mean of squares so far (Reddi et al. 2018). Default false. */
  readonly amsgrad?: boolean;
}

/** What each option must be, with its default filled in or left out. */
export const momentRequirements = ({ beta1, beta2, epsilon }: MomentOptions): readonly Requirement[] => [
  keeps('beta1', beta1),
  keeps('beta2', beta2),
  notNegative('epsilon', epsilon),
];

interface Means {
  readonly momentum: Value;
  readonly velocity: Value;
}

const means = (beta1: number, beta2: number): ((input: RuleInput) => Means) => {
  const [b1, b2] = [constant(beta1), constant(beta2)];
  return ({ gradient, slot }) => ({
    momentum: add(mul(slot('momentum'), b1), gradient),
    velocity: add(mul(slot('velocity'), b2), mul(gradient, gradient)),
  });
};

// -------------------------------------------------------------------------------------
// rules
// -------------------------------------------------------------------------------------

/**
 * Adam (Kingma and Ba 2015) as Keras computes it: update = -a m / (sqrt(v) + epsilon), where
 * a = rate sqrt(1 - b2^t) / (1 - b1^t). In terms of the slots
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
      const next = means(beta1, beta2);
      const corrected = div(sqrt(filled(beta2, step)), filled(beta1, step));
      const factor = mul(mul(learningRate, corrected), -(1 - beta1) / Math.sqrt(1 - beta2));
      const floor = constant(epsilon / Math.sqrt(1 - beta2));
      return (input) => {
        const { momentum, velocity } = next(input);
        const largest = amsgrad ? max(input.slot('velocity_hat'), velocity) : velocity;
        return {
          update: mul(div(momentum, add(sqrt(largest), floor)), factor),
          slots: { momentum, velocity, ...(amsgrad ? { velocity_hat: largest } : {}) },
        };
      };
    },
    unmet('adaptiveMoments', momentRequirements(options)),
  );
};

/**
 * Adam's direction without a rate, both means corrected before epsilon is added, as in the paper:
 * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon). To be followed by stages that scale it and `descend`.
 */
export const scaleByMoments = (options: MomentOptions = {}): Transformation => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return perParameter(
    'moments',
    ({ shape }) => ({ momentum: { shape, init: 0 }, velocity: { shape, init: 0 } }),
    ({ step }) => {
      const next = means(beta1, beta2);
      const root = sqrt(div(1 - beta2, filled(beta2, step)));
      const factor = div(div(1 - beta1, filled(beta1, step)), root);
      const floor = div(epsilon, root);
      return (input) => {
        const { momentum, velocity } = next(input);
        return { update: mul(div(momentum, add(sqrt(velocity), floor)), factor), slots: { momentum, velocity } };
      };
    },
    unmet('scaleByMoments', momentRequirements(options)),
  );
};

/**
 * Adamax: in place of the root of v the decaying maximum u <- max(b2 u, |g|); update = -rate / (1 - b1^t) m / (u + epsilon).
 * Kingma and Ba 2015, section 7.
 */
export const largestMoments = (options: MomentOptions = {}): Transformation => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return perParameter(
    'adamax',
    ({ shape }) => ({ momentum: { shape, init: 0 }, norm: { shape, init: 0 } }),
    ({ learningRate, step }) => {
      const [b1, b2, floor] = [constant(beta1), constant(beta2), constant(epsilon)];
      const factor = div(mul(learningRate, -(1 - beta1)), filled(beta1, step));
      return ({ gradient, slot }) => {
        const momentum = add(mul(slot('momentum'), b1), gradient);
        const norm = max(mul(slot('norm'), b2), abs(gradient));
        return { update: mul(div(momentum, add(norm, floor)), factor), slots: { momentum, norm } };
      };
    },
    unmet('largestMoments', momentRequirements(options)),
  );
};

/**
 * Nadam: Adam with Nesterov's look-ahead. With mu_t = b1 (1 - 0.96^t / 2) and P_t = mu_1 ... mu_t,
 * update = -rate n / (sqrt(v / (1 - b2^t)) + epsilon), where
 * n = mu_t+1 m / (1 - P_t mu_t+1) + (1 - mu_t) g / (1 - P_t). P_t is a slot.
 * Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
 */
export const nesterovMoments = (options: MomentOptions = {}): Transformation => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return perParameter(
    'nadam',
    ({ shape }) => ({
      momentum: { shape, init: 0 },
      velocity: { shape, init: 0 },
      product: { shape: [], init: 1 },
    }),
    ({ learningRate, step }) => {
      const next = means(beta1, beta2);
      const decayed = pow(0.96, step);
      const mu = mul(sub(1, mul(decayed, 0.5)), beta1);
      const muNext = mul(sub(1, mul(decayed, 0.48)), beta1);
      const root = sqrt(div(1 - beta2, filled(beta2, step)));
      const floor = div(epsilon, root);
      const rate = neg(div(learningRate, root));
      const [ofMean, ofGradient] = [mul(mul(rate, muNext), 1 - beta1), mul(rate, sub(1, mu))];
      return (input) => {
        const { momentum, velocity } = next(input);
        const product = mul(input.slot('product'), mu);
        const mean = mul(momentum, div(ofMean, sub(1, mul(product, muNext))));
        const ahead = mul(input.gradient, div(ofGradient, sub(1, product)));
        return {
          update: div(add(mean, ahead), add(sqrt(velocity), floor)),
          slots: { momentum, velocity, product },
        };
      };
    },
    unmet('nesterovMoments', momentRequirements(options)),
  );
};
