/**
 * Filling gaps: numbers that are missing (NaN) by one learned from the others of their column.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Spec } from './Fitted.ts';
import { noInverse, untyped } from './Fitted.ts';
import { invalidOption } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { missingIn, numbers, quantile, reader, rowOf, sortedColumns, strings, tableStage } from './Stage.ts';
import type { Cells, Table } from './Table.ts';
import { beside, make, makeCells } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ImputeSpec extends Spec {
  readonly _tag: 'Impute';
  readonly inputs: readonly string[];
  /** What stands in for a missing number of each column. */
  readonly fill: readonly number[];
  /** Columns that get a further one, 1 where the number was missing. */
  readonly indicators: readonly number[];
}

export const imputeStage = (spec: ImputeSpec): Fitted<Table, Table> => {
  const { inputs, fill, indicators } = spec;
  const width = inputs.length;
  const marks = indicators.map((j) => `${inputs[j]} missing`);
  return tableStage({
    name: 'impute',
    spec,
    inputs,
    names: [...inputs, ...marks],
    transform: (x) => {
      const filled = make(
        x.rows,
        x.names,
        x.data.map((v, at) => (Number.isNaN(v) ? (fill[at % width] ?? 0) : v)),
      );
      const missing = Float64Array.from({ length: x.rows * marks.length }, (_, at) => {
        const j = indicators[at % marks.length] ?? 0;
        return Number.isNaN(x.data[Math.floor(at / marks.length) * width + j]) ? 1 : 0;
      });
      return marks.length === 0 ? E.right(filled) : beside([filled, make(x.rows, marks, missing)]);
    },
    inverse:
      marks.length === 0
        ? noInverse('impute', 'a number that was filled in looks like any other; ask for the indicators')
        : E.right((y) => {
            const all = width + marks.length;
            const data = Float64Array.from({ length: y.rows * width }, (_, at) => {
              const [i, j] = [Math.floor(at / width), at % width];
              const mark = indicators.indexOf(j);
              return mark >= 0 && y.data[i * all + width + mark] === 1 ? Number.NaN : (y.data[i * all + j] ?? 0);
            });
            return E.right(make(y.rows, inputs, data));
          }),
    lower: E.right((x) => {
      const gaps = missingIn(x);
      const filled = Op.where(gaps, rowOf(fill), x);
      const chosen = () => Op.gather(Op.cast('float32')(gaps), Op.int64s(indicators), 1);
      return marks.length === 0 ? filled : Op.concat(1)([filled, chosen()]);
    }),
  });
};

export const imputeReader: Reader = reader<ImputeSpec>(
  'Impute',
  t.type({ _tag: t.literal('Impute'), inputs: strings, fill: numbers, indicators: numbers }),
  (spec) => untyped(imputeStage(spec)),
  ({ inputs, fill, indicators }) =>
    fill.length === inputs.length && indicators.every((j) => Number.isInteger(j) && j >= 0 && j < inputs.length)
      ? undefined
      : 'expected a number for each input, and indicators that are indices of inputs',
);

// -------------------------------------------------------------------------------------
// fits
// -------------------------------------------------------------------------------------

/** The number that comes most often; of several the smallest, as in scikit-learn. */
const mostFrequent = (ascending: Float64Array): number => {
  let [best, most, run] = [ascending[0] ?? 0, 0, 0];
  for (let i = 0; i < ascending.length; i++) {
    run = i > 0 && ascending[i] === ascending[i - 1] ? run + 1 : 1;
    if (run > most) [best, most] = [ascending[i] ?? 0, run];
  }
  return best;
};

const strategies = {
  mean: (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length,
  median: (values: Float64Array) => quantile(values, 0.5),
  mostFrequent,
} as const;

const indicatorsOf = (train: Table, wanted: boolean): readonly number[] =>
  train.names.flatMap((_, j) =>
    wanted && train.data.some((v, at) => at % train.names.length === j && Number.isNaN(v)) ? [j] : [],
  );

/**
 * Each missing number becomes the mean, the median or the most frequent number of its column, or the one given. With `indicator` the
 * columns that had gaps in the training data get a further one, 1 where there was a gap. Error: a column without any number (not
 * with a constant). scikit-learn `SimpleImputer(add_indicator)`; it drops columns without numbers instead.
 *
 * @example
 * impute('median', { indicator: true })
 * impute({ constant: 0 })
 */
export const impute = (
  strategy: 'mean' | 'median' | 'mostFrequent' | { readonly constant: number },
  options: { readonly indicator?: boolean } = {},
): Preprocessor<Table, Table> =>
  preprocessor((train) =>
    pipe(
      typeof strategy === 'string'
        ? pipe(
            sortedColumns('impute')(train),
            E.map((columns) => columns.map(strategies[strategy])),
          )
        : Number.isFinite(strategy.constant)
          ? E.right(train.names.map(() => strategy.constant))
          : E.left(invalidOption('impute', 'constant', 'a finite number', strategy.constant)),
      E.map((fill) =>
        imputeStage({
          _tag: 'Impute',
          inputs: train.names,
          fill,
          indicators: indicatorsOf(train, options.indicator === true),
        }),
      ),
    ),
  );

// -------------------------------------------------------------------------------------
// categories
// -------------------------------------------------------------------------------------

export interface ImputeCellsSpec extends Spec {
  readonly _tag: 'ImputeCells';
  readonly inputs: readonly string[];
  readonly fill: readonly (string | number | boolean)[];
}

export const imputeCellsStage = (spec: ImputeCellsSpec): Fitted<Cells, Cells> => ({
  _tag: 'Fitted',
  spec,
  from: 'cells',
  to: 'cells',
  inputs: spec.inputs,
  names: spec.inputs,
  transform: (x) =>
    E.right(
      makeCells(
        x.rows,
        x.names,
        x.columns.map((column, j) => column.map((c) => c ?? spec.fill[j] ?? null)),
      ),
    ),
  inverse: noInverse('imputeCells', 'a category that was filled in looks like any other'),
  lower: spec.fill.every((c) => typeof c === 'number')
    ? E.right((x) => Op.where(missingIn(x), rowOf(spec.fill.map(Number)), x))
    : E.left({ _tag: 'Unsupported', message: 'imputeCells: graphs have no text', stage: 'imputeCells' }),
});

export const imputeCellsReader: Reader = reader<ImputeCellsSpec>(
  'ImputeCells',
  t.type({
    _tag: t.literal('ImputeCells'),
    inputs: strings,
    fill: t.readonlyArray(t.union([t.string, t.number, t.boolean])),
  }),
  (spec) => untyped(imputeCellsStage(spec)),
  ({ inputs, fill }) => (fill.length === inputs.length ? undefined : 'expected a category for each input'),
);

/** Missing categories become the most frequent one of their column (of several the first met), or the one given. */
export const imputeCells = (
  strategy: 'mostFrequent' | { readonly constant: string | number | boolean },
): Preprocessor<Cells, Cells> =>
  preprocessor((train) =>
    E.right(
      imputeCellsStage({
        _tag: 'ImputeCells',
        inputs: train.names,
        fill: train.columns.map((column) => {
          if (typeof strategy !== 'string') return strategy.constant;
          const counts = new Map<string | number | boolean, number>();
          for (const c of column) if (c !== null) counts.set(c, (counts.get(c) ?? 0) + 1);
          return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0] as [string | number | boolean, number])[0];
        }),
      }),
    ),
  );
