/**
 * Metrics of right and wrong.
 */
import { finite, positiveInteger } from '../../shape/Requirement.ts';
import { binaryHits, categoricalHits, hits, sparseHits, sparseTopHits, topHits } from '../Hits.ts';
import * as T from '../Target.ts';
import {
  anyTarget,
  expecting,
  type Metric,
  meanMetric,
  type NameOptions,
  nameOf,
  requiring,
  type ThresholdOptions,
} from './Definition.ts';

/**
 * The share of right predictions. What is right follows from the shapes, by Keras's rule: one output is yes or no at
 * 0.5; a target that is a class is compared with the largest output; otherwise the largest output with the largest
 * target. For outputs that are several independent yes or no, take `binaryAccuracy`.
 * Keras: the metric named "accuracy".
 */
export const accuracy = <const N extends string = 'accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.AnyTarget, 'max'> => meanMetric(nameOf<N>(options, 'accuracy'), 'max', anyTarget, hits);

/** The share of outputs that are on the right side of the threshold, each column on its own. Keras: BinaryAccuracy. */
export const binaryAccuracy = <const N extends string = 'binary_accuracy'>(
  options: NameOptions<N> & ThresholdOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'binary_accuracy'),
    'max',
    requiring('binaryAccuracy', [finite('threshold', options.threshold)])(expecting('binaryAccuracy', T.sameShape)),
    binaryHits(options.threshold ?? 0.5),
  );

/** The share of samples whose largest output is the largest target; the first of equals. Keras: CategoricalAccuracy. */
export const categoricalAccuracy = <const N extends string = 'categorical_accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.Categorical<'categoricalAccuracy'>, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'categorical_accuracy'),
    'max',
    expecting('categoricalAccuracy', T.categorical('categoricalAccuracy')),
    categoricalHits,
  );

/** The share of samples whose largest output is the class; the first of equals. Keras: SparseCategoricalAccuracy. */
export const sparseCategoricalAccuracy = <const N extends string = 'sparse_categorical_accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.Sparse<'sparseCategoricalAccuracy'>, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'sparse_categorical_accuracy'),
    'max',
    expecting('sparseCategoricalAccuracy', T.sparse('sparseCategoricalAccuracy')),
    sparseHits,
  );

export interface TopOptions {
  /** How many of the largest outputs count. Default 5. */
  readonly k?: number;
}

/**
 * The share of samples whose class (the largest target) is among the `k` largest outputs; ties count for the class.
 * Keras: TopKCategoricalAccuracy.
 */
export const topKCategoricalAccuracy = <const N extends string = 'top_k_categorical_accuracy'>(
  options: NameOptions<N> & TopOptions = {},
): Metric<N, T.Categorical<'topKCategoricalAccuracy'>, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'top_k_categorical_accuracy'),
    'max',
    requiring('topKCategoricalAccuracy', [positiveInteger('k', options.k)])(
      expecting('topKCategoricalAccuracy', T.categorical('topKCategoricalAccuracy')),
    ),
    topHits(options.k ?? 5),
  );

/**
 * The share of samples whose class is among the `k` largest outputs; ties count for the class.
 * Keras: SparseTopKCategoricalAccuracy. scikit-learn: top_k_accuracy_score.
 */
export const sparseTopKCategoricalAccuracy = <const N extends string = 'sparse_top_k_categorical_accuracy'>(
  options: NameOptions<N> & TopOptions = {},
): Metric<N, T.Sparse<'sparseTopKCategoricalAccuracy'>, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'sparse_top_k_categorical_accuracy'),
    'max',
    requiring('sparseTopKCategoricalAccuracy', [positiveInteger('k', options.k)])(
      expecting('sparseTopKCategoricalAccuracy', T.sparse('sparseTopKCategoricalAccuracy')),
    ),
    sparseTopHits(options.k ?? 5),
  );
