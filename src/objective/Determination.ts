/**
 * The coefficient of determination: R2, by columns. Its sums are float64: the variance is a difference of large numbers.
 */
import type { Value } from '../graph/Graph.ts';
import { cast, count, mul, reduceSum, sub, unsqueeze } from '../graph/Operators.ts';
import { only, ratio } from './Mean.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `uniform`: the mean over columns; `variance`: that weighted by the variance of each column's targets. */
export type R2Aggregation = 'uniform' | 'variance';

type Sums = Readonly<Record<string, Float64Array>>;

const double = cast('float64');

// -------------------------------------------------------------------------------------
// sums
// -------------------------------------------------------------------------------------

/** Weights are one for each sample. */
export const columnSums = (output: Value, target: Value, weights?: Value): Readonly<Record<string, Value>> => {
  const [p, y] = [double(output), double(target)];
  const error = sub(p, y);
  const given = weights === undefined ? undefined : double(weights);
  const rows = given === undefined ? undefined : given.type.shape.length === 1 ? unsqueeze([1])(given) : given;
  const sum = (x: Value) => reduceSum({ axes: [0] })(rows === undefined ? x : mul(x, rows));
  const number = count('float64', [0])(y);
  return {
    sum: sum(y),
    squares: sum(mul(y, y)),
    errors: sum(mul(error, error)),
    ...(rows === undefined
      ? { weight: number, samples: number }
      : { weight: reduceSum()(rows), samples: reduceSum()(double(cast('bool')(rows))) }),
  };
};

// -------------------------------------------------------------------------------------
// results
// -------------------------------------------------------------------------------------

/** Of each column, and its targets' variance times the weight. */
export const r2Scores = (states: Sums): { readonly scores: readonly number[]; readonly spreads: readonly number[] } => {
  const { sum = [], squares = [], errors = [] } = states;
  const weight = only(states.weight);
  const spreads = Array.from(sum, (s, i) => Math.max(0, (squares[i] ?? 0) - ratio(s * s, weight)));
  const scores = spreads.map((spread, i) => {
    const error = errors[i] ?? 0;
    if (weight === 0) return 0;
    if (spread === 0) return error === 0 ? 1 : 0;
    return 1 - error / spread;
  });
  return { scores, spreads };
};

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Adjusted for the number of independent variables, where there are samples enough. */
export const adjusted = (score: number, samples: number, regressors: number): number =>
  regressors === 0 || regressors >= samples - 1
    ? score
    : 1 - ((1 - score) * (samples - 1)) / (samples - regressors - 1);

export const r2Of = (states: Sums, aggregation: R2Aggregation, regressors: number): number => {
  const { scores, spreads } = r2Scores(states);
  const score =
    aggregation === 'uniform'
      ? ratio(total(scores), scores.length)
      : ratio(total(scores.map((s, i) => s * (spreads[i] as number))), total(spreads));
  return adjusted(score, only(states.samples), regressors);
};
