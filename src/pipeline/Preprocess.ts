/**
 * Fitted preprocessing as a stage: elements are transformed a batch at a time, and come out as arrays of a declared shape.
 *
 * An element that the preprocessor refuses (an unknown category, a missing number) fails alone.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import type { Fitted, Untyped } from '../data/preprocess/Fitted.ts';
import { untyped, widthOf } from '../data/preprocess/Fitted.ts';
import { type PreprocessError, unsupported } from '../data/preprocess/PreprocessError.ts';
import { fromArray, type Table, table, toArray, toRows } from '../data/preprocess/Table.ts';
import { concat, between as rowsBetween } from '../data/Rows.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyShape, Int } from '../shape/Shape.ts';
import { dims, isInt, show } from '../shape/Shape.ts';
import { make, type Pipeline } from './Arrow.ts';
import * as Border from './Border.ts';
import { type ShapeMismatch, shapeMismatch } from './PipelineError.ts';
import { mismatch } from './Samples.ts';
import * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One of a batch: a row of numbers of a table, a record of rows, a text of texts, a sample of an array. */
export type ElementOf<Batch> = Batch extends Table
  ? readonly number[]
  : Batch extends NdArray<infer _S>
    ? NdArray
    : Batch extends readonly (infer X)[]
      ? X
      : never;

/** What a table's rows become: numbers, or integers for what a model looks up. */
export type RowShape = readonly [number] | Int<readonly [number]>;

// -------------------------------------------------------------------------------------
// batches
// -------------------------------------------------------------------------------------

type Made = E.Either<PreprocessError, readonly NdArray[]>;

/** The batch as one; if that is refused, each element alone, so that one does not fail the others. */
export const isolating =
  <A, Err, B>(f: (as: readonly A[]) => E.Either<Err, readonly B[]>) =>
  (as: readonly A[]): readonly E.Either<Err, B>[] =>
    pipe(
      f(as),
      E.match(
        (error): readonly E.Either<Err, B>[] =>
          as.length === 1 ? [E.left(error)] : as.flatMap((a) => isolating(f)([a])),
        (bs) => bs.map((b) => E.right(b)),
      ),
    );

const tableOf =
  (fitted: Untyped) =>
  (elements: readonly unknown[]): E.Either<PreprocessError, unknown> => {
    switch (fitted.from) {
      case 'table':
        return table(elements as readonly (readonly number[])[], fitted.inputs);
      case 'array':
        return E.right(concat((elements as readonly NdArray[]).map((a) => ({ ...a, shape: [1, ...a.shape] }))));
      default:
        return E.right(elements);
    }
  };

const integers = (array: NdArray): E.Either<PreprocessError, NdArray> => {
  const odd = array.data.find((x) => !Number.isInteger(x));
  return odd === undefined
    ? E.right({ dtype: 'int32', shape: array.shape, data: Int32Array.from(array.data as Float32Array) })
    : E.left(unsupported('preprocess', `gave ${odd} where integers were declared`, 'declare floats: [n] for int([n])'));
};

const samplesOf = (array: NdArray): readonly NdArray[] =>
  Array.from({ length: array.shape[0] ?? 0 }, (_, i) => {
    const { dtype, shape, data } = rowsBetween(array, i, i + 1);
    return { dtype, shape: shape.slice(1), data };
  });

const arraysOf =
  (shape: AnyShape) =>
  (batch: unknown): Made => {
    const result = batch as Table | NdArray;
    return pipe(
      '_tag' in result ? toArray(result.names.length)(result) : E.right(result),
      E.chain((array) => (isInt(shape) && array.dtype !== 'int32' ? integers(array) : E.right(array))),
      E.map(samplesOf),
    );
  };

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const declared = (fitted: Untyped, shape: AnyShape): readonly string[] => {
  const width = widthOf(fitted);
  const [size] = dims(shape);
  const elements = ['rows', 'texts', 'table', 'array'].includes(fitted.from ?? '');
  const results = fitted.to === 'table' || fitted.to === 'array';
  return [
    ...(elements ? [] : [`preprocess: expected one from rows, texts, table or array, got one from ${fitted.from}`]),
    ...(results ? [] : [`preprocess: expected one to table or array, got one to ${fitted.to}`]),
    ...(fitted.to === 'table' && width !== size
      ? [`preprocess: ${show(shape)} was declared, but the fitted preprocessor gives ${width} columns`]
      : []),
  ];
};

