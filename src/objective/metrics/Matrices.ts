/**
 * Metrics of the confusion matrix.
 *
 * What is compared follows from the shapes, as for `accuracy`: one output is yes or no; otherwise the largest output with
 * the class, or with the largest target.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Fn } from '../../shape/Fn.ts';
import { finite, integer, oneOf } from '../../shape/Requirement.ts';
import { type AnyShape, dims, show } from '../../shape/Shape.ts';
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
import * as T from '../Target.ts';
import {
  type Accepts,
  anyTarget,
  expecting,
  type Metric,
  type NameOptions,
  nameOf,
  requiring,
  type States,
  type ThresholdOptions,
} from './Definition.ts';

export type { ConfusionMatrix, Disagreement } from '../Matrix.ts';

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export interface ConfusionOptions extends ThresholdOptions {
  /** Labels of this class do not count. */
  readonly ignoreClass?: number;
}

const ofMatrix = <N extends string, D extends Direction, F extends Fn = T.AnyTarget>(
  name: N,
  direction: D,
  score: (matrix: ConfusionMatrix) => number,
  update: MatrixUpdate,
  accepts: Accepts = anyTarget,
): Metric<N, F, D> => ({
  name,
  direction,
  accepts: requiring(name, [finite('threshold', update.threshold), integer('ignoreClass', update.ignoreClass)])(
    accepts,
  ),
  states: ({ shape }) => {
    const n = update.elementwise === true ? 2 : classCount(shape);
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

const atLeast = ({ threshold = 0.5, ignoreClass }: IouOptions): MatrixUpdate => ({
  threshold,
  inclusive: true,
  ignoreClass,
});

/** The rule, and that there are classes of these numbers. */
const withClasses =
  (
    metric: string,
    classIds: readonly number[],
    count: (output: AnyShape) => number | undefined,
    accepts: Accepts,
  ): Accepts =>
  (output, target) => {
    const n = count(output);
    if (classIds.length === 0) return E.left(`${metric}: expects one class at least in classIds`);
    const wrong = classIds.find((id) => !Number.isInteger(id) || id < 0 || (n !== undefined && id >= n));
    return wrong === undefined
      ? accepts(output, target)
      : E.left(
          `${metric}: classIds must be integers from 0 to ${n === undefined ? 'the number of classes' : n - 1} with ` +
            `outputs ${show(output)}, got ${wrong}`,
        );
  };

const classesOfOutput = (output: AnyShape): number | undefined => classCount(dims(output));

/**
 * Intersection over union of predicted and true positions, the mean over the given classes; classes that occur nowhere
 * are left out. What is compared follows from the shapes. Keras: IoU with `sparse_y_pred=False`. scikit-learn: jaccard_score.
 *
 * Errors: a number that is no class of the output.
 *
 * @example
 * Metric.iou([1, 2]); // outputs [batch,3,64,64], channels first; targets int32[batch,64,64]
 */
export const iou = <const N extends string = 'io_u'>(
  classIds: readonly number[],
  options: NameOptions<N> & IouOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(
    nameOf<N>(options, 'io_u'),
    'max',
    iouOf(classIds),
    atLeast(options),
    withClasses('iou', classIds, classesOfOutput, anyTarget),
  );

/** The same over all classes. Keras: MeanIoU with `sparse_y_pred=False`. */
export const meanIou = <const N extends string = 'mean_io_u'>(
  options: NameOptions<N> & IouOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'mean_io_u'), 'max', iouOf(undefined), atLeast(options));

export interface BinaryIouOptions extends ThresholdOptions {
  /** Of which answers: 0 is no, 1 is yes. Default both. */
  readonly classIds?: readonly number[];
}

/**
 * Intersection over union where every number of the output is a yes or no by itself: a pixel of a mask, or one of several
 * labels. At least the threshold is a yes (other metrics of yes and no want it to be above). The mean over yes and no, or
 * one of them. The target has the output's shape. Keras: BinaryIoU.
 *
 * @example
 * Metric.binaryIou({ classIds: [1], name: 'foreground' }); // outputs and targets [batch,1,64,64]
 */
export const binaryIou = <const N extends string = 'binary_io_u'>(
  options: NameOptions<N> & BinaryIouOptions = {},
): Metric<N, T.SameShape, 'max'> => {
  const { classIds = [0, 1], threshold = 0.5 } = options;
  return ofMatrix(
    nameOf<N>(options, 'binary_io_u'),
    'max',
    iouOf(classIds),
    { threshold, inclusive: true, ignoreClass: undefined, elementwise: true },
    withClasses('binaryIou', classIds, () => 2, expecting('binaryIou', T.sameShape)),
  );
};

export interface OneHotIouOptions {
  /** Positions of this class do not count. */
  readonly ignoreClass?: number;
}

/**
 * `iou` with targets that are one-hot, or probabilities: the class is the largest of them. Keras: OneHotIoU.
 *
 * @example
 * Metric.oneHotIou([0, 2]); // outputs and targets [batch,3]
 */
export const oneHotIou = <const N extends string = 'one_hot_io_u'>(
  classIds: readonly number[],
  options: NameOptions<N> & OneHotIouOptions = {},
): Metric<N, T.Categorical<'oneHotIou'>, 'max'> =>
  ofMatrix(
    nameOf<N>(options, 'one_hot_io_u'),
    'max',
    iouOf(classIds),
    atLeast(options),
    withClasses('oneHotIou', classIds, classesOfOutput, expecting('oneHotIou', T.categorical('oneHotIou'))),
  );

/** The same over all classes. Keras: OneHotMeanIoU. */
export const oneHotMeanIou = <const N extends string = 'one_hot_mean_io_u'>(
  options: NameOptions<N> & OneHotIouOptions = {},
): Metric<N, T.Categorical<'oneHotMeanIou'>, 'max'> =>
  ofMatrix(
    nameOf<N>(options, 'one_hot_mean_io_u'),
    'max',
    iouOf(undefined),
    atLeast(options),
    expecting('oneHotMeanIou', T.categorical('oneHotMeanIou')),
  );

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
  ofMatrix(
    nameOf<N>(options, 'cohen_kappa'),
    'max',
    kappaOf(options.weights ?? 'none'),
    strict(options),
    requiring('cohenKappa', [oneOf('none', 'linear', 'quadratic')('weights', options.weights)])(anyTarget),
  );

/** The mean of the classes' shares of right predictions. scikit-learn: balanced_accuracy_score. */
export const balancedAccuracy = <const N extends string = 'balanced_accuracy'>(
  options: NameOptions<N> & ConfusionOptions = {},
): Metric<N, T.AnyTarget, 'max'> =>
  ofMatrix(nameOf<N>(options, 'balanced_accuracy'), 'max', balancedAccuracyOf, strict(options));
