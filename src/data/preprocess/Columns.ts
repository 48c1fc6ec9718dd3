/**
 * Rows of a decoded type to one table of features: each field by a preprocessor of its own, the results side by side.
 *
 * A part names fields of the row and what to do with them; the compiler checks that the rows have these fields, with numbers, texts
 * or categories in them. scikit-learn: `ColumnTransformer`, and `FeatureUnion` (`parallel`).
 *
 * Laws: `columns(part)` of one part gives what the part's preprocessor gives; widths and names are those of the parts, in order.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Value } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Kind, Lowering, Spec, Untyped } from './Fitted.ts';
import { noInverse, notLowered, untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { invalidOption, invalidValue, nothingToFit } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import { preprocessor } from './Preprocessor.ts';
import type { Cell, Cells, Table } from './Table.ts';
import { beside, make, makeCells } from './Table.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type NumericField = number | null | undefined | readonly number[];
export type CategoryField = Cell | undefined;

type Fields<K extends string, V> = { readonly [P in K]?: V };

/** Fields and what becomes of them. `R`: rows that have the fields. */
export interface Part<R> {
  readonly _tag: 'Part';
  readonly kind: PartSpec['kind'];
  readonly fields: readonly string[];
  readonly preprocessor: Preprocessor<unknown, Table>;
  /** Phantom. */
  readonly '~row'?: (row: R) => void;
}

type RowOf<Ps extends readonly Part<never>[]> = (
  Ps[number] extends infer P
    ? P extends Part<infer R>
      ? (row: R) => void
      : never
    : never
) extends (row: infer All) => void
  ? All
  : never;

/** How many numbers each field of a numeric part holds; 1 for all others. */
export interface PartSpec {
  readonly kind: 'numeric' | 'categorical' | 'text';
  readonly fields: readonly string[];
  readonly widths: readonly number[];
  readonly stage: Spec;
}

export interface ColumnsSpec extends Spec {
  readonly _tag: 'Columns';
  readonly parts: readonly PartSpec[];
}

export interface ParallelSpec extends Spec {
  readonly _tag: 'Parallel';
  readonly stages: readonly Spec[];
}

// -------------------------------------------------------------------------------------
// parts
// -------------------------------------------------------------------------------------

const part = <R, A>(kind: PartSpec['kind'], fields: readonly string[], own: Preprocessor<A, Table>): Part<R> => ({
  _tag: 'Part',
  kind,
  fields,
  preprocessor: own as unknown as Preprocessor<unknown, Table>,
});

/**
 * Fields with a number each, or a list of always as many; `null` and `undefined` are missing numbers.
 *
 * @example
 * numeric(['age', 'fare'], pipe(impute('median'), andThen(standardise())))
 */
export const numeric = <const K extends string>(
  fields: readonly K[],
  own: Preprocessor<Table, Table>,
): Part<Fields<K, NumericField>> => part('numeric', fields, own);

/** Fields with a category each: text, number, yes or no; `null` and `undefined` are missing ones. */
export const categorical = <const K extends string>(
  fields: readonly K[],
  own: Preprocessor<Cells, Table>,
): Part<Fields<K, CategoryField>> => part('categorical', fields, own);

/** A field with a text. */
export const text = <const K extends string>(
  field: K,
  own: Preprocessor<readonly string[], Table>,
): Part<{ readonly [P in K]: string }> => part('text', [field], own);

// -------------------------------------------------------------------------------------
// rows to what a part takes
// -------------------------------------------------------------------------------------

type Rows = readonly object[];

const fieldOf = (row: object | undefined, field: string): unknown => (row as Readonly<Record<string, unknown>>)[field];

const widthsOf = (rows: Rows, fields: readonly string[]): readonly number[] =>
  fields.map((field) => {
    const first = fieldOf(rows[0], field);
    return Array.isArray(first) ? first.length : 1;
  });

/** A misspelt field would else be one that is missing in every row. */
const checkFields = (rows: Rows, fields: readonly string[]): E.Either<PreprocessError, Rows> => {
  const absent = fields.find((field) => rows.every((row) => !(field in row)));
  const there = Object.keys(rows[0] ?? {}).map((name) => JSON.stringify(name));
  return absent === undefined
    ? E.right(rows)
    : E.left(
        nothingToFit(
          'columns',
          `no row has a field ${JSON.stringify(absent)}`,
          `the first row has ${there.length === 0 ? 'none' : there.join(', ')}: compare the names`,
        ),
      );
};

const numbersIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value ?? Number.NaN]);

const namesOf = (fields: readonly string[], widths: readonly number[]): readonly string[] =>
  fields.flatMap((field, f) =>
    widths[f] === 1 ? [field] : Array.from({ length: widths[f] ?? 0 }, (_, k) => `${field}[${k}]`),
  );

const tableOf = (
  rows: Rows,
  fields: readonly string[],
  widths: readonly number[],
): E.Either<PreprocessError, Table> => {
  const names = namesOf(fields, widths);
  const data = new Float64Array(rows.length * names.length);
  let at = 0;
  for (const [i, row] of rows.entries())
    for (const [f, field] of fields.entries()) {
      const values = numbersIn(fieldOf(row, field));
      const odd = values.find((v) => typeof v !== 'number' || Math.abs(v) === Number.POSITIVE_INFINITY);
      if (odd !== undefined || values.length !== widths[f])
        return E.left(
          invalidValue(
            'columns',
            { row: i, column: field, value: odd ?? values },
            widths[f] === 1 ? 'a finite number' : `a list of ${widths[f]} finite numbers`,
            'decode rows with a codec before; a missing number is null',
          ),
        );
      for (const v of values) data[at++] = Number(v);
    }
  return E.right(make(rows.length, names, data));
};

const isCell = (v: unknown): v is Cell | undefined =>
  v === null || v === undefined || ['string', 'number', 'boolean'].includes(typeof v);

const cellsOf = (rows: Rows, fields: readonly string[]): E.Either<PreprocessError, Cells> =>
  pipe(
    fields,
    E.traverseArray((field): E.Either<PreprocessError, readonly (Cell | undefined)[]> => {
      const column = rows.map((row) => fieldOf(row, field));
      const row = column.findIndex((v) => !isCell(v));
      return column.every(isCell)
        ? E.right(column)
        : E.left(
            invalidValue(
              'columns',
              { row, column: field, value: column[row] },
              'text, a number, yes or no',
              'decode rows before',
            ),
          );
    }),
    E.map((columns) => makeCells(rows.length, fields, columns)),
  );

const textsOf = (rows: Rows, field: string): E.Either<PreprocessError, readonly string[]> => {
  const column = rows.map((row) => fieldOf(row, field));
  const row = column.findIndex((v) => typeof v !== 'string');
  return column.every((v): v is string => typeof v === 'string')
    ? E.right(column)
    : E.left(invalidValue('columns', { row, column: field, value: column[row] }, 'a text', 'decode rows before'));
};

const inputOf = (rows: Rows, { kind, fields, widths }: Omit<PartSpec, 'stage'>): E.Either<PreprocessError, unknown> =>
  kind === 'numeric'
    ? tableOf(rows, fields, widths)
    : kind === 'categorical'
      ? cellsOf(rows, fields)
      : textsOf(rows, fields[0] ?? '');

// -------------------------------------------------------------------------------------
// columns
// -------------------------------------------------------------------------------------

/** A part of a spec with its stage. */
export interface FittedPart extends Omit<PartSpec, 'stage'> {
  readonly stage: Untyped;
}

/** The kind of data that a part's stage must take. */
export const kindOf: Readonly<Record<PartSpec['kind'], Kind>> = {
  numeric: 'table',
  categorical: 'cells',
  text: 'texts',
};

const slices = (parts: readonly FittedPart[], x: Value): readonly Value[] => {
  let from = 0;
  return parts.map(({ widths }) => {
    const size = widths.reduce((a, b) => a + b, 0);
    const own = Op.slice({ axes: [1], starts: [from], ends: [from + size] })(x);
    from += size;
    return own;
  });
};

