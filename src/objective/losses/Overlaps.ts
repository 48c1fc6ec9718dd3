/**
 * Losses of sets: how far the predicted one and the true one are from lying on each other. For segmentation.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Value } from '../../graph/Graph.ts';
import { add, div, mul, reduceSum, sigmoid, sub } from '../../graph/Operators.ts';
import { notNegative } from '../../shape/Requirement.ts';
import { dims, show } from '../../shape/Shape.ts';
import { type Formula, onFloats } from '../Formula.ts';
import * as T from '../Target.ts';
import { custom, type Loss, probabilities, type ReductionOptions, requiring } from './Definition.ts';

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

/** There is a set, and it has axes of the output. */
const withAxes =
  (op: string, axes: readonly number[] | undefined): T.TargetShape =>
  (output) => {
    const rank = dims(output).length;
    const wrong = axes?.find((axis) => !Number.isInteger(axis) || axis < -rank || axis >= rank);
    if (axes?.length === 0) return E.left(`${op}: expects one axis at least in axes; leave them out to take all`);
    return wrong === undefined
      ? T.sameShape(output)
      : E.left(`${op}: axes must be integers from ${-rank} to ${rank - 1} with outputs ${show(output)}, got ${wrong}`);
  };

const overlap = (op: string, formula: Formula, options: OverlapOptions): Loss<T.SameShape> => ({
  ...custom(op, formula, options),
  targetShape: withAxes(op, options.axes),
  range: probabilities,
});

/** 1 - 2 |A and B| / (|A| + |B|), with probabilities for members. 0 is best, 1 worst. Keras: Dice. */
export const dice = (options: OverlapOptions = {}): Loss<T.SameShape> => overlap('dice', diceOf(options), options);

/**
 * 1 - I / (I + alpha FP + beta FN): Dice where `alpha` and `beta` are 0.5; a larger `beta` finds more.
 * Keras: Tversky.
 */
export const tversky = (options: TverskyOptions = {}): Loss<T.SameShape> =>
  pipe(
    overlap('tversky', tverskyOf(options), options),
    requiring('tversky', [notNegative('alpha', options.alpha), notNegative('beta', options.beta)]),
  );
