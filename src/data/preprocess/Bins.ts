/**
 * Numbers to bins: the index of the bin, or a column for each bin.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { numbers, quantile, reader, sortedColumns, strings, tableStage } from './Stage.ts';
import type { Table } from './Table.ts';
import { complete, make, mapNumbers } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface BinsSpec extends Spec {
  readonly _tag: 'Bins';
  readonly inputs: readonly string[];
  /** Of each column, ascending: bin `i` is from edge `i - 1` to below edge `i`, the first and the last one open. */
  readonly edges: readonly (readonly number[])[];
  /** What the inverse gives for each bin; without it there is no inverse. */
  readonly centers?: readonly (readonly number[])[] | undefined;
  readonly output: 'int' | 'oneHot';
}

const binOf = (edges: readonly number[], x: number): number => {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((edges[mid] ?? 0) <= x) low = mid + 1;
    else high = mid;
  }
  return low;
};

/** 1 in the column of each index, `sizes[j]` columns for input `j`; an index outside of them sets none. */
const hot = (x: Table, sizes: readonly number[], names: readonly string[]): Table => {
  const data = new Float64Array(x.rows * names.length);
  for (let i = 0; i < x.rows; i++) {
    let from = 0;
    sizes.forEach((size, j) => {
      const k = x.data[i * sizes.length + j] ?? 0;
      if (k >= 0 && k < size) data[i * names.length + from + k] = 1;
      from += size;
    });
  }
  return make(x.rows, names, data);
};

/** The first of each input's columns with the largest number. */
const coldest = (y: Table, sizes: readonly number[], names: readonly string[]): Table => {
  const data = new Float64Array(y.rows * sizes.length);
  for (let i = 0; i < y.rows; i++) {
    let from = i * y.names.length;
    sizes.forEach((size, j) => {
      const part = Array.from(y.data.subarray(from, from + size));
      data[i * sizes.length + j] = part.indexOf(Math.max(...part));
      from += size;
    });
  }
  return make(y.rows, names, data);
};

export const binsStage = (spec: BinsSpec): Fitted<Table, Table> => {
  const { inputs, edges, centers, output } = spec;
  const sizes = edges.map((list) => list.length + 1);
  const names =
    output === 'int'
      ? inputs
      : inputs.flatMap((name, j) => Array.from({ length: sizes[j] ?? 1 }, (_, k) => `${name}:${k}`));
  const index = mapNumbers((v, j) => binOf(edges[j] ?? [], v));
  return tableStage({
    name: 'bins',
    spec,
    inputs,
    names,
    transform: (x) =>
      pipe(
        complete('bins')(x),
        E.map(index),
        E.map((found) => (output === 'int' ? found : hot(found, sizes, names))),
      ),
    inverse:
      centers === undefined
        ? noInverse('bins', 'of edges that were given the first and the last bin have no middle')
        : E.right((y) =>
            E.right(
              pipe(
                output === 'int' ? y : coldest(y, sizes, inputs),
                mapNumbers((k, j) => centers[j]?.[Math.round(k)] ?? Number.NaN),
              ),
            ),
          ),
    lower: E.right((x) => {
      const columns = edges.map((list, j) => {
        const own = Op.slice({ axes: [1], starts: [j], ends: [j + 1] })(x);
        const passed = Op.greaterOrEqual(own, Op.tensor(list, [1, list.length], 'float32'));
        const at =
          list.length === 0
            ? Op.fillLike(own, 0)
            : Op.reduceSum({ axes: [1], keepDims: true })(Op.cast('float32')(passed));
        const bins = Op.tensor(
          Array.from({ length: list.length + 1 }, (_, k) => k),
          [1, list.length + 1],
          'float32',
        );
        return output === 'int' ? at : Op.cast('float32')(Op.equal(at, bins));
      });
      return Op.concat(1)(columns);
    }),
  });
};

const lists = t.readonlyArray(numbers);

