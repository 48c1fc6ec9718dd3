/**
 * What preprocessing works on: tables of numbers and columns of categories, with the columns' names.
 *
 * A missing number is NaN, a missing category `null`: both may stand here (imputation fills them), infinities may not.
 * Numbers are float64, row after row; `toArray` makes float32 of them for a model, and refuses what is still missing.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, invalidValue, nothingToFit, unsupported, widthMismatch } from './PreprocessError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Table {
  readonly _tag: 'Table';
  readonly rows: number;
  /** One for each column. */
  readonly names: readonly string[];
  /** Row-major: the number of row `i` and column `j` is at `i * names.length + j`. */
  readonly data: Float64Array;
}

/** What a category may be; `null` is one that is missing. */
export type Cell = string | number | boolean | null;

export interface Cells {
  readonly _tag: 'Cells';
  readonly rows: number;
  readonly names: readonly string[];
  /** `columns[j][i]`: row `i` of column `j`. */
  readonly columns: readonly (readonly Cell[])[];
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** For the stages: the parts are known to fit together. */
export const make = (rows: number, names: readonly string[], data: Float64Array): Table => ({
  _tag: 'Table',
  rows,
  names,
  data,
});

/** Names for columns that have none: `x0`, `x1`, ... */
export const namesFor = (width: number): readonly string[] => Array.from({ length: width }, (_, j) => `x${j}`);

/**
 * Rows of numbers as a table; NaN is a missing number. Errors: no rows, no columns, rows of different lengths, infinities,
 * another number of names than columns.
 *
 * @example
 * table([[1, 2], [3, NaN]], ['age', 'fare'])
 */
export const table = (
  rows: readonly ArrayLike<number>[],
  names: readonly string[] = namesFor(rows[0]?.length ?? 0),
): E.Either<PreprocessError, Table> => {
  const width = names.length;
  if (rows.length === 0 || width === 0)
    return E.left(
      nothingToFit('table', `${rows.length} rows and ${width} columns came`, 'a table has at least one of each'),
    );
  const data = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    if (row.length !== width) return E.left(widthMismatch(`table: row ${i} (from 0)`, width, row.length));
    for (let j = 0; j < width; j++) {
      const value = row[j];
      if (typeof value !== 'number' || Math.abs(value) === Number.POSITIVE_INFINITY)
        return E.left(
          invalidValue(
            'table',
            { row: i, column: names[j] ?? '', value },
            'a number',
            'write NaN for one that is missing',
          ),
        );
      data[i * width + j] = value;
    }
  }
  return E.right(make(rows.length, names, data));
};

/** An array `[samples, features]` of any element type as a table. Errors: another rank, no samples, infinities. */
export const fromArray = (array: NdArray<unknown>, names?: readonly string[]): E.Either<PreprocessError, Table> => {
  const [rows = 0, width = 0, ...more] = array.shape;
  if (array.shape.length !== 2 || more.length > 0 || rows === 0 || width === 0)
    return E.left(invalidOption('table', 'array', 'shape [samples, features]', `[${array.shape.join(',')}]`));
  const own = names ?? namesFor(width);
  if (own.length !== width) return E.left(widthMismatch('table: names', width, own.length));
  const data = Float64Array.from(array.data as ArrayLike<number>, Number);
  const at = data.findIndex((x) => Math.abs(x) === Number.POSITIVE_INFINITY);
  return at < 0
    ? E.right(make(rows, own, data))
    : E.left(
        invalidValue(
          'table',
          { row: Math.floor(at / width), column: own[at % width] ?? '', value: data[at] },
          'a finite number or NaN',
          'write NaN for one that is missing',
        ),
      );
};

/**
 * Columns of categories by name. NaN and `undefined` are missing ones. Errors: no columns, no rows, columns of different lengths.
 *
 * @example
 * cells({ town: ['Rome', 'Oslo', null], deck: [1, 2, 2] })
 */
export const cells = (
  columns: Readonly<Record<string, readonly (Cell | undefined)[]>>,
): E.Either<PreprocessError, Cells> => {
  const names = Object.keys(columns);
  const rows = columns[names[0] ?? '']?.length ?? 0;
  const odd = names.find((name) => columns[name]?.length !== rows);
  if (rows === 0) return E.left(nothingToFit('cells', 'no rows came', 'give at least one column with one row'));
  return odd === undefined
    ? E.right(makeCells(rows, names, Object.values(columns)))
    : E.left(invalidOption('cells', odd, `${rows} rows, as ${names[0]} has`, columns[odd]?.length));
};

