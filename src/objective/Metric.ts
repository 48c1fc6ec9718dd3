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
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Value, ValueType } from '../graph/Graph.ts';
import { cast, mul } from '../graph/Operators.ts';
import type { Fn } from '../shape/Fn.ts';
import { type AnyShape, agree, show } from '../shape/Shape.ts';
import type { Direction } from '../training/Event.ts';
import { alignWeights } from './Alignment.ts';
import { type Average, aboveThreshold, type Counter, counts, fScore, largestOfRow } from './Confusion.ts';
import type * as C from './Crossentropy.ts';
import * as F from './Formula.ts';
import { binaryHits, categoricalHits, hits, sparseHits } from './Hits.ts';
import { logLoss as logLossFormula } from './LogLoss.ts';
import type { AnyLoss, Loss } from './Loss.ts';
import * as L from './Loss.ts';
import { meanResult, meanUpdate, only, ratio } from './Mean.ts';
import * as T from './Target.ts';

export type { Average } from './Confusion.ts';
export type { AnyTarget, Categorical, Matrix, SameShape, Sparse } from './Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Sums over batches, by name. */
export type States = Readonly<Record<string, Float64Array>>;

/** `Name`: its key in the logs. `F`: the targets it goes with, as a loss's. `D`: which way is better. */
export interface Metric<Name extends string = string, F extends Fn = Fn, D extends Direction = Direction> {
  readonly name: Name;
  readonly direction: D;
  /** The target's shape again, or why the metric does not go with this output and target. */
  readonly accepts: (output: AnyShape, target: AnyShape) => E.Either<string, AnyShape>;
  /** Shapes of the sums. */
  readonly states: (output: ValueType) => Readonly<Record<string, readonly number[]>>;
  /** What a batch adds to each sum, float32. Weights: one for each sample, or for each value. */
  readonly update: (output: Value, target: Value, weights?: Value) => Readonly<Record<string, Value>>;
  readonly result: (states: States) => number;
  /** Phantom: the function on shapes as the compiler knows it. Never present at run time. */
  readonly '~fn'?: F;
}

/** Any metric, whatever its name and targets. */
export type AnyMetric = Metric;

export interface NameOptions<Name extends string> {
  /** The key in the logs. Default: Keras's name, in snake case. */
  readonly name?: Name;
}

