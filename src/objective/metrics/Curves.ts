/**
 * Metrics of curves: areas under them, and points on them.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { from0to1, notNegative, number, oneOf, type Requirement } from '../../shape/Requirement.ts';
import { dims, show } from '../../shape/Shape.ts';
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
import {
  type Accepts,
  expecting,
  type Metric,
  type NameOptions,
  nameOf,
  requiring,
  withColumns,
} from './Definition.ts';

export type { CurveKind, Summation } from '../Curve.ts';

// -------------------------------------------------------------------------------------
// areas
// -------------------------------------------------------------------------------------

export interface AucOptions {
  /** Default `ROC`. */
  readonly curve?: CurveKind;
  /** Default `interpolation`. */
  readonly summationMethod?: Summation;
  /** Evenly spaced from 0 to 1. Default 200. More are more exact: 10,000 take about twice the time. */
  readonly numThresholds?: number;
  /** In [0, 1], instead of evenly spaced ones; both ends are added. */
  readonly thresholds?: readonly number[];
  /** The mean of one area for each column of [batch,labels]. Default false: all elements in one pool (micro). */
  readonly multiLabel?: boolean;
  /** How that mean is taken: `macro`, the default, or `weighted` by how many yes each column has. */
  readonly average?: 'macro' | 'weighted';
  /** How much each column counts in that mean, in place of `average`. */
  readonly labelWeights?: readonly number[];
  /** The outputs are logits. Default false: probabilities. */
  readonly fromLogits?: boolean;
}

/** The curve has two ends, and fits into memory. */
const isCount = (n: number): boolean => Number.isInteger(n) && n >= 2 && n <= 2 ** 20;

const count = number(isCount, 'an integer from 2 to 1048576');

const thresholdCount = ({ numThresholds }: { readonly numThresholds?: number }): Requirement =>
  count('numThresholds', numThresholds);

const evenlySpaced = ({ numThresholds = 200 }: { readonly numThresholds?: number }): readonly number[] =>
  isCount(numThresholds) ? evenly(numThresholds) : [];

/** Options for columns need columns: as many as there are. */
const checkLabels =
  ({ multiLabel = false, average, labelWeights }: AucOptions) =>
  (accepts: Accepts): Accepts =>
  (output, target) => {
    const columns = dims(output).at(-1);
    if (!multiLabel && (average !== undefined || labelWeights !== undefined))
      return E.left('auc: average and labelWeights are of columns; say multiLabel');
    if (average !== undefined && labelWeights !== undefined)
      return E.left('auc: average and labelWeights exclude each other; keep one');
    return labelWeights !== undefined && typeof columns === 'number' && labelWeights.length !== columns
      ? E.left(`auc: labelWeights must be ${columns} with outputs ${show(output)}, got ${labelWeights.length}`)
      : accepts(output, target);
  };

/** One number for each column, as `average` or `labelWeights` say. */
const weightsOf = ({ average, labelWeights }: AucOptions, positives: Float64Array | undefined, columns: number) =>
  Array.from({ length: columns }, (_, i) => (average === 'weighted' ? positives?.[i] : labelWeights?.[i]) ?? 1);

const inRange =
  (thresholds: readonly number[]) =>
  (accepts: Accepts): Accepts =>
    thresholds.every((t) => t >= -1e-7 && t <= 1 + 1e-7)
      ? accepts
      : () => E.left('auc: expects thresholds from 0 to 1; with outputs that are logits, say fromLogits');

/**
 * The area under the curve of true against false positives (`ROC`: the share of pairs of a yes and a no that are in the
 * right order), or of precision against recall (`PR`), at many thresholds. Targets are 0 or 1 in the output's shape.
 * Keras: AUC. scikit-learn: roc_auc_score, and average_precision_score for `PR` with `step`; there every output is a
 * threshold, here outputs between two thresholds count as equal. That changes the area by 1e-4 (`PR`: 1e-3) with the default and
 * outputs spread over [0, 1], and by up to 1e-2 where most are close to 0 or 1; by a tenth of it with `numThresholds: 10_000`.
 */
export const auc = <const N extends string = 'auc'>(
  options: NameOptions<N> & AucOptions = {},
): Metric<N, T.SameShape, 'max'> => {
  const { curve = 'ROC', summationMethod = 'interpolation', multiLabel = false, fromLogits = false } = options;
  const thresholds = options.thresholds === undefined ? evenlySpaced(options) : withEnds(options.thresholds);
  const n = thresholds.length;
  return {
    name: nameOf<N>(options, 'auc'),
    direction: 'max',
    accepts: pipe(
      expecting('auc', multiLabel ? T.matrix('auc') : T.sameShape),
      inRange(thresholds),
      checkLabels(options),
      requiring('auc', [
        thresholdCount(options),
        oneOf('ROC', 'PR', 'PRGain')('curve', curve),
        oneOf('interpolation', 'minoring', 'majoring', 'step')('summationMethod', summationMethod),
        oneOf('macro', 'weighted')('average', options.average),
        ...(options.labelWeights ?? []).map((weight) => notNegative('a weight of labelWeights', weight)),
      ]),
    ),
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
      const weights = weightsOf(options, states.positives, labels);
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
    const thresholds = evenlySpaced(options);
    const n = thresholds.length;
    return {
      name,
      direction: 'max',
      accepts: pipe(
        expecting(op, T.sameShape),
        withColumns(op, options),
        requiring(op, [from0to1('the bound', value), thresholdCount(options)]),
      ),
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
