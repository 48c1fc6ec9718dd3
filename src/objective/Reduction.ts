/**
 * From one loss for each sample (or each position of a sequence) to one number.
 */
import type { Value } from '../graph/Graph.ts';
import { cast, count, div, expandLike, max, mul, reduceMean, reduceSum, where } from '../graph/Operators.ts';
import { alignWeights } from './Alignment.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * How a loss becomes one number. With values v and weights w (1 without weights):
 * - `sumOverBatchSize`, Keras's default: sum of v w, divided by the number of values (not by the sum of the weights);
 * - `sum`: sum of v w;
 * - `meanWithSampleWeight`: sum of v w, divided by the sum of w; 0 when that is 0.
 */
export type Reduction = 'sumOverBatchSize' | 'sum' | 'meanWithSampleWeight';

export interface ReduceOptions {
  /** Default `sumOverBatchSize`; `none` gives v w as it is. */
  readonly reduction?: Reduction | 'none';
  /** For each sample, for each value, or one for all. */
  readonly weights?: Value | undefined;
  /** 1 where a value counts, 0 where it does not. A mean is a mean of those that count; 0 if there are none. */
  readonly mask?: Value | undefined;
}

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** Mask and weights in one: in a mean over the batch, the kept positions weigh as much as all did. */
const merge = (
  reduction: Reduction | 'none',
  weights: Value | undefined,
  mask: Value | undefined,
): Value | undefined => {
  if (mask === undefined) return weights;
  const m = cast('float32')(mask);
  const kept = reduction === 'sumOverBatchSize' ? mul(m, div(count('float32')(m), max(reduceSum()(m), 1))) : m;
  if (weights === undefined) return kept;
  const [a, b] = alignWeights(kept, weights);
  return mul(a, b);
};

/** The weights' own mean; 0 where nothing weighs. */
const weightedMean = (products: Value, weights: Value): Value => {
  const total = reduceSum()(expandLike(products)(weights));
  const some = cast('bool')(total);
  return where(some, div(reduceSum()(products), where(some, total, 1)), 0);
};

/** One number (or, with `none`, all of them) from the values of a loss. */
export const reduce =
  (options: ReduceOptions = {}) =>
  (values: Value): Value => {
    const { reduction = 'sumOverBatchSize', mask } = options;
    const given = options.weights === undefined ? undefined : cast('float32')(options.weights);
    const factors = merge(reduction, given, mask);
    const [v, w] = factors === undefined ? [values, undefined] : alignWeights(values, factors);
    const products = w === undefined ? v : mul(v, w);
    switch (reduction) {
      case 'none':
        return products;
      case 'sum':
        return reduceSum()(products);
      case 'sumOverBatchSize':
        return reduceMean()(products);
      case 'meanWithSampleWeight':
        return w === undefined ? reduceMean()(products) : weightedMean(products, w);
    }
  };
