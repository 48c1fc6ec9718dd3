/**
 * Metrics that are a mean over samples: state `total` and `count`.
 *
 * Values are brought down to one for each sample (their mean), then summed. With weights the total is weighted and the
 * count is the sum of the weights, unlike a loss, which is divided by the number of values.
 */
import type { Value } from '../graph/Graph.ts';
import { cast, count, expandLike, mul, rank, reduceMean, reduceSum, scalar } from '../graph/Operators.ts';
import { align, alignWeights } from './Alignment.ts';

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** The mean over the axes from `axis` on. */
const meanFrom =
  (axis: number) =>
  (x: Value): Value =>
    reduceMean({ axes: range(axis, rank(x)) })(x);

/** This batch's part of `total` and `count`, of values that are float32. */
export const meanUpdate = (values: Value, weights?: Value): Readonly<Record<string, Value>> => {
  if (weights === undefined)
    return {
      total: reduceSum()(meanFrom(1)(values)),
      count: rank(values) === 0 ? scalar(1, 'float32') : count('float32', [0])(values),
    };
  const [v, w] = align(values, cast('float32')(weights));
  const perWeight = meanFrom(rank(w))(v);
  const all = expandLike(perWeight)(w);
  return { total: reduceSum()(meanFrom(1)(mul(perWeight, all))), count: reduceSum()(meanFrom(1)(all)) };
};

/** As `meanUpdate`, but every position weighs the same, and not every sample. */
export const positionUpdate = (values: Value, weights?: Value): Readonly<Record<string, Value>> => {
  if (weights === undefined) return { total: reduceSum()(values), count: count('float32')(values) };
  const [v, w] = alignWeights(values, cast('float32')(weights));
  const all = expandLike(v)(w);
  return { total: reduceSum()(mul(v, all)), count: reduceSum()(all) };
};

/** The sum of all values. */
export const sumUpdate = (values: Value, weights?: Value): Readonly<Record<string, Value>> => {
  if (weights === undefined) return { total: reduceSum()(values) };
  const [v, w] = alignWeights(values, cast('float32')(weights));
  return { total: reduceSum()(mul(v, w)) };
};

/** A state's only number; 0 before the first batch. */
export const only = (state: Float64Array | undefined): number => state?.[0] ?? 0;

export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

export const meanResult = (states: Readonly<Record<string, Float64Array>>): number =>
  ratio(only(states.total), only(states.count));
