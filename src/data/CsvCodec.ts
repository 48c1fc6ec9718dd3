/**
 * io-ts codecs for the cells and rows of a CSV file.
 *
 * A cell is text; a row is a record of texts by column name. `t.type({ age: numberFromCsv })` decodes columns one by
 * one; `columns` gathers many into a list, and `row` puts such parts together under names of their own.
 */
import * as E from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';

// -------------------------------------------------------------------------------------
// cells
// -------------------------------------------------------------------------------------

const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

const fromText = <A extends number>(
  name: string,
  parse: (text: string) => A | undefined,
  expected: string,
  encode: (a: A) => string = String,
): t.Type<A, string, unknown> =>
  new t.Type<A, string, unknown>(
    name,
    (u): u is A => typeof u === 'number' && parse(encode(u as A)) === u,
    (u, c) => {
      const value = typeof u === 'string' ? parse(u) : undefined;
      return value === undefined ? t.failure(u, c, expected) : t.success(value);
    },
    encode,
  );

/**
 * A finite decimal number. Refused: empty text, `NA`, `NaN`, `Infinity`, `0x10`, `1,5`. Spaces around it are allowed. Where it
 * may be missing: `nullableFromCsv(numberFromCsv)`.
 */
export const numberFromCsv: t.Type<number, string, unknown> = fromText(
  'numberFromCsv',
  (text) => {
    const value = decimal.test(text) ? Number(text) : Number.NaN;
    return Number.isFinite(value) ? value : undefined;
  },
  'a number such as 3.5 or -1e-3',
);

/** An integer: `7`, `-2`; `7.0` is one too. Refused: fractions and what is too large to be exact (2^53). */
export const integerFromCsv: t.Type<number, string, unknown> = fromText(
  'integerFromCsv',
  (text) => {
    const value = decimal.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? value : undefined;
  },
  'an integer such as 7',
);

/**
 * A name from a list as its position, for labels: `categoryFromCsv(['ham', 'spam'])` decodes `spam` to 1.
 */
export const categoryFromCsv = (names: readonly string[]): t.Type<number, string, unknown> =>
  fromText(
    'categoryFromCsv',
    (text) => {
      const index = names.indexOf(text);
      return index < 0 ? undefined : index;
    },
    `one of ${names.map((name) => JSON.stringify(name)).join(', ')}`,
    (index) => names[index] ?? '',
  );

/**
 * A cell that may be missing: the texts that say so become `null`, which `Preprocess.impute` fills; all others are the cell's.
 * `missing` is `['']` by default; spaces around it are allowed.
 *
 * @example
 * t.type({ age: nullableFromCsv(numberFromCsv), town: nullableFromCsv(t.string, ['', 'NA']) }) // age: number | null
 */
export const nullableFromCsv = <A>(
  cell: t.Type<A, string, unknown>,
  missing: readonly string[] = [''],
): t.Type<A | null, string, unknown> =>
  new t.Type<A | null, string, unknown>(
    `nullableFromCsv(${cell.name})`,
    (u): u is A | null => u === null || cell.is(u),
    (u, c) => (typeof u === 'string' && missing.includes(u.trim()) ? t.success(null) : cell.validate(u, c)),
    (a) => (a === null ? (missing[0] ?? '') : cell.encode(a)),
  );

// -------------------------------------------------------------------------------------
// rows
// -------------------------------------------------------------------------------------

/** A row of texts by column name. */
export type CsvRecord = Readonly<Record<string, string>>;

const cellsOf = (u: unknown): Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null ? (u as Readonly<Record<string, unknown>>) : {};

/**
 * Many columns as one list, in the order given.
 *
 * @example
 * columns(numbered('x', 103), numberFromCsv)   // x1, x2, ..., x103: readonly number[]
 */
export const columns = <A>(
  names: readonly string[],
  cell: t.Type<A, string, unknown>,
): t.Type<readonly A[], CsvRecord, unknown> =>
  new t.Type<readonly A[], CsvRecord, unknown>(
    `columns(${cell.name})`,
    (u): u is readonly A[] => Array.isArray(u) && u.length === names.length && u.every(cell.is),
    (u, c) => {
      const cells = cellsOf(u);
      const values: A[] = [];
      const errors: t.ValidationError[] = [];
      for (const name of names) {
        // The context of a cell is made only for a cell that is refused: there may be millions of them.
        const value = cell.validate(cells[name], c);
        if (E.isRight(value)) values.push(value.right);
        else {
          const again = cell.validate(cells[name], t.appendContext(c, name, cell, cells[name]));
          if (E.isLeft(again)) errors.push(...again.left);
        }
      }
      return errors.length === 0 ? t.success(values) : t.failures(errors);
    },
    (values) => Object.fromEntries(names.map((name, i) => [name, i in values ? cell.encode(values[i] as A) : ''])),
  );

/** One column under a name of your own: `row({ price: column('Price (EUR)', numberFromCsv) })`. */
export const column = <A>(name: string, cell: t.Type<A, string, unknown>): t.Type<A, CsvRecord, unknown> =>
  new t.Type<A, CsvRecord, unknown>(
    `column(${cell.name})`,
    cell.is,
    (u, c) => cell.validate(cellsOf(u)[name], t.appendContext(c, name, cell, cellsOf(u)[name])),
    (a) => ({ [name]: cell.encode(a) }),
  );

/**
 * A row from parts that each read the whole row: `columns`, `column`.
 *
 * @example
 * const Row = row({ labels: columns(numbered('label', 14), integerFromCsv), features: columns(numbered('x', 103), numberFromCsv) });
 */
export const row = <A extends Readonly<Record<string, unknown>>>(
  parts: {
    readonly [K in keyof A]: t.Type<A[K], CsvRecord, unknown>;
  },
): t.Type<{ readonly [K in keyof A]: A[K] }, CsvRecord, unknown> => {
  const names = Object.keys(parts) as (keyof A & string)[];
  return new t.Type<A, CsvRecord, unknown>(
    'row',
    (u): u is A => {
      const fields = cellsOf(u);
      return names.every((name) => parts[name].is(fields[name]));
    },
    (u, c) => {
      const values: [string, unknown][] = [];
      const errors: t.ValidationError[] = [];
      for (const name of names) {
        const value = parts[name].validate(u, c);
        if (E.isRight(value)) values.push([name, value.right]);
        else errors.push(...value.left);
      }
      return errors.length === 0 ? t.success(Object.fromEntries(values) as A) : t.failures(errors);
    },
    (a) => Object.fromEntries(names.flatMap((name) => Object.entries(parts[name].encode(a[name])))),
  );
};

/** `prefix1`, `prefix2`, ..., up to `count`, or from another first number. */
export const numbered = (prefix: string, count: number, first = 1): readonly string[] =>
  Array.from({ length: Math.max(0, Math.floor(count)) }, (_, i) => `${prefix}${first + i}`);
