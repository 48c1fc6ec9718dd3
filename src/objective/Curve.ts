/**
 * Counts at many thresholds, and what follows from the curve they draw: areas, and the best one score can be when another
 * is good enough.
 *
 * A curve is a discretisation: the area is exact for outputs that the thresholds tell apart.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import {
  add,
  cast,
  expandLike,
  GraphDefect,
  gather,
  gatherElements,
  greater,
  int64s,
  mul,
  rank,
  reduceSum,
  reshape,
  reshapeLike,
  scalar,
  scatterElements,
  sigmoid,
  slice,
  sub,
  tensor,
} from '../graph/Operators.ts';
import { align, alignWeights } from './Alignment.ts';
import { float } from './Formula.ts';
import { ratio } from './Mean.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** True against false positives; precision against recall; or their gains over calling everything yes. */
export type CurveKind = 'ROC' | 'PR' | 'PRGain';

/**
 * Between two thresholds: on the straight line (for `PR`, the true interpolation), the lower or the higher value, or that at
 * the lower threshold (`step`; of `PR` it makes the average precision).
 */
export type Summation = 'interpolation' | 'minoring' | 'majoring' | 'step';

export interface CurveUpdate {
  readonly thresholds: readonly number[];
  readonly fromLogits: boolean;
  /** One curve for each column, and not one for all. */
  readonly columns: boolean;
  readonly classId: number | undefined;
}

/** From the lowest threshold to the highest. */
export interface Point {
  readonly tp: number;
  readonly fp: number;
  readonly tn: number;
  readonly fn: number;
}

const epsilon = 1e-7;

/** `n` evenly spaced ones from just below 0 to just above 1. */
export const evenly = (n: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => (i === 0 ? -epsilon : i === n - 1 ? 1 + epsilon : i / (n - 1)));

/** Given ones, with both ends. */
export const withEnds = (thresholds: readonly number[]): readonly number[] => [
  -epsilon,
  ...[...thresholds].sort((a, b) => a - b),
  1 + epsilon,
];

// -------------------------------------------------------------------------------------
// counts
// -------------------------------------------------------------------------------------

const only = (index: number) => slice({ axes: [-1], starts: [index], ends: [index + 1] });

/**
 * How many of the thresholds, which ascend, are below each value [n]. By bisection: what it costs goes with the logarithm of
 * their number. A value that is no number is above none.
 */
const numberBelow =
  (thresholds: readonly number[]) =>
  (x: Value): Value => {
    const rounds = Math.ceil(Math.log2(thresholds.length + 1));
    const size = 2 ** rounds - 1;
    const padding = Array.from({ length: size - thresholds.length }, () => Number.POSITIVE_INFINITY);
    const levels = tensor([...thresholds, ...padding], [size], 'float32');
    return Array.from({ length: rounds }, (_, i) => 2 ** (rounds - 1 - i)).reduce(
      (found, half) => {
        const level =
          rank(found) === 0 ? gather(levels, add(found, half - 1)) : gatherElements(levels, add(found, half - 1), 0);
        return add(found, mul(cast('int32')(greater(x, level)), half));
      },
      scalar(0, 'int32'),
    );
  };

/** Sums of amounts over all that are above each of `n` thresholds, by how many are below each: [n], or [n,labels]. */
const sumsAbove = (n: number, labels: number | undefined, below: Value): ((amounts: Value) => Value) => {
  const width = labels ?? 1;
  const cells =
    labels === undefined
      ? below
      : add(
          mul(below, width),
          tensor(
            Array.from({ length: width }, (_, i) => i),
            [1, width],
            'int32',
          ),
        );
  const places = reshape(['?'])(cells);
  const size = (n + 1) * width;
  // Not a constant of the file: with many thresholds and labels it would be most of it.
  const empty = operator('ConstantOfShape', [int64s([size])], [valueType('float32', [size])])[0] as Value;
  return (amounts) => {
    const found = scatterElements(empty, places, reshape(['?'])(amounts), 0, 'add');
    const counted = labels === undefined ? found : reshape([n + 1, width])(found);
    const above = slice({ axes: [0], starts: [1], ends: [n + 1] })(counted);
    return operator('CumSum', [above, scalar(0, 'int64')], [above.type], {
      reverse: { _tag: 'Int', value: 1 },
    })[0] as Value;
  };
};

