/**
 * Rules that follow the gradient, or its sign, at one rate for all elements.
 *
 * For big layers the time goes into passes over memory, so rules are written in few full-size operators; what depends on
 * the step alone is a scalar.
 */
import { add, mul, neg, sign } from '../graph/Operators.ts';
import { from0to1, unmet } from '../shape/Requirement.ts';
import { constant, keeps, keepsSome } from './scalars.ts';
import { map, perParameter, type Transformation } from './Transformation.ts';

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
    unmet('momentum', [from0to1('the momentum', mu)]),
  );

/**
 * Lion: update = -rate sign(b1 m + (1 - b1) g), then m <- b2 m + (1 - b2) g. Every element moves by the rate, or, where
 * the sum is 0, not at all. Chen et al. 2023, https://arxiv.org/abs/2302.06675
 */
export const signedMomentum = (beta1 = 0.9, beta2 = 0.99): Transformation =>
  perParameter(
    'lion',
    ({ shape }) => ({ momentum: { shape, init: 0 } }),
    ({ learningRate }) => {
      const factor = neg(learningRate);
      const [b1, c1, b2, c2] = [constant(beta1), constant(1 - beta1), constant(beta2), constant(1 - beta2)];
      return ({ gradient, slot }) => {
        const m = slot('momentum');
        return {
          update: mul(sign(add(mul(m, b1), mul(gradient, c1))), factor),
          slots: { momentum: add(mul(m, b2), mul(gradient, c2)) },
        };
      };
    },
    unmet('signedMomentum', [keepsSome('beta1', beta1), keeps('beta2', beta2)]),
  );
