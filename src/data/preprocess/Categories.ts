/**
 * Categories to numbers: a column for each category (one-hot), or its position (ordinal).
 *
 * The categories of a column are in order: false, true, numbers by size, texts by code unit, and a missing one last. A graph knows
 * numbers only, and no errors: there an unknown category that would be an error here is as with `'ignore'`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Lowering, Spec } from './Fitted.ts';
import { notLowered, untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, unknownCategory } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Reader } from './Stage.ts';
import { cell, cellsStage, reader, strings } from './Stage.ts';
import type { Cell, Cells, Table } from './Table.ts';
import { make, makeCells } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What becomes of a category that the fit did not see: an error, nothing, or a slot of its own for all of them. */
export type Unknown = 'error' | 'ignore' | 'own';

export interface CategoriesSpec extends Spec {
  readonly _tag: 'OneHot' | 'Ordinal';
  readonly inputs: readonly string[];
  readonly categories: readonly (readonly Cell[])[];
  readonly unknown: Unknown;
  /** Columns whose first category has no column of its own: it is all zeros. */
  readonly dropped: readonly boolean[];
}

const rank = (c: Cell): number => (c === null ? 3 : typeof c === 'string' ? 2 : typeof c === 'number' ? 1 : 0);

const compare = (a: Cell, b: Cell): number =>
  rank(a) - rank(b) || (a === b ? 0 : a !== null && b !== null && a < b ? -1 : 1);

/** The distinct categories of a column, in order. */
export const distinct = (column: readonly Cell[]): readonly Cell[] => [...new Set(column)].sort(compare);

// -------------------------------------------------------------------------------------
// positions
// -------------------------------------------------------------------------------------

const positions = (name: string, spec: CategoriesSpec) => {
  const indices = spec.categories.map((list) => new Map(list.map((c, k) => [c, k])));
  /** -1: unknown. */
  return (x: Cells): E.Either<PreprocessError, readonly Int32Array[]> =>
    pipe(
      x.columns,
      E.traverseArrayWithIndex((j, column) => {
        const found = Int32Array.from(column, (c) => indices[j]?.get(c) ?? -1);
        const row = spec.unknown === 'error' ? found.indexOf(-1) : -1;
        return row < 0
          ? E.right(found)
          : E.left(
              unknownCategory(
                name,
                { row, column: spec.inputs[j] ?? '', value: column[row] },
                spec.categories[j] ?? [],
              ),
            );
      }),
    );
};

const numeric = (lists: readonly (readonly Cell[])[]): lists is readonly (readonly number[])[] =>
  lists.every((list) => list.every((c) => typeof c === 'number' && Math.fround(c) === c));

const notNumbers = (stage: string): E.Either<PreprocessError, Lowering> =>
  notLowered(stage, 'its categories are not all float32 numbers, and graphs have no text here');

/** For column `j` which category it is: bool `[batch, categories]`. */
const matches = (x: Value, list: readonly number[], j: number): Value =>
  Op.equal(Op.slice({ axes: [1], starts: [j], ends: [j + 1] })(x), Op.tensor(list, [1, list.length], 'float32'));

// -------------------------------------------------------------------------------------
// one-hot
// -------------------------------------------------------------------------------------

export const oneHotStage = (spec: CategoriesSpec): Fitted<Cells, Table> => {
  const { inputs, categories, unknown, dropped } = spec;
  const first = (j: number): number => (dropped[j] === true ? 1 : 0);
  const names = inputs.flatMap((name, j) => [
    ...(categories[j] ?? []).slice(first(j)).map((c) => `${name}=${String(c)}`),
    ...(unknown === 'own' ? [`${name} unknown`] : []),
  ]);
  const sizes = categories.map((list, j) => list.length - first(j) + (unknown === 'own' ? 1 : 0));
  const find = positions('oneHot', spec);
  return cellsStage({
    name: 'oneHot',
    spec,
    inputs,
    names,
    transform: (x) =>
      pipe(
        find(x),
        E.map((columns) => {
          const data = new Float64Array(x.rows * names.length);
          let from = 0;
          columns.forEach((found, j) => {
            found.forEach((at, i) => {
              const k = at >= 0 ? at - first(j) : unknown === 'own' ? (sizes[j] ?? 1) - 1 : -1;
              if (k >= 0) data[i * names.length + from + k] = 1;
            });
            from += sizes[j] ?? 0;
          });
          return make(x.rows, names, data);
        }),
      ),
    inverse: E.right((y) => {
      let from = 0;
      const columns = categories.map((list, j) => {
        const [start, size] = [from, list.length - first(j)];
        from += sizes[j] ?? 0;
        return Array.from({ length: y.rows }, (_, i): Cell => {
          const part = y.data.subarray(i * names.length + start, i * names.length + start + size);
          const at = part.indexOf(Math.max(...part));
          // All zeros: the category that was dropped, or one that nobody knows.
          return (part[at] ?? 0) > 0 ? (list[at + first(j)] ?? null) : dropped[j] === true ? (list[0] ?? null) : null;
        });
      });
      return E.right(makeCells(y.rows, inputs, columns));
    }),
    lower: numeric(categories)
      ? E.right((x) =>
          Op.concat(1)(
            categories.flatMap((list, j) => {
              const is = Op.cast('float32')(matches(x, list, j));
              const any = () => Op.reduceSum({ axes: [1], keepDims: true })(is);
              const kept = list.length > first(j);
              return [
                ...(kept ? [first(j) === 1 ? Op.slice({ axes: [1], starts: [1], ends: [list.length] })(is) : is] : []),
                ...(unknown === 'own' ? [Op.sub(1, any())] : []),
              ];
            }),
          ),
        )
      : notNumbers('oneHot'),
  });
};