export const binsReader: Reader = reader<BinsSpec>(
  'Bins',
  t.intersection([
    t.type({
      _tag: t.literal('Bins'),
      inputs: strings,
      edges: lists,
      output: t.union([t.literal('int'), t.literal('oneHot')]),
    }),
    t.partial({ centers: lists }),
  ]),
  (spec) => untyped(binsStage(spec)),
  ({ inputs, edges, centers }) =>
    edges.length === inputs.length &&
    edges.every((list) => list.every((x, i) => i === 0 || x > (list[i - 1] ?? x))) &&
    (centers === undefined || centers.every((list, j) => list.length === (edges[j]?.length ?? 0) + 1))
      ? undefined
      : 'expected ascending edges for each input, and a center for each bin',
);

// -------------------------------------------------------------------------------------
// fits
// -------------------------------------------------------------------------------------

interface Output {
  /** The bin's index (default), or a column for each bin. */
  readonly output?: 'int' | 'oneHot';
}

/** Edges with both ends of the data; bins narrower than 1e-8 are taken together with the next, as in scikit-learn. */
const fromEnds = (
  train: Table,
  columns: readonly (readonly number[])[],
  output: 'int' | 'oneHot',
): Fitted<Table, Table> => {
  const distinct = columns.map((list) =>
    list.reduce<number[]>((kept, x) => {
      const last = kept[kept.length - 1];
      if (last === undefined || x - last > 1e-8) kept.push(x);
      return kept;
    }, []),
  );
  return binsStage({
    _tag: 'Bins',
    inputs: train.names,
    edges: distinct.map((list) => list.slice(1, -1)),
    centers: distinct.map((list) =>
      list.length < 2 ? list : list.slice(1).map((high, i) => (high + (list[i] ?? high)) / 2),
    ),
    output,
  });
};

/**
 * Bins fitted on the data: `'quantile'` with equally many samples in each (default), `'uniform'` of equal width. The first and the
 * last are open, so nothing falls outside. Bins that would be empty because a number comes often are left out. Error: missing
 * numbers at `transform`. scikit-learn `KBinsDiscretizer`; Keras `Discretization(num_bins)` after `adapt`, which approximates the
 * quantiles that are exact here.
 *
 * @example
 * bins(5, { strategy: 'uniform', output: 'oneHot' })
 */
export const bins = (
  count: number,
  options: Output & { readonly strategy?: 'quantile' | 'uniform' } = {},
): Preprocessor<Table, Table> =>
  preprocessor((train): E.Either<PreprocessError, Fitted<Table, Table>> => {
    if (!(Number.isInteger(count) && count >= 2))
      return E.left(invalidOption('bins', 'count', 'an integer from 2', count));
    const shares = Array.from({ length: count + 1 }, (_, i) => i / count);
    return pipe(
      sortedColumns('bins')(train),
      E.map((columns) =>
        columns.map((values) => {
          const [least = 0, most = 0] = [values[0], values[values.length - 1]];
          return options.strategy === 'uniform'
            ? shares.map((s, i) => (i === count ? most : least + (most - least) * s))
            : shares.map((s) => quantile(values, s));
        }),
      ),
      E.map((edges) => fromEnds(train, edges, options.output ?? 'int')),
    );
  });

/**
 * Bins between edges that are given, the same for every column: below the first, ..., from the last on. Nothing is fitted. Keras
 * `Discretization(bin_boundaries)`, numpy `digitize`.
 */
export const binsAt = (edges: readonly number[], options: Output = {}): Preprocessor<Table, Table> =>
  preprocessor((train) =>
    edges.every((x, i) => Number.isFinite(x) && (i === 0 || x > (edges[i - 1] ?? x)))
      ? E.right(
          binsStage({
            _tag: 'Bins',
            inputs: train.names,
            edges: train.names.map(() => edges),
            output: options.output ?? 'int',
          }),
        )
      : E.left(invalidOption('binsAt', 'edges', 'finite numbers, ascending', edges)),
  );