export const columnsStage = (parts: readonly FittedPart[]): Fitted<Rows, Table> => {
  const spec: ColumnsSpec = { _tag: 'Columns', parts: parts.map((p) => ({ ...p, stage: p.stage.spec })) };
  return {
    _tag: 'Fitted',
    spec,
    from: 'rows',
    to: 'table',
    inputs: parts.flatMap(({ fields, widths }) => namesOf(fields, widths)),
    names: parts.flatMap(({ stage, fields, widths }) => stage.names ?? namesOf(fields, widths)),
    transform: (rows) =>
      rows.length === 0
        ? E.left(nothingToFit('columns', 'no rows came', 'give at least one'))
        : pipe(
            parts,
            E.traverseArray((p) => pipe(inputOf(rows, p), E.chain(p.stage.transform))),
            E.chain((tables) => beside(tables as readonly Table[])),
          ),
    inverse: noInverse('columns', 'fields that no part names are gone'),
    lower: parts.some(({ kind }) => kind === 'text')
      ? notLowered('columns', 'it reads text, which graphs have not here')
      : pipe(
          parts,
          E.traverseArray(({ stage }) => stage.lower),
          E.map(
            (all): Lowering =>
              (x) =>
                Op.concat(1)(slices(parts, x).map((own, i) => all[i]?.(own) ?? own)),
          ),
        ),
  };
};

/**
 * Rows of a type to a table: the parts' results side by side, in order. What a part learns, it learns from its own fields of the
 * training rows. `inputs` of the fitted value names the raw columns in the order in which its graph form takes them, as float32
 * `[batch, inputs]` with NaN for what is missing; it has one if no part reads text and all categories are numbers.
 *
 * Errors: no parts, no rows; a field that no training row has (one that some lack is missing there); a field that does not hold what its part takes (which row, which field), lists of different lengths.
 *
 * @example
 * const features = columns(
 *   numeric(['age', 'fare'], pipe(impute('median'), andThen(standardise()))),
 *   categorical(['town'], oneHot({ unknown: 'ignore' })),
 *   text('note', vectorize({ outputMode: 'tfIdf', maxTokens: 500 })),
 * );
 */
export const columns = <Ps extends readonly Part<never>[]>(...parts: Ps): Preprocessor<readonly RowOf<Ps>[], Table> =>
  preprocessor((train) => {
    const rows = train as Rows;
    if (parts.length === 0) return E.left(invalidOption('columns', 'parts', 'at least one', 0));
    if (rows.length === 0) return E.left(nothingToFit('columns', 'no rows came', 'give the rows of the training part'));
    return pipe(
      parts as readonly Part<never>[],
      E.traverseArray(({ kind, fields, preprocessor: own }) => {
        const shape = { kind, fields, widths: widthsOf(rows, fields) };
        return pipe(
          checkFields(rows, fields),
          E.chain(() => inputOf(rows, shape)),
          E.chain(own.fit),
          E.map((stage): FittedPart => ({ ...shape, stage: untyped(stage) })),
        );
      }),
      E.map((all) => columnsStage(all) as unknown as Fitted<readonly RowOf<Ps>[], Table>),
    );
  });

// -------------------------------------------------------------------------------------
// parallel
// -------------------------------------------------------------------------------------

export const parallelStage = (stages: readonly Untyped[]): Fitted<unknown, Table> => {
  const spec: ParallelSpec = { _tag: 'Parallel', stages: stages.map((s) => s.spec) };
  const [first] = stages;
  return {
    _tag: 'Fitted',
    spec,
    from: stages.find((s) => s.from !== undefined)?.from,
    to: 'table',
    inputs: first?.inputs,
    names: stages.flatMap((s) => s.names ?? stages.find((other) => other.inputs !== undefined)?.inputs ?? []),
    transform: (x) =>
      pipe(
        stages,
        E.traverseArray((s) => s.transform(x)),
        E.chain((tables) => beside(tables as readonly Table[])),
      ),
    inverse: noInverse('parallel', 'there are several ways back'),
    lower: pipe(
      stages,
      E.traverseArray((s) => s.lower),
      E.map(
        (all): Lowering =>
          (x) =>
            Op.concat(1)(all.map((f) => f(x))),
      ),
    ),
  };
};

/** The same data to several preprocessors, the results side by side. scikit-learn: `FeatureUnion`. Error: none given. */
export const parallel = <A>(...all: readonly Preprocessor<A, Table>[]): Preprocessor<A, Table> =>
  preprocessor((train) =>
    all.length === 0
      ? E.left(invalidOption('parallel', 'preprocessors', 'at least one', 0))
      : pipe(
          all,
          E.traverseArray((p) => p.fit(train)),
          E.map((stages) => parallelStage(stages.map(untyped)) as Fitted<A, Table>),
        ),
  );
