/**
 * Cross-entropies that weigh what is right already less: focal, and generalised.
 *
 * As in `Crossentropy.ts`, probabilities that come directly out of a sigmoid or softmax are read as logits, so that no
 * clipping bounds loss or gradient.
 */
import type { Value } from '../graph/Graph.ts';
import {
  add,
  count,
  div,
  exp,
  greater,
  logSoftmax,
  max,
  mul,
  neg,
  pow,
  rank,
  reduceSum,
  reshape,
  scalar,
  sigmoid,
  sub,
  tensor,
  where,
} from '../graph/Operators.ts';
import {
  beforeSigmoid,
  beforeSoftmax,
  binaryTerm,
  type CrossentropyOptions,
  logProbabilities,
  ofClass,
  type SmoothingOptions,
  smooth,
} from './Crossentropy.ts';
import { epsilon, type Formula, float, meanOf } from './Formula.ts';
import { classAxis } from './Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface BinaryFocalOptions extends SmoothingOptions {
  /** Default 2; 0 is the plain cross-entropy. */
  readonly gamma?: number;
  /** Multiply by `alpha` for yes and `1 - alpha` for no. Default false. */
  readonly applyClassBalancing?: boolean;
  /** Default 0.25. */
  readonly alpha?: number;
}

export interface CategoricalFocalOptions extends SmoothingOptions {
  /** Default 2; 0 is the plain cross-entropy, times `alpha`. */
  readonly gamma?: number;
  /** One for all classes, or one for each. Default 0.25. */
  readonly alpha?: number | readonly number[];
}

export interface GeneralizedOptions extends CrossentropyOptions {
  /** In (0, 1). Default 0.5. */
  readonly q?: number;
}

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

/** x^gamma for x in [0, 1]; away from 0, where the derivative need not be finite. */
const modulation = (x: Value, gamma: number): Value => pow(max(x, epsilon), gamma);

export const binary = (options: BinaryFocalOptions): Formula => {
  const { gamma = 2, applyClassBalancing = false, alpha = 0.25, labelSmoothing = 0 } = options;
  return (output, target) => {
    const logits = options.fromLogits === true ? output : beforeSigmoid(output);
    return meanOf((x, labels) => {
      const y = smooth(labels, labelSmoothing, 2);
      const [p, wrong] = logits === undefined ? [x, sub(1, x)] : [sigmoid(x), sigmoid(neg(x))];
      const missed = add(mul(y, wrong), mul(sub(1, y), p));
      const focal = mul(modulation(missed, gamma), binaryTerm(x, y, logits !== undefined));
      return applyClassBalancing ? mul(add(mul(y, 2 * alpha - 1), 1 - alpha), focal) : focal;
    })(logits ?? output, target);
  };
};

/** In the shape of one class a row, along the axis of the classes. */
const perClass = (alpha: number | readonly number[], rankOf: number, axis: number): Value =>
  typeof alpha === 'number'
    ? scalar(alpha, 'float32')
    : reshape(Array.from({ length: rankOf }, (_, i) => (i === axis ? alpha.length : 1)))(
        tensor(alpha, [alpha.length], 'float32'),
      );

export const categorical =
  ({ gamma = 2, alpha = 0.25, fromLogits = false, labelSmoothing = 0 }: CategoricalFocalOptions): Formula =>
  (output, target) => {
    const axis = classAxis(rank(output));
    const y = smooth(float(target), labelSmoothing, count('float32', [axis])(output));
    const logs = logProbabilities(output, axis, fromLogits);
    const factor = mul(modulation(sub(1, exp(logs)), gamma), perClass(alpha, rank(output), axis));
    return neg(reduceSum({ axes: [axis] })(mul(factor, mul(y, logs))));
  };

/** p^q; below epsilon a straight line through 0, where the derivative of the power is infinite. */
const powerOf = (p: Value, q: number): Value =>
  where(greater(p, epsilon), pow(max(p, epsilon), q), mul(p, epsilon ** (q - 1)));

/** Probabilities are taken as they are: Keras does not divide by their sum here. */
export const generalized =
  ({ q = 0.5, fromLogits = false }: GeneralizedOptions): Formula =>
  (output, target) => {
    const axis = classAxis(rank(output));
    const logits = fromLogits ? output : beforeSoftmax(output, axis);
    const powers =
      logits === undefined
        ? powerOf(ofClass(float(output), target, axis), q)
        : exp(mul(ofClass(logSoftmax(axis)(float(logits)), target, axis), q));
    return div(sub(1, powers), q);
  };
