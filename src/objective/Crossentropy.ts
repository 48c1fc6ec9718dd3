/**
 * Cross-entropies: minus the logarithm of the probability that the model gave to the truth.
 *
 * A probability that comes directly out of a sigmoid or softmax is not looked at: the numbers that went into it are
 * (as TensorFlow does), so that nothing is lost to rounding near 0 and 1 and no clipping stops the gradient. Other
 * probabilities are clipped to [1e-7, 1 - 1e-7], as Keras does.
 */
import type { Value } from '../graph/Graph.ts';
import {
  add,
  axisOf,
  cast,
  count,
  div,
  equal,
  gatherElements,
  log,
  logSoftmax,
  mul,
  neg,
  not,
  rank,
  reduceMean,
  reduceSum,
  softplus,
  squeeze,
  sub,
  unsqueeze,
  where,
} from '../graph/Operators.ts';
import { clip, epsilon, type Formula, float, meanOf } from './Formula.ts';
import { classAxis } from './Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CrossentropyOptions {
  /** The outputs are logits: any numbers, before a sigmoid or softmax. Default false: probabilities. */
  readonly fromLogits?: boolean;
}

export interface SmoothingOptions extends CrossentropyOptions {
  /** In [0, 1]: how far the targets are moved towards equal probabilities. Default 0. */
  readonly labelSmoothing?: number;
}

export interface SparseOptions extends SmoothingOptions {
  /** Positions with this class have no loss, and a mean leaves them out. */
  readonly ignoreClass?: number;
}

// -------------------------------------------------------------------------------------
// logits
// -------------------------------------------------------------------------------------

/** What went into the sigmoid that the output comes from. */
export const beforeSigmoid = ({ node }: Value): Value | undefined =>
  node._tag === 'Operator' && node.operator === 'Sigmoid' ? node.inputs[0] : undefined;

/** What went into the softmax, over this axis, that the output comes from. */
export const beforeSoftmax = (output: Value, axis: number): Value | undefined => {
  const { node } = output;
  if (node._tag !== 'Operator' || node.operator !== 'Softmax') return undefined;
  const over = node.attributes.axis;
  return axisOf(output, over?._tag === 'Int' ? over.value : -1) === axis ? node.inputs[0] : undefined;
};

// -------------------------------------------------------------------------------------
// formulas
// -------------------------------------------------------------------------------------

/** y (1 - amount) + amount / n */
export const smooth = (y: Value, amount: number, n: Value | number): Value =>
  amount === 0 ? y : add(mul(y, 1 - amount), typeof n === 'number' ? amount / n : div(amount, n));

/** Of each output on its own. With logits z: max(z, 0) - z y + log(1 + exp(-|z|)), which is softplus(z) - z y. */
export const binaryTerm = (x: Value, y: Value, logits: boolean): Value => {
  if (logits) return sub(softplus(x), mul(x, y));
  const p = clip(epsilon, 1 - epsilon)(x);
  return neg(add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p)))));
};

export const binaryCrossentropy =
  ({ fromLogits = false, labelSmoothing = 0 }: SmoothingOptions): Formula =>
  (output, target) => {
    const logits = fromLogits ? output : beforeSigmoid(output);
    return meanOf((x, y) => binaryTerm(x, smooth(y, labelSmoothing, 2), logits !== undefined))(
      logits ?? output,
      target,
    );
  };

/** Logarithms of the probabilities of the classes. */
export const logProbabilities = (output: Value, axis: number, fromLogits: boolean): Value => {
  const logits = fromLogits ? output : beforeSoftmax(output, axis);
  if (logits !== undefined) return logSoftmax(axis)(float(logits));
  const q = float(output);
  return log(clip(epsilon, 1 - epsilon)(div(q, reduceSum({ axes: [axis], keepDims: true })(q))));
};

export const categoricalCrossentropy =
  ({ fromLogits = false, labelSmoothing = 0 }: SmoothingOptions): Formula =>
  (output, target) => {
    const axis = classAxis(rank(output));
    const y = smooth(float(target), labelSmoothing, count('float32', [axis])(output));
    return neg(reduceSum({ axes: [axis] })(mul(y, logProbabilities(output, axis, fromLogits))));
  };

/** Classes in the shape of the positions: a last axis of size 1 beside the class axis is dropped. */
export const classesOf = (output: Value, target: Value): Value =>
  rank(target) === rank(output) && target.type.shape[rank(target) - 1] === 1 ? squeeze([-1])(target) : target;

/** The entries of the given classes, along the axis of the classes. */
export const ofClass = (values: Value, target: Value, axis: number): Value =>
  squeeze([axis])(gatherElements(values, unsqueeze([axis])(cast('int32')(classesOf(values, target))), axis));

export const sparseCategoricalCrossentropy =
  ({ fromLogits = false, labelSmoothing = 0, ignoreClass }: SparseOptions): Formula =>
  (output, target) => {
    const axis = classAxis(rank(output));
    const y = cast('int32')(classesOf(output, target));
    const ignored = ignoreClass === undefined ? undefined : equal(y, ignoreClass);
    const classes = ignored === undefined ? y : where(ignored, 0, y);
    const logs = logProbabilities(output, axis, fromLogits);
    const right = ofClass(logs, classes, axis);
    const values = neg(
      labelSmoothing === 0
        ? right
        : add(mul(right, 1 - labelSmoothing), mul(reduceMean({ axes: [axis] })(logs), labelSmoothing)),
    );
    return ignored === undefined ? values : where(ignored, 0, values);
  };

/** 1 where the class is not the ignored one, in the shape of the values. */
export const notIgnored =
  (ignoreClass: number): Formula =>
  (output, target) =>
    float(not(equal(cast('int32')(classesOf(output, target)), ignoreClass)));
