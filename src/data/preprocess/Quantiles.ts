/**
 * Scaling by ranks: each number becomes the share of the training data below it, or the normal score of that share. Whatever the
 * distribution was, it is uniform or normal after; wild numbers land at the ends.
 *
 * A number that comes often has several shares, and gets their middle. The graph form knows float32 numbers only: there such a number
 * is met where it is equal up to float32, in `transform` where it is equal up to float64.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Lowering, Spec } from './Fitted.ts';
import { untyped } from './Fitted.ts';
import * as Normal from './Normal.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { missingIn, numbers, quantile, reader, sortedColumns, strings, tableStage } from './Stage.ts';
import type { Table } from './Table.ts';
import { mapNumbers } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface QuantileSpec extends Spec {
  readonly _tag: 'Quantile';
  readonly inputs: readonly string[];
  /** Of each column, ascending: of the shares 0, 1/(n-1), ..., 1. */
  readonly quantiles: readonly (readonly number[])[];
  readonly output: 'uniform' | 'normal';
}

// -------------------------------------------------------------------------------------
// numbers
// -------------------------------------------------------------------------------------

/** How many of the ascending numbers are below x, or with `orEqual` not above it. */
const countBelow = (ascending: readonly number[], x: number, orEqual: boolean): number => {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    const at = ascending[mid] ?? 0;
    if (at < x || (orEqual && at === x)) low = mid + 1;
    else high = mid;
  }
  return low;
};

/** Between knot `i` and the next, in knots. */
const between = (knots: readonly number[], x: number, i: number): number => {
  const last = knots.length - 1;
  if (i < 0) return 0;
  if (i >= last) return last;
  const [a = 0, b = 0] = [knots[i], knots[i + 1]];
  return a === b ? i : i + (x - a) / (b - a);
};

/** The share: where a number comes several times, the middle of its shares. */
const shareOf = (knots: readonly number[], x: number): number => {
  const last = knots.length - 1;
  if (x <= (knots[0] ?? 0)) return 0;
  if (x >= (knots[last] ?? 0)) return 1;
  const from = between(knots, x, countBelow(knots, x, true) - 1);
  const first = countBelow(knots, x, false);
  const to = knots[first] === x ? first : between(knots, x, first - 1);
  return (from + to) / 2 / last;
};

/** Shares this near to 0 and 1 count as such, so that normal scores are finite: 5.2 at most. */
const threshold = 1e-7;
const farthest = -Normal.ppf(threshold - Number.EPSILON);

const scoreOf = (knots: readonly number[], x: number): number => {
  const outside =
    x - threshold < (knots[0] ?? 0) ? 0 : x + threshold > (knots[knots.length - 1] ?? 0) ? 1 : shareOf(knots, x);
  return Math.min(farthest, Math.max(-farthest, Normal.ppf(outside)));
};

const valueAt = (knots: readonly number[], share: number): number =>
  knots.length === 1 ? (knots[0] ?? 0) : quantile(knots, Math.min(1, Math.max(0, share)));

// -------------------------------------------------------------------------------------
// graph
// -------------------------------------------------------------------------------------

/** Every column's knots one after the other, and where in them `counts` of each column points. */
const pick = (values: readonly (readonly number[])[], counts: Value): Value => {
  const n = values[0]?.length ?? 1;
  const offsets = Op.tensor(
    values.map((_, j) => j * n),
    [1, values.length],
    'int64',
  );
  return Op.gather(Op.tensor(values.flat(), [values.length * n], 'float32'), Op.add(Op.cast('int64')(counts), offsets));
};

