/**
 * What the stages from tables to tables have in common: names, widths, and how a spec is read.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { Value } from '../../graph/Graph.ts';
import { operator, valueType } from '../../graph/Graph.ts';
import * as Op from '../../graph/Operators.ts';
import type { Fitted, Lowering, Spec, Untyped } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import { nothingToFit, widthMismatch } from './PreprocessError.ts';
import type { Cells, Table } from './Table.ts';
import { sorted } from './Table.ts';

// -------------------------------------------------------------------------------------
// stages of tables
// -------------------------------------------------------------------------------------

type Step<A, B> = (a: A) => E.Either<PreprocessError, B>;

export interface TableStage<S extends Spec> {
  /** As it stands in messages. */
  readonly name: string;
  readonly spec: S;
  readonly inputs: readonly string[];
  /** The inputs' by default. */
  readonly names?: readonly string[];
  readonly transform: Step<Table, Table>;
  readonly inverse: E.Either<PreprocessError, Step<Table, Table>>;
  readonly lower: E.Either<PreprocessError, Lowering>;
}

const sized =
  <T extends Table | Cells, B>(name: string, expected: number, f: Step<T, B>): Step<T, B> =>
  (x) =>
    x.names.length === expected ? f(x) : E.left(widthMismatch(name, expected, x.names.length));

/** A stage from a table to a table; the number of columns is checked before it sees them. */
export const tableStage = <S extends Spec>(stage: TableStage<S>): Fitted<Table, Table> => {
  const { name, spec, inputs, names = inputs } = stage;
  return {
    _tag: 'Fitted',
    spec,
    from: 'table',
    to: 'table',
    inputs,
    names,
    transform: sized(name, inputs.length, stage.transform),
    inverse: pipe(
      stage.inverse,
      E.map((back) => sized(name, names.length, back)),
    ),
    lower: stage.lower,
  };
};

export interface CellsStage<S extends Spec> {
  readonly name: string;
  readonly spec: S;
  readonly inputs: readonly string[];
  readonly names: readonly string[];
  readonly transform: Step<Cells, Table>;
  readonly inverse: E.Either<PreprocessError, Step<Table, Cells>>;
  readonly lower: E.Either<PreprocessError, Lowering>;
}

/** A stage from columns of categories to a table. */
export const cellsStage = <S extends Spec>(stage: CellsStage<S>): Fitted<Cells, Table> => {
  const { name, spec, inputs, names } = stage;
  return {
    _tag: 'Fitted',
    spec,
    from: 'cells',
    to: 'table',
    inputs,
    names,
    transform: sized(name, inputs.length, stage.transform),
    inverse: pipe(
      stage.inverse,
      E.map((back) => sized(name, names.length, back)),
    ),
    lower: stage.lower,
  };
};

/** The numbers of each column in order, without those that are missing. Error: a column that has none. */
export const sortedColumns =
  (stage: string) =>
  (train: Table): E.Either<PreprocessError, readonly Float64Array[]> =>
    pipe(
      train.names,
      E.traverseArrayWithIndex((j, name) => {
        const values = sorted(train, j);
        return values.length > 0
          ? E.right(values)
          : E.left(
              nothingToFit(
                stage,
                `column ${JSON.stringify(name)} has no number`,
                'leave the column out, or fill it before',
              ),
            );
      }),
    );

/** The part `q` of 0 to 1 of sorted numbers, between two by straight line: numpy's `percentile`. */
export const quantile = (ascending: ArrayLike<number>, q: number): number => {
  const at = q * (ascending.length - 1);
  const low = Math.floor(at);
  const [a = 0, b = a] = [ascending[low], ascending[low + 1]];
  const part = at - low;
  // From the nearer end, as numpy does: the last digits decide whether a number is on a knot.
  return part === 0 ? a : part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
};

/** A number for each column, as a row that broadcasts over samples. */
export const rowOf = (values: readonly number[]): Value => Op.tensor(values, [1, values.length], 'float32');

/** Where numbers are missing. */
export const missingIn = (x: Value): Value =>
  operator('IsNaN', [x], [valueType('bool', x.type.shape)])[0] ?? Op.not(Op.equal(x, x));

// -------------------------------------------------------------------------------------
// specs as JSON
// -------------------------------------------------------------------------------------

export const finite: t.Type<number, number, unknown> = new t.Type(
  'a finite number',
  (u): u is number => typeof u === 'number' && Number.isFinite(u),
  (u, c) => (typeof u === 'number' && Number.isFinite(u) ? t.success(u) : t.failure(u, c, 'expected a finite number')),
  t.identity,
);

export const numbers = t.readonlyArray(finite, 'numbers');
export const strings = t.readonlyArray(t.string, 'strings');
export const cell = t.union([t.string, finite, t.boolean, t.null], 'a category');

/** A table has at most so many columns: more in a file is a mistake, or would fill the memory. */
export const mostColumns = 2 ** 20;

/** Whether it is a possible number of columns. */
export const isWidth = (n: number): boolean => Number.isInteger(n) && n > 0 && n <= mostColumns;

/** How a spec of one tag is read: its codec, what must hold besides, and the stage it makes. */
export interface Reader {
  readonly tag: string;
  readonly read: (u: unknown, c: t.Context) => E.Either<t.Errors, Untyped>;
}

/** A reader from a codec and a constructor; `sound` says what is wrong with a spec that has the right fields. */
export const reader = <S extends Spec>(
  tag: S['_tag'],
  codec: t.Decoder<unknown, S>,
  make: (spec: S) => Untyped,
  sound: (spec: S) => string | undefined = () => undefined,
): Reader => ({
  tag,
  read: (u, c) =>
    pipe(
      codec.validate(u, c),
      E.chain((spec) => {
        const fault = sound(spec);
        return fault === undefined ? E.right(make(spec)) : t.failure<Untyped>(u, c, fault);
      }),
    ),
});
