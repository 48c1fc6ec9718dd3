/**
 * Losses of sets: how far the predicted one and the true one are from lying on each other. For segmentation.
 */
import type { Value } from '../../graph/Graph.ts';
import { add, div, mul, reduceSum, sigmoid, sub } from '../../graph/Operators.ts';
import { type Formula, onFloats } from '../Formula.ts';
import type * as T from '../Target.ts';
import { custom, type Loss, probabilities, type ReductionOptions } from './Definition.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface OverlapOptions extends ReductionOptions {
  /**
   * Axes that are one set together. Default: all, so that the batch is one set and the loss one number for it; leave the
   * batch out ([1, 2, 3] for images) to have a loss for each sample, which sample weights need.
   */
  readonly axes?: readonly number[];
  /** The outputs are logits, before a sigmoid. Default false: probabilities. */
  readonly fromLogits?: boolean;
}

export interface TverskyOptions extends OverlapOptions {
  /** How much a false positive counts. Default 0.5. */
  readonly alpha?: number;
  /** How much a false negative counts. Default 0.5. */
  readonly beta?: number;
}

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

const epsilon = 1e-7;

const onSets = (
  { axes, fromLogits = false }: OverlapOptions,
  f: (p: Value, y: Value, sum: (x: Value) => Value) => Value,
): Formula => {
  const sum = reduceSum(axes === undefined ? {} : { axes });
  return onFloats((x, y) => f(fromLogits ? sigmoid(x) : x, y, sum));
};

const diceOf = (options: OverlapOptions): Formula =>
  onSets(options, (p, y, sum) => sub(1, div(mul(sum(mul(y, p)), 2), add(add(sum(y), sum(p)), epsilon))));

const tverskyOf = ({ alpha = 0.5, beta = 0.5, ...options }: TverskyOptions): Formula =>
  onSets(options, (p, y, sum) => {
    const both = sum(mul(y, p));
    const [falsePositives, falseNegatives] = [sum(mul(sub(1, y), p)), sum(mul(y, sub(1, p)))];
    return sub(1, div(both, add(add(both, add(mul(falsePositives, alpha), mul(falseNegatives, beta))), epsilon)));
  });

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** 1 - 2 |A and B| / (|A| + |B|), with probabilities for members. 0 is best, 1 worst. Keras: Dice. */
export const dice = (options: OverlapOptions = {}): Loss<T.SameShape> => ({
  ...custom('dice', diceOf(options), options),
  range: probabilities,
});

/**
 * 1 - I / (I + alpha FP + beta FN): Dice where `alpha` and `beta` are 0.5; a larger `beta` finds more.
 * Keras: Tversky.
 */
export const tversky = (options: TverskyOptions = {}): Loss<T.SameShape> => ({
  ...custom('tversky', tverskyOf(options), options),
  range: probabilities,
});