/**
 * A fitted preprocessor, and the shape of what it makes of one element: `[7]`, `int([20])` for tokens, any shape where it goes from
 * arrays to arrays. The shape is checked against the number of columns when the pipeline is opened.
 *
 * @example
 * P.preprocess(fitted, [7])   // Fitted<readonly Passenger[], Table>: Pipeline<unknown, ..., Passenger, NdArray<[7]>>
 */
export const preprocess = <A, B extends Table | NdArray<unknown>, const S extends AnyShape>(
  fitted: Fitted<A, B>,
  shape: S,
): Pipeline<unknown, PreprocessError | ShapeMismatch, ElementOf<A>, NdArray<S>> => {
  const stage = untyped(fitted);
  const settings = { fitted: stage.spec, from: stage.from, to: stage.to, shape };
  const transform = (elements: readonly unknown[]): Made =>
    pipe(tableOf(stage)(elements), E.chain(stage.transform), E.chain(arraysOf(shape)));
  const checked = (a: NdArray): E.Either<PreprocessError | ShapeMismatch, NdArray<S>> => {
    const wrong = mismatch(shape, a);
    return wrong === undefined ? E.right(a as NdArray<S>) : E.left(shapeMismatch('preprocess', show(shape), wrong));
  };
  return make(
    Stage.data('Preprocess', settings),
    { from: Border.anything, to: Border.array(shape) },
    () =>
      TE.right({
        run: (elements: readonly ElementOf<A>[]) => async () =>
          isolating(transform)(elements).map(
            (r): E.Either<PreprocessError | ShapeMismatch, NdArray<S>> => (E.isLeft(r) ? r : checked(r.right)),
          ),
        close: async () => undefined,
      }),
    declared(stage, shape),
  );
};

/**
 * Back to what was before a fitted preprocessor, where it has an inverse: a model's standardised prediction in its own units.
 *
 * @example
 * P.inverse(prices, [1])   // Fitted<Table, Table>: NdArray<[1]> -> readonly number[]
 */
export const inverse = <A, const S extends readonly [number]>(
  fitted: Fitted<A, Table>,
  shape: S,
): Pipeline<unknown, PreprocessError | ShapeMismatch, NdArray<S>, ElementOf<A>> => {
  const stage = untyped(fitted);
  const back = ([array]: readonly NdArray<S>[]): E.Either<PreprocessError | ShapeMismatch, readonly ElementOf<A>[]> => {
    const given = array as NdArray;
    const wrong = mismatch(shape, given);
    if (wrong !== undefined) return E.left(shapeMismatch('inverse', show(shape), wrong));
    return pipe(
      fromArray({ ...given, shape: [1, ...given.shape] }, stage.names),
      E.bindTo('table'),
      E.bind('invert', () => stage.inverse),
      E.chain(({ table: t, invert }) => invert(t)),
      E.map((before) => (stage.from === 'table' ? toRows(before as Table) : before) as readonly ElementOf<A>[]),
    );
  };
  const width = widthOf(stage);
  const problems = [
    ...(E.isLeft(stage.inverse) ? [`inverse: ${stage.inverse.left.message}`] : []),
    ...(stage.from === 'table' || stage.from === 'rows'
      ? []
      : [`inverse: expected a preprocessor from table or rows, got one from ${stage.from}`]),
    ...(width === shape[0]
      ? []
      : [`inverse: ${show(shape)} was declared, but the fitted preprocessor has ${width} columns`]),
  ];
  return make(
    Stage.data('Inverse', { fitted: stage.spec, from: stage.from, shape }),
    { from: Border.array(shape), to: Border.anything },
    () =>
      TE.right({
        run: (as: readonly NdArray<S>[]) => async () => as.flatMap((a) => isolating(back)([a])),
        close: async () => undefined,
      }),
    problems,
  );
};
