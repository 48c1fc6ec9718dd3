/**
 * Learning-rate schedules: the rate as a function of the step.
 *
 * A schedule is an expression in the number of the step (0 in the first one), plain data with two interpreters: `at` gives
 * the rate as a number, `lower` builds the same formula from operators, so that in a loop of many steps every step has
 * its own rate. Give it to an optimizer in place of a number:
 *
 * @example
 * Optimizer.adam({ learningRate: Schedule.cosineDecay({ initialLearningRate: 1e-3, decaySteps: 10_000 }) });
 * pipe(Schedule.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 100, decayRate: 0.9 }), Schedule.warmUp({ steps: 500 }));
 *
 * Steps are counted in updates' batches over the whole training, not in epochs, and stay counted after a resume. All numbers
 * are float32, in `at` as well, so both interpreters cross a boundary at the same step; steps are exact up to 2^24.
 *
 * Laws: `at(add(a, b))(s) = at(a)(s) + at(b)(s)`, likewise for all operators; `at(compose(a, b))(s) = at(a)(at(b)(s))`;
 * `lower` gives what `at` gives, to the last bits of powers and cosines; multiplication is a monoid with `constant(1)`.
 */
export type { CosineDecayOptions, CosineDecayRestartsOptions, OneCycleOptions } from './cosine.ts';
export { cosineDecay, cosineDecayRestarts, oneCycle } from './cosine.ts';
export type { DecayOptions, LinearOptions, NoamOptions, PolynomialDecayOptions, WarmUpOptions } from './decays.ts';
export {
  delay,
  exponentialDecay,
  inverseTimeDecay,
  join,
  linear,
  noam,
  piecewiseConstant,
  polynomialDecay,
  warmUp,
} from './decays.ts';
export * from './Expression.ts';
