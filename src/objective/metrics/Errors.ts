/**
 * Metrics that say how far the outputs are from the targets: losses to watch, and others.
 */
import type { Value } from '../../graph/Graph.ts';
import { cast, mul } from '../../graph/Operators.ts';
import { integer, oneOf, wholeNumber } from '../../shape/Requirement.ts';
import { alignWeights } from '../Alignment.ts';
import { columnSums, type R2Aggregation, r2Of } from '../Determination.ts';
import * as F from '../Formula.ts';
import { logLoss as logLossFormula } from '../LogLoss.ts';
import * as C from '../losses/Crossentropies.ts';
import * as M from '../losses/Margins.ts';
import * as R from '../losses/Regressions.ts';
import { meanResult, positionUpdate } from '../Mean.ts';
import * as T from '../Target.ts';
import {
  anyTarget,
  expecting,
  fromLoss,
  type Metric,
  meanMetric,
  type NameOptions,
  nameOf,
  requiring,
} from './Definition.ts';

/** Keras: BinaryCrossentropy, the metric. */
export const binaryCrossentropy = <const N extends string = 'binary_crossentropy'>(
  options: NameOptions<N> & C.SmoothingOptions = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(C.binaryCrossentropy(options), { name: nameOf<N>(options, 'binary_crossentropy') });

/** Keras: CategoricalCrossentropy, the metric. */
export const categoricalCrossentropy = <const N extends string = 'categorical_crossentropy'>(
  options: NameOptions<N> & C.SmoothingOptions = {},
): Metric<N, T.Categorical, 'min'> =>
  fromLoss(C.categoricalCrossentropy(options), { name: nameOf<N>(options, 'categorical_crossentropy') });

/**
 * Keras: SparseCategoricalCrossentropy, the metric. As there, positions with `ignoreClass` are left out of the mean only
 * when there are weights; otherwise they count, as 0.
 */
export const sparseCategoricalCrossentropy = <const N extends string = 'sparse_categorical_crossentropy'>(
  options: NameOptions<N> & C.SparseOptions = {},
): Metric<N, T.Sparse, 'min'> =>
  fromLoss(C.sparseCategoricalCrossentropy(options), { name: nameOf<N>(options, 'sparse_categorical_crossentropy') });

/** Keras: MeanSquaredError, the metric. */
export const meanSquaredError = <const N extends string = 'mean_squared_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(R.meanSquaredError(), { name: nameOf<N>(options, 'mean_squared_error') });

/** Keras: MeanAbsoluteError, the metric. */
export const meanAbsoluteError = <const N extends string = 'mean_absolute_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(R.meanAbsoluteError(), { name: nameOf<N>(options, 'mean_absolute_error') });

/** The root of the mean squared error over all samples: in the target's unit. Keras: RootMeanSquaredError. */
export const rootMeanSquaredError = <const N extends string = 'root_mean_squared_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => ({
  ...meanMetric(
    nameOf<N>(options, 'root_mean_squared_error'),
    'min',
    expecting('rootMeanSquaredError', T.sameShape),
    F.squaredErrors,
  ),
  result: (states) => Math.sqrt(meanResult(states)),
});

/** The cosine of the angle between output and target: 1 is best. Keras: CosineSimilarity, the metric. */
export const cosineSimilarity = <const N extends string = 'cosine_similarity'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'max'> =>
  meanMetric(nameOf<N>(options, 'cosine_similarity'), 'max', expecting('cosineSimilarity', T.sameShape), F.cosine);

/**
 * Minus the logarithm of the probability of the truth: scikit-learn's log_loss (clip to float32's machine epsilon, then
 * scale to sum 1). The target is a class, one-hot, or for one output 0 or 1. For several independent columns, as in
 * Kaggle's mean column-wise log loss, take `binaryCrossentropy`.
 */
export const logLoss = <const N extends string = 'log_loss'>(
  options: NameOptions<N> = {},
): Metric<N, T.AnyTarget, 'min'> => meanMetric(nameOf<N>(options, 'log_loss'), 'min', anyTarget, logLossFormula);

/** In percent of the target. Keras: MeanAbsolutePercentageError, the metric. */
export const meanAbsolutePercentageError = <const N extends string = 'mean_absolute_percentage_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(R.meanAbsolutePercentageError(), { name: nameOf<N>(options, 'mean_absolute_percentage_error') });

/** Keras: MeanSquaredLogarithmicError, the metric. */
export const meanSquaredLogarithmicError = <const N extends string = 'mean_squared_logarithmic_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(R.meanSquaredLogarithmicError(), { name: nameOf<N>(options, 'mean_squared_logarithmic_error') });

/** Keras: LogCoshError. */
export const logCosh = <const N extends string = 'logcosh'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(R.logCosh(), { name: nameOf<N>(options, 'logcosh') });