// -------------------------------------------------------------------------------------
// ordinal
// -------------------------------------------------------------------------------------

export const ordinalStage = (spec: CategoriesSpec): Fitted<Cells, Table> => {
  const { inputs, categories, unknown } = spec;
  const find = positions('ordinal', spec);
  const other = (j: number): number => (unknown === 'own' ? (categories[j]?.length ?? 0) : -1);
  return cellsStage({
    name: 'ordinal',
    spec,
    inputs,
    names: inputs,
    transform: (x) =>
      pipe(
        find(x),
        E.map((columns) => {
          const data = new Float64Array(x.rows * inputs.length);
          columns.forEach((found, j) => {
            found.forEach((at, i) => {
              data[i * inputs.length + j] = at >= 0 ? at : other(j);
            });
          });
          return make(x.rows, inputs, data);
        }),
      ),
    inverse: E.right((y) =>
      E.right(
        makeCells(
          y.rows,
          inputs,
          categories.map((list, j) =>
            Array.from({ length: y.rows }, (_, i) => list[y.data[i * inputs.length + j] ?? -1] ?? null),
          ),
        ),
      ),
    ),
    lower: numeric(categories)
      ? E.right((x) =>
          Op.concat(1)(
            categories.map((list, j) => {
              const is = Op.cast('float32')(matches(x, list, j));
              const sum = Op.reduceSum({ axes: [1], keepDims: true });
              const ranks = Op.tensor(
                list.map((_, k) => k - other(j)),
                [1, list.length],
                'float32',
              );
              return Op.add(sum(Op.mul(is, ranks)), other(j));
            }),
          ),
        )
      : notNumbers('ordinal'),
  });
};

// -------------------------------------------------------------------------------------
// specs and fits
// -------------------------------------------------------------------------------------

const categoriesReader = (tag: CategoriesSpec['_tag'], stage: (spec: CategoriesSpec) => Fitted<Cells, Table>): Reader =>
  reader<CategoriesSpec>(
    tag,
    t.type({
      _tag: t.literal(tag),
      inputs: strings,
      categories: t.readonlyArray(t.readonlyArray(cell)),
      unknown: t.union([t.literal('error'), t.literal('ignore'), t.literal('own')]),
      dropped: t.readonlyArray(t.boolean),
    }),
    (spec) => untyped(stage(spec)),
    ({ inputs, categories, dropped }) =>
      categories.length === inputs.length &&
      dropped.length === inputs.length &&
      categories.every((list) => new Set(list).size === list.length)
        ? undefined
        : 'expected a list of distinct categories for each input',
  );

export const oneHotReader: Reader = categoriesReader('OneHot', oneHotStage);
export const ordinalReader: Reader = categoriesReader('Ordinal', ordinalStage);

export interface CategoryOptions {
  /** `'error'` by default. */
  readonly unknown?: Unknown;
  /** Of each column, instead of those found in the training data. */
  readonly categories?: readonly (readonly Cell[])[];
}

const fitCategories =
  (tag: CategoriesSpec['_tag'], options: CategoryOptions, drop: 'none' | 'first' | 'ifBinary') =>
  (train: Cells): E.Either<PreprocessError, CategoriesSpec> => {
    const name = tag === 'OneHot' ? 'oneHot' : 'ordinal';
    const categories = options.categories ?? train.columns.map(distinct);
    const width = train.names.length;
    if (categories.length !== width)
      return E.left(invalidOption(name, 'categories', `${width} lists, one for each column`, categories.length));
    const twice = categories.findIndex((list) => new Set(list).size !== list.length);
    if (twice >= 0)
      return E.left(invalidOption(name, `categories[${twice}]`, 'distinct categories', categories[twice]));
    return E.right({
      _tag: tag,
      inputs: train.names,
      categories,
      unknown: options.unknown ?? 'error',
      dropped: categories.map((list) => drop === 'first' || (drop === 'ifBinary' && list.length === 2)),
    });
  };

/**
 * A column for each category: 1 where it is that one. Of an unknown category all are 0 with `'ignore'`, and with `'own'` there is one
 * more column for all of them; by default it is an error. `drop` leaves out the first category of each column, or of those with two.
 * The inverse gives `null` for what is unknown. scikit-learn `OneHotEncoder(sparse_output=False)`; Keras `StringLookup` and
 * `IntegerLookup` with `output_mode='one_hot'`.
 *
 * @example
 * pipe(train, fit(oneHot({ unknown: 'ignore' })))
 */
export const oneHot = (
  options: CategoryOptions & { readonly drop?: 'none' | 'first' | 'ifBinary' } = {},
): Preprocessor<Cells, Table> =>
  preprocessor((train) => pipe(fitCategories('OneHot', options, options.drop ?? 'none')(train), E.map(oneHotStage)));

/**
 * The position of the category in the order of its column, from 0. An unknown one is an error by default, -1 with `'ignore'`, and the
 * number of categories with `'own'` (for embeddings). scikit-learn `OrdinalEncoder`.
 */
export const ordinal = (options: CategoryOptions = {}): Preprocessor<Cells, Table> =>
  preprocessor((train) => pipe(fitCategories('Ordinal', options, 'none')(train), E.map(ordinalStage)));
