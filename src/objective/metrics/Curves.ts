/**
 * Metrics of curves: areas under them, and points on them.
 */
import * as E from 'fp-ts/lib/Either.js';
import {
  area,
  bestWhere,
  type CurveKind,
  curveCounts,
  evenly,
  type Point,
  points,
  precisionOf,
  type Summation,
  sensitivityOf,
  specificityOf,
  withEnds,
} from '../Curve.ts';
import { ratio } from '../Mean.ts';
import * as T from '../Target.ts';
import { expecting, type Metric, type NameOptions, nameOf, withColumns } from './Definition.ts';

export type { CurveKind, Summation } from '../Curve.ts';

// -------------------------------------------------------------------------------------
// areas
// -------------------------------------------------------------------------------------

export interface AucOptions {
  /** Default `ROC`. */
  readonly curve?: CurveKind;
  /** Default `interpolation`. */
  readonly summationMethod?: Summation;
  /** Evenly spaced from 0 to 1. More are more exact, and cost as much more. Default 200. */
  readonly numThresholds?: number;
  /** In [0, 1], instead of evenly spaced ones; both ends are added. */
  readonly thresholds?: readonly number[];
  /** The mean of one area for each column of [batch,labels]. Default false: all elements in one pool. */
  readonly multiLabel?: boolean;
  /** How much each column counts in that mean. Default: all the same. */
  readonly labelWeights?: readonly number[];
  /** The outputs are logits. Default false: probabilities. */
  readonly fromLogits?: boolean;
}

/**
 * The area under the curve of true against false positives (`ROC`: the share of pairs of a yes and a no that are in the
 * right order), or of precision against recall (`PR`), at many thresholds. Targets are 0 or 1 in the output's shape.
 * Keras: AUC. scikit-learn: roc_auc_score, but with every output as a threshold.
 */
export const auc = <const N extends string = 'auc'>(
  options: NameOptions<N> & AucOptions = {},
): Metric<N, T.SameShape, 'max'> => {
  const { curve = 'ROC', summationMethod = 'interpolation', multiLabel = false, fromLogits = false } = options;
  const thresholds =
    options.thresholds === undefined ? evenly(options.numThresholds ?? 200) : withEnds(options.thresholds);
  const n = thresholds.length;
  return {
    name: nameOf<N>(options, 'auc'),
    direction: 'max',
    accepts: thresholds.every((t) => t >= -1e-7 && t <= 1 + 1e-7)
      ? expecting('auc', multiLabel ? T.matrix('auc') : T.sameShape)
      : () => E.left('auc: expects thresholds from 0 to 1; with outputs that are logits, say fromLogits'),
    states: ({ shape }) => {
      const labels = multiLabel && typeof shape[1] === 'number' ? [shape[1]] : [];
      return {
        truePositives: [n, ...labels],
        falsePositives: [n, ...labels],
        positives: labels,
        negatives: labels,
      };
    },
    update: curveCounts({ thresholds, fromLogits, columns: multiLabel, classId: undefined }),
    result: (states) => {
      const labels = multiLabel ? (states.positives?.length ?? 0) : 1;
      const areas = Array.from({ length: labels }, (_, i) => area(points(states, i, labels), curve, summationMethod));
      const weights = areas.map((_, i) => options.labelWeights?.[i] ?? 1);
      return ratio(
        areas.reduce((sum, a, i) => sum + a * (weights[i] as number), 0),
        weights.reduce((a, b) => a + b, 0),
      );
    },
  };
};

// -------------------------------------------------------------------------------------
// points
// -------------------------------------------------------------------------------------

export interface PointOptions {
  /** Evenly spaced from 0 to 1. Default 200. */
  readonly numThresholds?: number;
  /** Only this column (counted from 0). Default: all of them in one pool. */
  readonly classId?: number;
}

type Score = (p: Point) => number;

const pointOn =
  (op: string, score: Score, condition: Score) =>
  <N extends string>(name: N, value: number, options: PointOptions): Metric<N, T.SameShape, 'max'> => {
    const thresholds = evenly(options.numThresholds ?? 200);
    const n = thresholds.length;
    return {
      name,
      direction: 'max',
      accepts: withColumns(op, options)(expecting(op, T.sameShape)),
      states: () => ({ truePositives: [n], falsePositives: [n], positives: [], negatives: [] }),
      update: curveCounts({ thresholds, fromLogits: false, columns: false, classId: options.classId }),
      result: (states) => bestWhere(points(states), score, condition, value),
    };
  };

/** The best share of the no that are called no, when at least `sensitivity` of the yes are found; 0 if none does. Keras: SpecificityAtSensitivity. */
export const specificityAtSensitivity = <const N extends string = 'specificity_at_sensitivity'>(
  sensitivity: number,
  options: NameOptions<N> & PointOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  pointOn('specificityAtSensitivity', specificityOf, sensitivityOf)(
    nameOf<N>(options, 'specificity_at_sensitivity'),
    sensitivity,
    options,
  );

/** The best share of the yes that are found, when at least `specificity` of the no are called no. Keras: SensitivityAtSpecificity. */
export const sensitivityAtSpecificity = <const N extends string = 'sensitivity_at_specificity'>(
  specificity: number,
  options: NameOptions<N> & PointOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  pointOn('sensitivityAtSpecificity', sensitivityOf, specificityOf)(
    nameOf<N>(options, 'sensitivity_at_specificity'),
    specificity,
    options,
  );

/** The best precision where recall is at least `recall`. Keras: PrecisionAtRecall. */
export const precisionAtRecall = <const N extends string = 'precision_at_recall'>(
  recall: number,
  options: NameOptions<N> & PointOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  pointOn('precisionAtRecall', precisionOf, sensitivityOf)(nameOf<N>(options, 'precision_at_recall'), recall, options);

/** The best recall where precision is at least `precision`. Keras: RecallAtPrecision. */
export const recallAtPrecision = <const N extends string = 'recall_at_precision'>(
  precision: number,
  options: NameOptions<N> & PointOptions = {},
): Metric<N, T.SameShape, 'max'> =>
  pointOn('recallAtPrecision', sensitivityOf, precisionOf)(
    nameOf<N>(options, 'recall_at_precision'),
    precision,
    options,
  );
