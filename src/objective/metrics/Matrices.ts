/**
 * Metrics of the confusion matrix.
 *
 * What is compared follows from the shapes, as for `accuracy`: one output is yes or no; otherwise the largest output with
 * the class, or with the largest target.
 */
import type { Direction } from '../../training/Event.ts';
import {
  balancedAccuracyOf,
  type ConfusionMatrix,
  classCount,
  confusion,
  type Disagreement,
  iouOf,
  kappaOf,
  type MatrixUpdate,
  matrixOf,
  matthewsOf,
} from '../Matrix.ts';
import type * as T from '../Target.ts';
import { anyTarget, type Metric, type NameOptions, nameOf, type States, type ThresholdOptions } from './Definition.ts';

export type { ConfusionMatrix, Disagreement } from '../Matrix.ts';

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export interface ConfusionOptions extends ThresholdOptions {
  /** Labels of this class do not count. */
  readonly ignoreClass?: number;
}

const ofMatrix = <N extends string, D extends Direction>(
  name: N,
  direction: D,
  score: (matrix: ConfusionMatrix) => number,
  update: MatrixUpdate,
): Metric<N, T.AnyTarget, D> => ({
  name,
  direction,
  accepts: anyTarget,
  states: ({ shape }) => {
    const n = classCount(shape);
    return { confusion: n === undefined ? [] : [n, n] };
  },
  update: (output, target, weights) => ({ confusion: confusion(update)(output, target, weights) }),
  result: (states) => score(confusionMatrix(states)),
});

const strict = ({ threshold = 0.5, ignoreClass }: ConfusionOptions): MatrixUpdate => ({
  threshold,
  inclusive: false,
  ignoreClass,
});

/** The matrix in the sums of a metric of this kind: true classes are rows. scikit-learn: confusion_matrix. */
export const confusionMatrix = (states: States): ConfusionMatrix => matrixOf(states.confusion);

/**
 * A metric of your own, from the confusion matrix of all samples (rows are true classes).
 *
 * @example
 * Metric.fromConfusion('mistakes_on_3', 'min', (matrix) => matrix[3].reduce((a, b) => a + b, 0) - matrix[3][3]);
 */
export const fromConfusion = <const N extends string, D extends Direction>(
  name: N,
  direction: D,
  score: (matrix: ConfusionMatrix) => number,
  options: ConfusionOptions = {},
): Metric<N, T.AnyTarget, D> => ofMatrix(name, direction, score, strict(options));

// -------------------------------------------------------------------------------------
// overlap
// -------------------------------------------------------------------------------------

export interface IouOptions {
  /** Labels of this class do not count. */
  readonly ignoreClass?: number;
  /** Of one output: at least this is a yes. Default 0.5. */
  readonly threshold?: number;
}

/**
 * Intersection over union of predicted and true positions, the mean over the given classes; classes that occur nowhere
 * are left out. Keras: IoU, OneHotIoU, BinaryIoU. scikit-learn: jaccard_score.
 */
export const iou = <const N extends string = 'io_u'>(
  classIds: readonly number[],
  options: NameOptions<N> & IouOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'io_u'), 'max', iouOf(classIds), {
    threshold: options.threshold ?? 0.5,
    inclusive: true,
    ignoreClass: options.ignoreClass,
  });

/** The same over all classes. Keras: MeanIoU, OneHotMeanIoU. */
export const meanIou = <const N extends string = 'mean_io_u'>(
  options: NameOptions<N> & IouOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'mean_io_u'), 'max', iouOf(undefined), {
    threshold: options.threshold ?? 0.5,
    inclusive: true,
    ignoreClass: options.ignoreClass,
  });

// -------------------------------------------------------------------------------------
// agreement
// -------------------------------------------------------------------------------------

/**
 * The correlation of outputs and truth as classes: 1 is best, 0 is chance; it bears classes of unequal size.
 * scikit-learn: matthews_corrcoef.
 */
export const matthewsCorrelation = <const N extends string = 'matthews_correlation'>(
  options: NameOptions<N> & ConfusionOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'matthews_correlation'), 'max', matthewsOf, strict(options));

/** Agreement beyond chance: 1 is best, 0 is chance; 0 where only one class occurs. scikit-learn: cohen_kappa_score. */
export const cohenKappa = <const N extends string = 'cohen_kappa'>(
  options: NameOptions<N> & ConfusionOptions & { readonly weights?: Disagreement } = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'cohen_kappa'), 'max', kappaOf(options.weights ?? 'none'), strict(options));

/** The mean of the classes' shares of right predictions. scikit-learn: balanced_accuracy_score. */
export const balancedAccuracy = <const N extends string = 'balanced_accuracy'>(
  options: NameOptions<N> & ConfusionOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'balanced_accuracy'), 'max', balancedAccuracyOf, strict(options));
