/**
 * Metrics: what is watched while training, and not trained on.
 *
 * A metric is a few sums that each batch adds to, and a function from the sums to the number that is logged: a metric
 * over an epoch is that of all its samples together, never a mean of batch values. So metrics do not depend on how
 * samples are batched, and every metric knows whether higher or lower is better; nothing guesses it from the name.
 *
 * @example
 * import { Metric } from 'grad-ts';
 *
 * Metric.accuracy();
 * Metric.binaryAccuracy({ threshold: 0.3, name: 'lenient' }); // logged as lenient and val_lenient
 * Metric.auc({ curve: 'PR' });
 */
export * from './metrics/Accuracies.ts';
export * from './metrics/Counts.ts';
export * from './metrics/Curves.ts';
export {
  type AnyMetric,
  custom,
  fromLoss,
  type Metric,
  type NameOptions,
  type States,
  sum,
  type ThresholdOptions,
  withTargetsOf,
} from './metrics/Definition.ts';
export * from './metrics/Errors.ts';
export * from './metrics/Matrices.ts';
export type { AnyTarget, Categorical, Matrix, SameShape, Sparse } from './Target.ts';