export interface ThresholdOptions {
  /** Strictly above it is a yes. Default 0.5. */
  readonly threshold?: number;
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

/** The literal type of the default is the default of `N`: the two cannot differ. */
const nameOf = <N extends string>(options: NameOptions<N>, byDefault: string): N => options.name ?? (byDefault as N);

type Accepts = AnyMetric['accepts'];

const anyTarget: Accepts = (_, target) => E.right(target);

/** The target must be the one that goes with the output. */
const expecting =
  (metric: string, targetShape: T.TargetShape): Accepts =>
  (output, target) =>
    pipe(
      targetShape(output),
      E.filterOrElse(
        (expected) => agree(expected, target),
        (expected) => `${metric}: expects targets ${show(expected)} with outputs ${show(output)}, got ${show(target)}`,
      ),
    );

const mean = <N extends string, D extends Direction>(name: N, direction: D, accepts: Accepts, formula: F.Formula) => ({
  name,
  direction,
  accepts,
  states: () => ({ total: [], count: [] }),
  update: (output: Value, target: Value, weights?: Value) => meanUpdate(formula(output, target), weights),
  result: meanResult,
});

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * A metric of your own: the mean over samples of a formula. The target has the output's shape.
 *
 * @example
 * Metric.custom('worst', 'min', (output, target) => reduceMax({ axes: [-1] })(abs(sub(output, target))));
 */
export const custom = <const N extends string, D extends Direction>(
  name: N,
  direction: D,
  formula: F.Formula,
): Metric<N, T.SameShape, D> => mean(name, direction, expecting(name, T.sameShape), formula);

/** Keras's rule: positions that a loss ignores have no weight if there are weights; otherwise they count, as 0. */
const masked = (loss: AnyLoss, output: Value, target: Value, weights: Value | undefined): Value | undefined => {
  if (weights === undefined || loss.mask === undefined) return weights;
  const [mask, w] = alignWeights(loss.mask(output, target), cast('float32')(weights));
  return mul(mask, w);
};

/**
 * The mean of a loss's values: a loss to watch beside the one that is trained on. Lower is better. Named as the loss
 * unless told otherwise.
 */
export const fromLoss = <F extends Fn, const N extends string = string>(
  loss: Loss<F>,
  options: NameOptions<N> = {},
): Metric<N, F, 'min'> => {
  const name: N = nameOf(options, loss.name);
  return {
    ...mean(name, 'min', expecting(name, loss.targetShape), loss.perSample),
    update: (output, target, weights) =>
      meanUpdate(loss.perSample(output, target), masked(loss, output, target, weights)),
  };
};

// -------------------------------------------------------------------------------------
// accuracy
// -------------------------------------------------------------------------------------

/**
 * The share of right predictions. What is right follows from the shapes, by Keras's rule: one output is yes or no at
 * 0.5; a target that is a class is compared with the largest output; otherwise the largest output with the largest
 * target. For outputs that are several independent yes or no, take `binaryAccuracy`.
 * Keras: the metric named "accuracy".
 */
export const accuracy = <const N extends string = 'accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.AnyTarget, 'max'> => mean(nameOf<N>(options, 'accuracy'), 'max', anyTarget, hits);

/** The share of outputs that are on the right side of the threshold, each column on its own. Keras: BinaryAccuracy. */
export const binaryAccuracy = <const N extends string = 'binary_accuracy'>(
  options: NameOptions<N> & ThresholdOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  mean(
    nameOf<N>(options, 'binary_accuracy'),
    'max',
    expecting('binaryAccuracy', T.sameShape),
    binaryHits(options.threshold ?? 0.5),
  );

/** The share of samples whose largest output is the largest target; the first of equals. Keras: CategoricalAccuracy. */
export const categoricalAccuracy = <const N extends string = 'categorical_accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.Categorical<'categoricalAccuracy'>, 'max'> =>
  mean(
    nameOf<N>(options, 'categorical_accuracy'),
    'max',
    expecting('categoricalAccuracy', T.categorical('categoricalAccuracy')),
    categoricalHits,
  );

/** The share of samples whose largest output is the class; the first of equals. Keras: SparseCategoricalAccuracy. */
export const sparseCategoricalAccuracy = <const N extends string = 'sparse_categorical_accuracy'>(
  options: NameOptions<N> = {},
): Metric<N, T.Sparse<'sparseCategoricalAccuracy'>, 'max'> =>
  mean(
    nameOf<N>(options, 'sparse_categorical_accuracy'),
    'max',
    expecting('sparseCategoricalAccuracy', T.sparse('sparseCategoricalAccuracy')),
    sparseHits,
  );

// -------------------------------------------------------------------------------------
// losses as metrics
// -------------------------------------------------------------------------------------

/** Keras: BinaryCrossentropy, the metric. */
export const binaryCrossentropy = <const N extends string = 'binary_crossentropy'>(
  options: NameOptions<N> & C.SmoothingOptions = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(L.binaryCrossentropy(options), { name: nameOf<N>(options, 'binary_crossentropy') });

/** Keras: CategoricalCrossentropy, the metric. */
export const categoricalCrossentropy = <const N extends string = 'categorical_crossentropy'>(
  options: NameOptions<N> & C.SmoothingOptions = {},
): Metric<N, T.Categorical, 'min'> =>
  fromLoss(L.categoricalCrossentropy(options), { name: nameOf<N>(options, 'categorical_crossentropy') });

/**
 * Keras: SparseCategoricalCrossentropy, the metric. As there, positions with `ignoreClass` are left out of the mean only
 * when there are weights; otherwise they count, as 0.
 */
export const sparseCategoricalCrossentropy = <const N extends string = 'sparse_categorical_crossentropy'>(
  options: NameOptions<N> & C.SparseOptions = {},
): Metric<N, T.Sparse, 'min'> =>
  fromLoss(L.sparseCategoricalCrossentropy(options), { name: nameOf<N>(options, 'sparse_categorical_crossentropy') });

/** Keras: MeanSquaredError, the metric. */
export const meanSquaredError = <const N extends string = 'mean_squared_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => fromLoss(L.meanSquaredError(), { name: nameOf<N>(options, 'mean_squared_error') });

/** Keras: MeanAbsoluteError, the metric. */
export const meanAbsoluteError = <const N extends string = 'mean_absolute_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> =>
  fromLoss(L.meanAbsoluteError(), { name: nameOf<N>(options, 'mean_absolute_error') });

/** The root of the mean squared error over all samples: in the target's unit. Keras: RootMeanSquaredError. */
export const rootMeanSquaredError = <const N extends string = 'root_mean_squared_error'>(
  options: NameOptions<N> = {},
): Metric<N, T.SameShape, 'min'> => ({
  ...mean(
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
  mean(nameOf<N>(options, 'cosine_similarity'), 'max', expecting('cosineSimilarity', T.sameShape), F.cosine);

/**
 * Minus the logarithm of the probability of the truth: scikit-learn's log_loss (clip to float32's machine epsilon, then
 * scale to sum 1). The target is a class, one-hot, or for one output 0 or 1. For several independent columns, as in
 * Kaggle's mean column-wise log loss, take `binaryCrossentropy`.
 */
export const logLoss = <const N extends string = 'log_loss'>(
  options: NameOptions<N> = {},
): Metric<N, T.AnyTarget, 'min'> => mean(nameOf<N>(options, 'log_loss'), 'min', anyTarget, logLossFormula);

// -------------------------------------------------------------------------------------
// counts
// -------------------------------------------------------------------------------------

export interface ColumnOptions {
  /** Only this column (counted from 0). Default: all of them in one pool. */
  readonly classId?: number;
}

const share =
  (error: Counter) =>
  <N extends string>(
    op: string,
    name: N,
    options: ThresholdOptions & ColumnOptions,
  ): Metric<N, T.SameShape, 'max'> => ({
    name,
    direction: 'max',
    accepts: expecting(op, T.sameShape),
    states: () => ({ truePositives: [], [error]: [] }),
    update: (output, target, weights) =>
      counts(
        ['truePositives', error],
        aboveThreshold(output, target, options.threshold ?? 0.5, options.classId),
        'one',
        weights,
      ),
    result: (states) => {
      const right = only(states.truePositives);
      return ratio(right, right + only(states[error]));
    },
  });

/** Of those called yes, the share that are; 0 if none was called. Keras: Precision. */
export const precision = <const N extends string = 'precision'>(
  options: NameOptions<N> & ThresholdOptions & ColumnOptions = {},
): Metric<N, T.SameShape, 'max'> => share('falsePositives')('precision', nameOf<N>(options, 'precision'), options);

/** Of those that are yes, the share that was called; 0 if there are none. Keras: Recall. */
export const recall = <const N extends string = 'recall'>(
  options: NameOptions<N> & ThresholdOptions & ColumnOptions = {},
): Metric<N, T.SameShape, 'max'> => share('falseNegatives')('recall', nameOf<N>(options, 'recall'), options);

export interface FScoreOptions {
  /** Strictly above it is a yes. Default: the largest of each row is (with one column: above 0.5). */
  readonly threshold?: number;
  /** Default `macro`: the mean over classes. Keras's default, a number for each class, is none that can be logged. */
  readonly average?: Average;
}

/**
 * The harmonic mean of precision and recall, recall counting `beta` times as much. Outputs and targets are
 * [batch, classes], targets 0 or 1. Keras: FBetaScore.
 */
export const fBeta = <const N extends string = 'fbeta_score'>(
  options: NameOptions<N> & FScoreOptions & { readonly beta?: number } = {},
): Metric<N, T.Matrix<'fBeta'>, 'max'> =>
  fMeasure('fBeta', nameOf<N>(options, 'fbeta_score'), options.beta ?? 1, options);

/** The harmonic mean of precision and recall. Keras: F1Score. */
export const f1 = <const N extends string = 'f1_score'>(
  options: NameOptions<N> & FScoreOptions = {},
): Metric<N, T.Matrix<'f1'>, 'max'> => fMeasure('f1', nameOf<N>(options, 'f1_score'), 1, options);

const fMeasure = <Op extends string, N extends string>(
  op: Op,
  name: N,
  beta: number,
  options: FScoreOptions,
): Metric<N, T.Matrix<Op>, 'max'> => {
  const average = options.average ?? 'macro';
  const pools = average === 'micro' ? 'one' : 'columns';
  const states = ['truePositives', 'falsePositives', 'falseNegatives'] as const;
  return {
    name,
    direction: 'max',
    accepts: expecting(op, T.matrix(op)),
    states: (output) => {
      const columns = output.shape[1];
      const shape = pools === 'one' || typeof columns !== 'number' ? [] : [columns];
      return Object.fromEntries(states.map((state) => [state, shape]));
    },
    update: (output, target, weights) => {
      const threshold = options.threshold ?? (output.type.shape[1] === 1 ? 0.5 : undefined);
      const calls = threshold === undefined ? largestOfRow(output, target) : aboveThreshold(output, target, threshold);
      return counts(states, calls, pools, weights);
    },
    result: (sums) => fScore(sums, beta, average),
  };
};
