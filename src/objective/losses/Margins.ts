/**
 * Losses that ask for a margin between right and wrong.
 */
import * as F from '../Formula.ts';
import type * as T from '../Target.ts';
import { custom, type Loss, type ReductionOptions } from './Definition.ts';

/** Mean of max(1 - y p, 0) for labels -1 and 1 (or 0 and 1). Keras: Hinge. */
export const hinge = (options: ReductionOptions = {}): Loss<T.SameShape> => custom('hinge', F.hinge, options);

/** Mean of max(1 - y p, 0)^2 for labels -1 and 1 (or 0 and 1). Keras: SquaredHinge. */
export const squaredHinge = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('squared_hinge', F.squaredHinge, options);

/** Best wrong score minus the right one, plus 1, not below 0; one-hot targets. Keras: CategoricalHinge. */
export const categoricalHinge = (options: ReductionOptions = {}): Loss<T.SameShape> =>
  custom('categorical_hinge', F.categoricalHinge, options);
