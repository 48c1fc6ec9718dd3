/**
 * Formulas of right and wrong: 1 where the prediction is the truth, 0 where it is not.
 */
import { and, argMax, cast, equal, greater, less, rank, reduceSum, squeeze, unsqueeze } from '../graph/Operators.ts';
import { classesOf, ofClass } from './Crossentropy.ts';
import { type Formula, float, onFloats } from './Formula.ts';
import { classAxis } from './Target.ts';

/** For each element; strictly above the threshold is a yes. */
export const binaryHits = (threshold: number): Formula =>
  onFloats((p, y) => float(equal(float(greater(p, threshold)), y)));

/** The largest of the outputs is the largest of the targets; the first of equals. */
export const categoricalHits: Formula = onFloats((p, y) => {
  const axis = classAxis(rank(p));
  return float(equal(argMax(axis)(p), argMax(axis)(y)));
});

/** The largest of the outputs is the class. */
export const sparseHits: Formula = (output, target) =>
  float(equal(argMax(classAxis(rank(output)))(float(output)), cast('int64')(classesOf(output, target))));

/** Fewer than `k` outputs are larger than that of the class; an output that is no number is no hit. */
export const sparseTopHits =
  (k: number): Formula =>
  (output, target) => {
    const axis = classAxis(rank(output));
    const p = float(output);
    const own = unsqueeze([axis])(ofClass(p, target, axis));
    const above = reduceSum({ axes: [axis] })(float(greater(p, own)));
    return float(and(less(above, k), squeeze([axis])(equal(own, own))));
  };

/** The same for the largest of the targets. */
export const topHits =
  (k: number): Formula =>
  (output, target) =>
    sparseTopHits(k)(output, argMax(classAxis(rank(output)))(float(target)));

/** Which of the three, by Keras's rule: one output is yes or no; fewer axes, or one number, in the target is a class. */
export const hits: Formula = (output, target) => {
  const last = (shape: readonly unknown[]) => shape[shape.length - 1];
  if (last(output.type.shape) === 1) return binaryHits(0.5)(output, target);
  return rank(target) < rank(output) || last(target.type.shape) === 1
    ? sparseHits(output, target)
    : categoricalHits(output, target);
};
