/**
 * Formulas of right and wrong: 1 where the prediction is the truth, 0 where it is not.
 */
import { argMax, cast, equal, greater, rank } from '../graph/Operators.ts';
import { classesOf } from './Crossentropy.ts';
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

/** Which of the three, by Keras's rule: one output is yes or no; fewer axes, or one number, in the target is a class. */
export const hits: Formula = (output, target) => {
  const last = (shape: readonly unknown[]) => shape[shape.length - 1];
  if (last(output.type.shape) === 1) return binaryHits(0.5)(output, target);
  return rank(target) < rank(output) || last(target.type.shape) === 1
    ? sparseHits(output, target)
    : categoricalHits(output, target);
};