const lowering =
  ({ quantiles, output }: QuantileSpec): Lowering =>
  (x) => {
    const [width, n] = [quantiles.length, quantiles[0]?.length ?? 1];
    const last = n - 1;
    const knots = Op.tensor(quantiles.flat(), [1, width, n], 'float32');
    const wide = Op.unsqueeze([2])(x);
    const count = (holds: Value): Value => Op.reduceSum({ axes: [2], keepDims: false })(Op.cast('float32')(holds));
    const clamp = (i: Value, high: number): Value => Op.min(Op.max(i, 0), high);
    /** Knots passed, with the part of the way to the next. */
    const along = (i: Value): Value => {
      const at = clamp(i, Math.max(0, last - 1));
      const [from, to] = [pick(quantiles, at), pick(quantiles, last === 0 ? at : Op.add(at, 1))];
      const gap = Op.sub(to, from);
      const part = Op.div(Op.sub(x, from), Op.where(Op.equal(gap, 0), Op.fillLike(gap, 1), gap));
      return clamp(Op.add(at, Op.where(Op.equal(gap, 0), Op.fillLike(gap, 0), clamp(part, 1))), last);
    };
    const [notAbove, below] = [count(Op.lessOrEqual(knots, wide)), count(Op.less(knots, wide))];
    const first = clamp(below, last);
    const hit = Op.equal(pick(quantiles, first), x);
    const place = Op.mul(Op.add(along(Op.sub(notAbove, 1)), Op.where(hit, first, along(Op.sub(below, 1)))), 0.5);
    const ends = (v: Value, low: number, high: number): Value => {
      const [least, most] = [0, last].map((k) =>
        Op.tensor(
          quantiles.map((q) => q[k] ?? 0),
          [1, width],
          'float32',
        ),
      );
      if (least === undefined || most === undefined) return v;
      const upper = Op.where(Op.greaterOrEqual(x, most), Op.fillLike(v, high), v);
      return Op.where(Op.lessOrEqual(x, least), Op.fillLike(v, low), upper);
    };
    const share = Op.div(place, Math.max(1, last));
    const known = (v: Value): Value => Op.where(missingIn(x), x, v);
    if (output === 'uniform') return known(ends(share, 0, 1));
    const rest = Op.div(Op.sub(last, place), Math.max(1, last));
    const score = Normal.ppfGraph(Op.max(share, threshold), Op.max(rest, threshold));
    return known(ends(Op.min(Op.max(score, -farthest), farthest), -farthest, farthest));
  };

// -------------------------------------------------------------------------------------
// stage and fit
// -------------------------------------------------------------------------------------

export const quantileStage = (spec: QuantileSpec): Fitted<Table, Table> => {
  const { inputs, quantiles, output } = spec;
  const knots = (j: number): readonly number[] => quantiles[j] ?? [0];
  const there = output === 'uniform' ? shareOf : scoreOf;
  const back = (y: number): number => {
    const share = output === 'uniform' ? y : Normal.cdf(y);
    return output === 'uniform' ? share : share < threshold ? 0 : share > 1 - threshold ? 1 : share;
  };
  return tableStage({
    name: 'quantiles',
    spec,
    inputs,
    transform: (x) => E.right(mapNumbers((v, j) => (Number.isNaN(v) ? v : there(knots(j), v)))(x)),
    inverse: E.right((y) => E.right(mapNumbers((v, j) => (Number.isNaN(v) ? v : valueAt(knots(j), back(v))))(y))),
    lower: E.right(lowering(spec)),
  });
};

/** n quantiles of sorted numbers; the shares are rounded as numpy rounds them. */
const knotsOf = (values: Float64Array, n: number): readonly number[] => {
  const step = n === 1 ? 0 : 1 / (n - 1);
  const shares = Array.from({ length: n }, (_, i) => (i > 0 && i === n - 1 ? 1 : (i * step * 100) / 100));
  let most = Number.NEGATIVE_INFINITY;
  return shares.map((share) => {
    most = Math.max(most, quantile(values, share));
    return most;
  });
};

const isAscending = (list: readonly number[]): boolean => list.every((x, i) => i === 0 || x >= (list[i - 1] ?? x));

export const quantileReader: Reader = reader<QuantileSpec>(
  'Quantile',
  t.type({
    _tag: t.literal('Quantile'),
    inputs: strings,
    quantiles: t.readonlyArray(numbers),
    output: t.union([t.literal('uniform'), t.literal('normal')]),
  }),
  (spec) => untyped(quantileStage(spec)),
  ({ inputs, quantiles }) =>
    quantiles.length === inputs.length &&
    quantiles.every((q) => q.length > 0 && q.length === quantiles[0]?.length && isAscending(q))
      ? undefined
      : 'expected equally many ascending quantiles for each input',
);

/**
 * Each number as the share of the training data below it (`'uniform'`, from 0 to 1), or as the normal score of that share (from -5.2
 * to 5.2). `quantiles`, 1000 by default and never more than samples, is how finely the distribution is kept. Missing numbers stay
 * missing. scikit-learn `QuantileTransformer(subsample=None)`.
 *
 * @example
 * pipe(train, fit(quantiles({ output: 'normal' })))
 */
export const quantiles = (
  options: { readonly output?: 'uniform' | 'normal'; readonly quantiles?: number } = {},
): Preprocessor<Table, Table> => {
  const wanted = options.quantiles ?? 1000;
  return preprocessor((train) =>
    Number.isInteger(wanted) && wanted > 0
      ? pipe(
          sortedColumns('quantiles')(train),
          E.map((columns) => {
            const n = Math.min(wanted, train.rows);
            return quantileStage({
              _tag: 'Quantile',
              inputs: train.names,
              quantiles: columns.map((values) => knotsOf(values, n)),
              output: options.output ?? 'uniform',
            });
          }),
        )
      : E.left(invalidOption('quantiles', 'quantiles', 'a positive integer', wanted)),
  );
};