/** True and false positives at each threshold, and all positives and negatives. */
export const curveCounts =
  ({ thresholds, fromLogits, columns, classId }: CurveUpdate) =>
  (output: Value, target: Value, weights?: Value): Readonly<Record<string, Value>> => {
    const x = float(output);
    const [all, labels] = align(fromLogits ? sigmoid(x) : x, float(cast('bool')(target)));
    const [p, y] = classId === undefined ? [all, labels] : [only(classId)(all), only(classId)(labels)];
    const [like, w] = weights === undefined ? [y, undefined] : alignWeights(y, cast('float32')(weights));
    // Next to weights of steps the labels may have lost a last axis of size 1.
    const weight = w === undefined ? undefined : reshapeLike(y)(expandLike(like)(w));
    const positive = weight === undefined ? y : mul(y, weight);
    const negative = weight === undefined ? sub(1, y) : mul(sub(1, y), weight);
    const width = columns ? p.type.shape[1] : undefined;
    if (columns && typeof width !== 'number') throw new GraphDefect('auc: the number of labels must be known');
    const above = sumsAbove(
      thresholds.length,
      typeof width === 'number' ? width : undefined,
      reshapeLike(p)(numberBelow(thresholds)(reshape(['?'])(p))),
    );
    const total = reduceSum(columns ? { axes: [0] } : {});
    return {
      truePositives: above(positive),
      falsePositives: above(negative),
      positives: total(positive),
      negatives: total(negative),
    };
  };

/** The points of one column. */
export const points = (states: Readonly<Record<string, Float64Array>>, column = 0, columns = 1): readonly Point[] => {
  const { truePositives = new Float64Array(), falsePositives = new Float64Array() } = states;
  const [positives, negatives] = [states.positives?.[column] ?? 0, states.negatives?.[column] ?? 0];
  return Array.from({ length: truePositives.length / columns }, (_, i) => {
    const [tp, fp] = [truePositives[i * columns + column] ?? 0, falsePositives[i * columns + column] ?? 0];
    return { tp, fp, tn: negatives - fp, fn: positives - tp };
  });
};

// -------------------------------------------------------------------------------------
// scores
// -------------------------------------------------------------------------------------

export const precisionOf = ({ tp, fp }: Point): number => ratio(tp, tp + fp);
export const sensitivityOf = ({ tp, fn }: Point): number => ratio(tp, tp + fn);
export const specificityOf = ({ tn, fp }: Point): number => ratio(tn, tn + fp);

const place: Readonly<Record<CurveKind, (p: Point) => readonly [x: number, y: number]>> = {
  ROC: (p) => [ratio(p.fp, p.fp + p.tn), sensitivityOf(p)],
  PR: (p) => [sensitivityOf(p), precisionOf(p)],
  PRGain: ({ tp, fp, tn, fn }) => {
    const odds = ratio(tp + fn, tn + fp);
    return tp === 0 ? [0, 1] : [Math.max(1 - (odds * fn) / tp, 0), 1 - (odds * fp) / tp];
  },
};

const height: Readonly<Record<Summation, (a: number, b: number) => number>> = {
  interpolation: (a, b) => (a + b) / 2,
  minoring: Math.min,
  step: (a) => a,
  majoring: Math.max,
};

/** Davis and Goadrich: between two thresholds true and false positives change at a constant ratio. */
const interpolated = (a: Point, b: Point): number => {
  const [above, below] = [a.tp + a.fp, b.tp + b.fp];
  const slope = ratio(a.tp - b.tp, Math.max(above - below, 0));
  const intercept = b.tp - slope * below;
  const growth = above > 0 && below > 0 ? above / below : 1;
  return ratio(slope * (a.tp - b.tp + intercept * Math.log(growth)), Math.max(b.tp + b.fn, 0));
};

export const area = (curve: readonly Point[], kind: CurveKind, summation: Summation): number =>
  curve.slice(1).reduce((sum, b, i) => {
    const a = curve[i] as Point;
    if (kind === 'PR' && summation === 'interpolation') return sum + interpolated(a, b);
    const [[x0, y0], [x1, y1]] = [place[kind](a), place[kind](b)];
    return sum + (x0 - x1) * height[summation](y0, y1);
  }, 0);

/** The largest `score` where `condition` is at least `value`; 0 where it never is. */
export const bestWhere = (
  curve: readonly Point[],
  score: (p: Point) => number,
  condition: (p: Point) => number,
  value: number,
): number => Math.max(0, ...curve.filter((p) => condition(p) >= value).map(score));
