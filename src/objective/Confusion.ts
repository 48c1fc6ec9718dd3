/**
 * Metrics that count: true positives, false positives and false negatives, in one pool or for each class.
 */
import type { Value } from '../graph/Graph.ts';
import { abs, and, cast, greater, greaterOrEqual, mul, not, reduceMax, reduceSum, slice } from '../graph/Operators.ts';
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

/** Positive is strictly above the threshold; a label is positive unless it is 0. */
export const aboveThreshold = (output: Value, target: Value, threshold: number, classId?: number): Calls => {
  const [p, y] = align(float(output), float(target)).map((v) => (classId === undefined ? v : column(classId)(v))) as [
    Value,
    Value,
  ];
  return { predicted: greater(p, threshold), actual: cast('bool')(y) };
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
    return reduceSum(pools === 'one' ? {} : { axes: [0] })(w === undefined ? v : mul(v, w));
  };

const counters = {
  truePositives: ({ predicted, actual }: Calls) => and(predicted, actual),
  falsePositives: ({ predicted, actual }: Calls) => and(predicted, not(actual)),
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

export const fScore = (states: Counts, beta: number, average: Average): number => {
  const scores = fScores(states, beta);
  if (average !== 'weighted') return ratio(sum(scores), scores.length);
  const { truePositives = [], falseNegatives = [] } = states;
  const support = Array.from(truePositives, (tp, i) => tp + (falseNegatives[i] ?? 0));
  return sum(scores.map((s, i) => s * (support[i] as number))) / (sum(support) + epsilon);
};
