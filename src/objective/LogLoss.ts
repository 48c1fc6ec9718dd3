/**
 * scikit-learn's log_loss: minus the logarithm of the probability of the truth, with probabilities clipped to
 * [e, 1 - e] (e: float32's machine epsilon), then scaled to sum to 1.
 *
 * It looks at the probabilities alone, so that it is the number scikit-learn gives for the model's predictions.
 */
import type { Value } from '../graph/Graph.ts';
import { add, div, log, mul, neg, rank, reduceSum, squeeze, sub } from '../graph/Operators.ts';
import { ofClass } from './Crossentropy.ts';
import { clip, type Formula, float, onFloats } from './Formula.ts';
import { classAxis } from './Target.ts';

const machineEpsilon = 2 ** -23;

const clipped = clip(machineEpsilon, 1 - machineEpsilon);

/** One column: the probability of yes. */
const binary: Formula = (output, target) => {
  const values = onFloats((q, y) => {
    const p = clipped(q);
    return neg(add(mul(y, log(p)), mul(sub(1, y), log(sub(1, p)))));
  })(output, target);
  return rank(values) > 1 ? squeeze([-1])(values) : values;
};

const logarithms = (output: Value, axis: number): Value => {
  const p = clipped(float(output));
  return log(div(p, reduceSum({ axes: [axis], keepDims: true })(p)));
};

/** By the target: of one column yes or no; fewer axes or one number is a class; otherwise one-hot. */
export const logLoss: Formula = (output, target) => {
  const last = (shape: readonly unknown[]) => shape[shape.length - 1];
  if (last(output.type.shape) === 1) return binary(output, target);
  const axis = classAxis(rank(output));
  return rank(target) < rank(output) || last(target.type.shape) === 1
    ? neg(ofClass(logarithms(output, axis), target, axis))
    : neg(reduceSum({ axes: [axis] })(mul(float(target), logarithms(output, axis))));
};