const normal = (cell: Cell | undefined): Cell =>
  cell === undefined || (typeof cell === 'number' && Number.isNaN(cell)) ? null : Object.is(cell, -0) ? 0 : cell;

export const makeCells = (
  rows: number,
  names: readonly string[],
  columns: readonly (readonly (Cell | undefined)[])[],
): Cells => ({ _tag: 'Cells', rows, names, columns: columns.map((column) => column.map(normal)) });

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** The numbers of one column; no copy is kept. */
export const column = (self: Table, j: number): Float64Array => {
  const width = self.names.length;
  return Float64Array.from({ length: self.rows }, (_, i) => self.data[i * width + j] ?? Number.NaN);
};

/** The numbers of a column that are not missing, ascending. */
export const sorted = (self: Table, j: number): Float64Array =>
  column(self, j)
    .filter((x) => !Number.isNaN(x))
    .sort();

/** The rows as lists of numbers. */
export const toRows = (self: Table): readonly (readonly number[])[] =>
  Array.from({ length: self.rows }, (_, i) =>
    Array.from(self.data.subarray(i * self.names.length, (i + 1) * self.names.length)),
  );

/** The first number that is missing: where, if there is one. */
const firstMissing = (self: Table): number => self.data.findIndex((x) => Number.isNaN(x));

/** An error if a number is missing: for the stages that cannot do with less. */
export const complete =
  (stage: string, mend = 'fill the gaps before, with `impute`') =>
  (self: Table): E.Either<PreprocessError, Table> => {
    const at = firstMissing(self);
    const width = self.names.length;
    return at < 0
      ? E.right(self)
      : E.left(
          invalidValue(
            stage,
            { row: Math.floor(at / width), column: self.names[at % width] ?? '', value: Number.NaN },
            'a number',
            mend,
          ),
        );
  };

/**
 * float32 numbers for a model: `[samples, width]`. The width is checked, so its type can be relied upon. Errors: another width, a
 * number that is missing still, one beyond float32.
 *
 * @example
 * pipe(features, toArray(7)) // Either<PreprocessError, NdArray<[number, 7]>>
 */
export const toArray =
  <const W extends number>(width: W) =>
  (self: Table): E.Either<PreprocessError, NdArray<[number, W]>> => {
    if (self.names.length !== width) return E.left(widthMismatch('toArray', width, self.names.length));
    const data = Float32Array.from(self.data);
    const at = data.findIndex((x) => !Number.isFinite(x));
    return at < 0
      ? E.right({ dtype: 'float32', shape: [self.rows, width], data })
      : E.left(
          invalidValue(
            'toArray',
            { row: Math.floor(at / width), column: self.names[at % width] ?? '', value: self.data[at] },
            'a finite float32',
            'fill gaps with `impute`, and scale numbers beyond 3.4e38',
          ),
        );
  };

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** Each number by a function of it and its column. */
export const mapNumbers =
  (f: (x: number, column: number) => number) =>
  (self: Table): Table => {
    const width = self.names.length;
    return make(
      self.rows,
      self.names,
      self.data.map((x, at) => f(x, at % width)),
    );
  };

/** Columns `from` to `to`, exclusive. */
export const between = (self: Table, from: number, to: number): Table => {
  const [width, out] = [self.names.length, to - from];
  const data = new Float64Array(self.rows * out);
  for (let i = 0; i < self.rows; i++) data.set(self.data.subarray(i * width + from, i * width + to), i * out);
  return make(self.rows, self.names.slice(from, to), data);
};

/** Tables of the same rows, one beside the other. Error: different numbers of rows. */
export const beside = (tables: readonly Table[]): E.Either<PreprocessError, Table> => {
  const rows = tables[0]?.rows ?? 0;
  if (tables.some((t) => t.rows !== rows))
    return E.left(
      unsupported('beside', `tables of ${tables.map((t) => t.rows).join(', ')} rows`, 'all need the same rows'),
    );
  const names = tables.flatMap((t) => t.names);
  const data = new Float64Array(rows * names.length);
  let from = 0;
  for (const t of tables) {
    const width = t.names.length;
    for (let i = 0; i < rows; i++) data.set(t.data.subarray(i * width, (i + 1) * width), i * names.length + from);
    from += width;
  }
  return E.right(make(rows, names, data));
};
