/**
 * Metrics that count: positives and negatives, true and false, in one pool or for each class.
 */
import { operator, type Value, valueType } from '../graph/Graph.ts';
import {
  abs,
  and,
  cast,
  equal,
  greater,
  greaterOrEqual,
  int64s,
  lessOrEqual,
  mul,
  not,
  or,
  rank,
  reduceMax,
  reduceSum,
  scalar,
  slice,
  sub,
} from '../graph/Operators.ts';
import { align, alignWeights } from './Alignment.ts';
import { float } from './Formula.ts';
import { ratio } from './Mean.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Which elements are predicted and which are true, as booleans of one shape. */
export interface Calls {
  readonly predicted: Value;
  readonly actual: Value;
}

/** In which pools the elements are counted: one for all, or one for each column. */
export type Pools = 'one' | 'columns';

// -------------------------------------------------------------------------------------
// calls
// -------------------------------------------------------------------------------------

const column = (index: number) => slice({ axes: [-1], starts: [index], ends: [index + 1] });

/** Which of each row are the `k` largest: exactly `k`, the first of equals. */
const topOfRow =
  (k: number) =>
  (x: Value): Value => {
    const shape = [...x.type.shape.slice(0, -1), k];
    const [largest] = operator('TopK', [x, int64s([k])], [valueType('float32', shape), valueType('int64', shape)], {
      axis: { _tag: 'Int', value: -1 },
    }) as readonly [Value, ...Value[]];
    const least = slice({ axes: [-1], starts: [k - 1], ends: [k] })(largest);
    const [above, level] = [greater(x, least), equal(x, least)];
    const room = sub(k, reduceSum({ axes: [-1], keepDims: true })(float(above)));
    const axis = scalar(rank(x) - 1, 'int64');
    const place = operator('CumSum', [float(level), axis], [x.type])[0] as Value;
    return or(above, and(level, lessOrEqual(place, room)));
  };

export interface CallOptions {
  /** Strictly above it is a yes. Default 0.5; with `topK`, whatever is among the largest. */
  readonly threshold?: number;
  /** Only the `k` largest outputs of each row can be a yes. */
  readonly topK?: number;
  /** Only this column (counted from 0). */
  readonly classId?: number;
}

/** Positive is strictly above the threshold; a label is positive unless it is 0. */
export const called = (output: Value, target: Value, { threshold, topK, classId }: CallOptions): Calls => {
  const [p, y] = align(float(output), float(target));
  const high = topK !== undefined && threshold === undefined ? undefined : greater(p, threshold ?? 0.5);
  const top = topK === undefined ? undefined : topOfRow(topK)(p);
  const predicted = high === undefined || top === undefined ? ((high ?? top) as Value) : and(high, top);
  const actual = cast('bool')(y);
  if (classId === undefined) return { predicted, actual };
  const only = (v: Value) => cast('bool')(column(classId)(float(v)));
  return { predicted: only(predicted), actual: only(actual) };
};

/** Positive is the largest of each row (all of them if several are), unless it is 0. */
export const largestOfRow = (output: Value, target: Value): Calls => {
  const p = float(output);
  const largest = greaterOrEqual(p, reduceMax({ axes: [-1], keepDims: true })(p));
  return { predicted: and(largest, greater(abs(p), 1e-9)), actual: cast('bool')(target) };
};

// -------------------------------------------------------------------------------------
// counts
// -------------------------------------------------------------------------------------

/** The weighted number of elements for which it holds. */
const tally =
  (pools: Pools, weights: Value | undefined) =>
  (condition: Value): Value => {
    const ones = float(condition);
    const [v, w] = weights === undefined ? [ones, undefined] : alignWeights(ones, cast('float32')(weights));
    const rows = Array.from({ length: rank(v) - 1 }, (_, i) => i);
    return reduceSum(pools === 'one' ? {} : { axes: rows })(w === undefined ? v : mul(v, w));
  };

const counters = {
  truePositives: ({ predicted, actual }: Calls) => and(predicted, actual),
  falsePositives: ({ predicted, actual }: Calls) => and(predicted, not(actual)),
  trueNegatives: ({ predicted, actual }: Calls) => and(not(predicted), not(actual)),
  falseNegatives: ({ predicted, actual }: Calls) => and(not(predicted), actual),
};

export type Counter = keyof typeof counters;

/** This batch's counts. */
export const counts = (
  which: readonly Counter[],
  calls: Calls,
  pools: Pools,
  weights?: Value,
): Readonly<Record<string, Value>> => {
  const number = tally(pools, weights);
  return Object.fromEntries(which.map((name) => [name, number(counters[name](calls))]));
};

// -------------------------------------------------------------------------------------
// results
// -------------------------------------------------------------------------------------

/** How the scores of the classes become one: of pooled counts, their mean, or their mean weighted by true labels. */
export type Average = 'micro' | 'macro' | 'weighted';

export type Counts = Readonly<Record<string, Float64Array>>;

const epsilon = 1e-7;

/** For each class (micro: one for all). */
export const fScores = (states: Counts, beta: number): readonly number[] => {
  const { truePositives = [], falsePositives = [], falseNegatives = [] } = states;
  return Array.from(truePositives, (tp, i) => {
    const precision = tp / (tp + (falsePositives[i] ?? 0) + epsilon);
    const recall = tp / (tp + (falseNegatives[i] ?? 0) + epsilon);
    return ((1 + beta * beta) * precision * recall) / (beta * beta * precision + recall + epsilon);
  });
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The scores as one. `support`: how many labels each class has; `epsilon` keeps the weighted mean from 0 / 0. */
export const averaged = (
  scores: readonly number[],
  support: readonly number[],
  average: Average,
  epsilon = 0,
): number =>
  average === 'weighted'
    ? ratio(sum(scores.map((s, i) => s * (support[i] ?? 0))), sum(support) + epsilon)
    : ratio(sum(scores), scores.length);

export const supportOf = ({ truePositives, falseNegatives }: Counts): readonly number[] =>
  Array.from(truePositives ?? [], (tp, i) => tp + (falseNegatives?.[i] ?? 0));

export const fScore = (states: Counts, beta: number, average: Average): number =>
  averaged(fScores(states, beta), supportOf(states), average, epsilon);
