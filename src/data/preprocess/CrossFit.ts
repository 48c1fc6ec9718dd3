/**
 * Preprocessing in a cross-validation, without leaks: each fold's is fitted on its training part alone. There is no way here to
 * fit on more: `fit` is given the training part, and the validation part is only ever transformed.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { NdArray } from '../../shape/NdArray.ts';
import type { Shape } from '../../shape/Shape.ts';
import type { DataError } from '../DataError.ts';
import type { Dataset } from '../Dataset.ts';
import { dataset, inputOf, namedArrays } from '../Dataset.ts';
import type { Folding } from '../Folds.ts';
import { ints } from '../Samples.ts';
import type { Fold, Split } from '../Split.ts';
import type { Fitted } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';
import type { Preprocessor } from './Preprocessor.ts';
import type { Table } from './Table.ts';
import { fromArray, toArray } from './Table.ts';

// -------------------------------------------------------------------------------------
// rows
// -------------------------------------------------------------------------------------

/** A fold of rows, as indices into them, and what was fitted to its training part. */
export interface CrossFitted<R, B> {
  readonly index: number;
  readonly trainIndices: Int32Array;
  readonly validationIndices: Int32Array;
  readonly fitted: Fitted<readonly R[], B>;
  readonly train: B;
  readonly validation: B;
}

/**
 * For each fold the preprocessor fitted on the fold's training rows, and both parts transformed by it. `folding` is any that data sets
 * have: `kFold(5, { seed })`, `groupKFold(5, groups, { seed })`; `stratifiedKFold` needs `labels`, as rows have no targets.
 *
 * @example
 * pipe(rows, crossFit(features, D.kFold(5, { seed: 1 })))
 */
export const crossFit =
  <A, B>(preprocessor: Preprocessor<readonly A[], B>, folding: Folding) =>
  <R extends A>(rows: readonly R[]): E.Either<DataError | PreprocessError, readonly CrossFitted<A, B>[]> => {
    const order = ints(
      [],
      rows.map((_, i) => i),
    );
    const pick = (indices: Int32Array): readonly R[] => Array.from(indices, (i) => rows[i] as R);
    return pipe(
      dataset({ x: order, y: order }),
      E.chainW(folding),
      E.chainW(
        E.traverseArray(
          ({ index, trainIndices, validationIndices }): E.Either<DataError | PreprocessError, CrossFitted<A, B>> => {
            const seen = pick(trainIndices);
            return pipe(
              E.Do,
              E.bind('fitted', () => preprocessor.fit(seen)),
              E.bind('train', ({ fitted }) => fitted.transform(seen)),
              E.bind('validation', ({ fitted }) => fitted.transform(pick(validationIndices))),
              E.map((parts) => ({ index, trainIndices, validationIndices, ...parts })),
            );
          },
        ),
      ),
    );
  };

// -------------------------------------------------------------------------------------
// data sets
// -------------------------------------------------------------------------------------

type Wide<W extends number, Y> = Dataset<[W], Y>;

/** The data set with its features transformed; `width` is how many come out, and is checked. */
export const onDataset =
  <const W extends number>(fitted: Fitted<Table, Table>, width: W) =>
  <S extends Shape, Y>(self: Dataset<S, Y>): E.Either<PreprocessError, Wide<W, Y>> =>
    pipe(
      fromArray(inputOf(self), fitted.inputs),
      E.chain(fitted.transform),
      E.chain(toArray(width)),
      E.map((x: NdArray) => ({ _tag: 'Dataset', x: x as Wide<W, Y>['x'], y: self.y, size: self.size })),
    );

/**
 * Both parts of a split or fold transformed by what is fitted on the training part: `[features]` to `[width]`.
 * Errors: another width; those of the preprocessor.
 *
 * @example
 * pipe(data, D.kFold(5, { seed: 1 }), E.chainW(E.traverseArray(onSplit(pca({ components: 10 }), 10))))
 */
export const onSplit =
  <const W extends number>(preprocessor: Preprocessor<Table, Table>, width: W) =>
  <S extends Shape, Y>(
    split: Split<S, Y>,
  ): E.Either<PreprocessError, Split<[W], Y> & { readonly fitted: Fitted<Table, Table> }> => {
    const { train, validation } = split;
    return pipe(
      E.Do,
      E.bind('fitted', () => pipe(fromArray(inputOf(train)), E.chain(preprocessor.fit))),
      E.bind('train', ({ fitted }) => onDataset(fitted, width)(train)),
      E.bind('validation', ({ fitted }) => onDataset(fitted, width)(validation)),
    );
  };

/** As `onSplit`, with the fold's indices. */
export const onFold =
  <const W extends number>(preprocessor: Preprocessor<Table, Table>, width: W) =>
  <S extends Shape, Y>(
    fold: Fold<S, Y>,
  ): E.Either<PreprocessError, Fold<[W], Y> & { readonly fitted: Fitted<Table, Table> }> =>
    pipe(
      onSplit(preprocessor, width)(fold),
      E.map(({ fitted, train, validation }) => ({
        index: fold.index,
        trainIndices: fold.trainIndices,
        validationIndices: fold.validationIndices,
        fitted,
        train,
        validation,
      })),
    );

/** For callers with several inputs: each named array of a data set as a table. Error: one that is not `[samples, features]`. */
export const tablesOf = <X, Y>(self: Dataset<X, Y>): E.Either<PreprocessError, Readonly<Record<string, Table>>> =>
  pipe(
    Object.entries(namedArrays(self.x)),
    E.traverseArray(([name, array]) =>
      pipe(
        fromArray(array),
        E.map((t) => [name, t] as const),
      ),
    ),
    E.map((all) => Object.fromEntries(all)),
  );
