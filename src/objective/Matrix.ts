/**
 * Confusion matrices: how many of each true class (rows) were given each class (columns).
 */
import type { Value } from '../graph/Graph.ts';
import {
  add,
  and,
  argMax,
  cast,
  equal,
  expandLike,
  GraphDefect,
  greater,
  greaterOrEqual,
  less,
  mul,
  not,
  rank,
  reshape,
  scatterElements,
  tensor,
  where,
} from '../graph/Operators.ts';
import { align, alignWeights } from './Alignment.ts';
import { classesOf } from './Crossentropy.ts';
import { float } from './Formula.ts';
import { ratio } from './Mean.ts';
import { classAxis } from './Target.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Rows are true classes, columns those that were predicted. */
export type ConfusionMatrix = readonly (readonly number[])[];

export interface MatrixUpdate {
  /** Of one output, from where on it is a yes. */
  readonly threshold: number;
  /** Whether the threshold itself is one. */
  readonly inclusive: boolean;
  readonly ignoreClass: number | undefined;
  /** Each number of the output is a yes or no by itself, however many there are. Default: only where the last size is 1. */
  readonly elementwise?: boolean;
}

// -------------------------------------------------------------------------------------
// counts
// -------------------------------------------------------------------------------------

const last = (shape: readonly unknown[]) => shape[shape.length - 1];

const isBinary = (shape: readonly unknown[]): boolean => shape.length < 2 || last(shape) === 1;

/** One output is yes or no: two classes. */
export const classCount = (shape: readonly unknown[]): number | undefined => {
  const size = isBinary(shape) ? 2 : shape[classAxis(shape.length)];
  return typeof size === 'number' ? size : undefined;
};

/** True and predicted classes, int64 in the shape of the positions. By the target's shape, as `accuracy`. */
const decided = (
  output: Value,
  target: Value,
  { threshold, inclusive, elementwise = false }: MatrixUpdate,
): readonly [Value, Value] => {
  const { shape } = output.type;
  const whole = cast('int64');
  if (elementwise || isBinary(shape)) {
    const [p, y] = align(float(output), float(target));
    return [whole(y), whole((inclusive ? greaterOrEqual : greater)(p, threshold))];
  }
  const axis = classAxis(rank(output));
  const actual =
    rank(target) < rank(output) || last(target.type.shape) === 1
      ? whole(classesOf(output, target))
      : argMax(axis)(float(target));
  return [actual, argMax(axis)(float(output))];
};

/** This batch's matrix. Labels that are no class do not count. */
export const confusion =
  (options: MatrixUpdate) =>
  (output: Value, target: Value, weights?: Value): Value => {
    const n = options.elementwise === true ? 2 : classCount(output.type.shape);
    if (n === undefined) throw new GraphDefect('a confusion matrix needs the number of classes');
    const [actual, predicted] = decided(output, target, options);
    const known = and(greaterOrEqual(actual, 0), less(actual, n));
    const { ignoreClass } = options;
    const counted = ignoreClass === undefined ? known : and(known, not(equal(actual, ignoreClass)));
    const cell = where(counted, add(mul(actual, n), predicted), 0);
    const ones = float(counted);
    const [v, w] = weights === undefined ? [ones, undefined] : alignWeights(ones, cast('float32')(weights));
    const flat = reshape(['?']);
    const empty = tensor(new Array(n * n).fill(0), [n * n], 'float32');
    const amounts = w === undefined ? v : mul(v, expandLike(v)(w));
    return reshape([n, n])(scatterElements(empty, flat(cell), flat(amounts), 0, 'add'));
  };

/** The matrix that a state holds. */
export const matrixOf = (cells: Float64Array | undefined): ConfusionMatrix => {
  const n = Math.round(Math.sqrt(cells?.length ?? 0));
  return Array.from({ length: n }, (_, i) => Array.from(cells?.subarray(i * n, (i + 1) * n) ?? []));
};

// -------------------------------------------------------------------------------------
// scores
// -------------------------------------------------------------------------------------

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const rowSums = (matrix: ConfusionMatrix): readonly number[] => matrix.map(sum);
const columnSums = (matrix: ConfusionMatrix): readonly number[] =>
  matrix.map((_, j) => sum(matrix.map((row) => row[j] ?? 0)));
const diagonal = (matrix: ConfusionMatrix): readonly number[] => matrix.map((row, i) => row[i] ?? 0);
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * (b[i] ?? 0)));

const epsilon = 1e-7;

/** The mean of intersection over union over those of the classes that occur, in targets or outputs. */
export const iouOf =
  (classIds: readonly number[] | undefined) =>
  (matrix: ConfusionMatrix): number => {
    const [rows, columns, both] = [rowSums(matrix), columnSums(matrix), diagonal(matrix)];
    const scores = (classIds ?? matrix.map((_, i) => i)).flatMap((i) => {
      const union = (rows[i] ?? 0) + (columns[i] ?? 0) - (both[i] ?? 0);
      return union === 0 ? [] : [(both[i] ?? 0) / (union + epsilon)];
    });
    return ratio(sum(scores), scores.length === 0 ? 0 : scores.length + epsilon);
  };

/** Gorodkin's R_K, which is Matthews' for two classes. */
export const matthewsOf = (matrix: ConfusionMatrix): number => {
  const [truth, calls, all] = [rowSums(matrix), columnSums(matrix), sum(rowSums(matrix))];
  const spread = Math.sqrt((all * all - dot(calls, calls)) * (all * all - dot(truth, truth)));
  return ratio(sum(diagonal(matrix)) * all - dot(truth, calls), spread);
};

/** How much a wrong class counts: all alike, or by how far away it is. */
export type Disagreement = 'none' | 'linear' | 'quadratic';

const disagreement: Readonly<Record<Disagreement, (i: number, j: number) => number>> = {
  none: (i, j) => (i === j ? 0 : 1),
  linear: (i, j) => Math.abs(i - j),
  quadratic: (i, j) => (i - j) ** 2,
};

export const kappaOf =
  (weights: Disagreement) =>
  (matrix: ConfusionMatrix): number => {
    const [truth, calls] = [rowSums(matrix), columnSums(matrix)];
    const cost = disagreement[weights];
    const total = sum(truth);
    const observed = sum(matrix.flatMap((row, i) => row.map((n, j) => n * cost(i, j))));
    const expected = sum(truth.flatMap((t, i) => calls.map((c, j) => ratio(t * c, total) * cost(i, j))));
    return expected === 0 ? 0 : 1 - observed / expected;
  };

/** The mean of the classes' recalls; classes that do not occur are left out. */
export const balancedAccuracyOf = (matrix: ConfusionMatrix): number => {
  const recalls = matrix.flatMap((row, i) => (sum(row) === 0 ? [] : [(row[i] ?? 0) / sum(row)]));
  return ratio(sum(recalls), recalls.length);
};