/** Keras: Hinge, the metric. */
export const hinge = <const N extends string = 'hinge'>(options: NameOptions<N> = {}): Metric<N, T.SameShape, 'min'> =>
  fromLoss(M.hinge(), { name: nameOf<N>(options, 'hinge') });

/** Keras: SquaredHinge, the metric. */
export const squaredHinge = <const N extends string = 'squared_hinge'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(M.squaredHinge(), { name: nameOf<N>(options, 'squared_hinge') });

/** Keras: CategoricalHinge, the metric. */
export const categoricalHinge = <const N extends string = 'categorical_hinge'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(M.categoricalHinge(), { name: nameOf<N>(options, 'categorical_hinge') });

/** Keras: KLDivergence, the metric. */
export const klDivergence = <const N extends string = 'kl_divergence'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(R.klDivergence(), { name: nameOf<N>(options, 'kl_divergence') });

/** Keras: Poisson, the metric. */
export const poisson = <const N extends string = 'poisson'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(R.poisson(), { name: nameOf<N>(options, 'poisson') });

/** What counts in a mean over positions: those that the loss does not leave out, by their weights. */
const factors = (mask: Value | undefined, weights: Value | undefined): Value | undefined => {
  if (mask === undefined || weights === undefined) return mask ?? weights;
  const [m, w] = alignWeights(mask, cast('float32')(weights));
  return mul(m, w);
};

export interface PerplexityOptions {
  /** The outputs are logits. Default false: probabilities. */
  readonly fromLogits?: boolean;
  /** Positions with this class do not count (padding). */
  readonly ignoreClass?: number;
}

/**
 * The exponential of the mean cross-entropy over all positions: among how many equally likely words the model chooses.
 * Keras: KerasHub's Perplexity.
 */
export const perplexity = <const N extends string = 'perplexity'>(
  options: NameOptions<N> & PerplexityOptions = {},
): Metric<N, T.Sparse<'perplexity'>, 'min'> => {
  const loss = C.sparseCategoricalCrossentropy(options);
  const name = nameOf<N>(options, 'perplexity');
  return {
    ...meanMetric(
      name,
      'min',
      requiring('perplexity', [integer('ignoreClass', options.ignoreClass)])(
        expecting('perplexity', T.sparse('perplexity')),
      ),
      loss.perSample,
    ),
    // Every position weighs the same, however many each sample has: the sums are over positions.
    update: (output, target, weights) =>
      positionUpdate(loss.perSample(output, target), factors(loss.mask?.(output, target), weights)),
    result: (states) => Math.exp(meanResult(states)),
  };
};

export interface R2Options {
  /** How the outputs' scores become one: their mean (default), or that weighted by the targets' variances. */
  readonly aggregation?: R2Aggregation;
  /** Number of independent variables: more than 0 gives the adjusted score. Default 0. */
  readonly regressors?: number;
}

/**
 * The share of the targets' variance that the outputs explain: 1 is best, 0 is what their mean would get, and below 0 is
 * worse than that. A constant target that is not hit counts as 0, one that is hit exactly as 1 (Keras: NaN). Its sums are
 * float64, for targets far from 0. Keras: R2Score. scikit-learn: r2_score.
 */
export const r2 = <const N extends string = 'r2_score'>(
  options: NameOptions<N> & R2Options = {},
): Metric<N, T.Matrix<'r2'>, 'max'> => ({
  name: nameOf<N>(options, 'r2_score'),
  direction: 'max',
  accepts: requiring('r2', [
    wholeNumber('regressors', options.regressors),
    oneOf('uniform', 'variance')('aggregation', options.aggregation),
  ])(expecting('r2', T.matrix('r2'))),
  states: ({ shape }) => {
    const columns = typeof shape[1] === 'number' ? [shape[1]] : [];
    return { sum: columns, squares: columns, errors: columns, weight: [], samples: [] };
  },
  update: columnSums,
  result: (states) => r2Of(states, options.aggregation ?? 'uniform', options.regressors ?? 0),
});

/** Of each row, the correlation of output and target; their mean. Keras: PearsonCorrelation. */
export const pearsonCorrelation = <const N extends string = 'pearson_correlation'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'max'> =>
  meanMetric(nameOf<N>(options, 'pearson_correlation'), 'max', expecting('pearsonCorrelation', T.sameShape), F.pearson);

/** As the correlation, but 1 only for equal numbers. Keras: ConcordanceCorrelation. */
export const concordanceCorrelation = <const N extends string = 'concordance_correlation'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'max'> =>
  meanMetric(
    nameOf<N>(options, 'concordance_correlation'),
    'max',
    expecting('concordanceCorrelation', T.sameShape),
    F.concordance,
  );
