/**
 * Training and validation parts: one split, or k folds.
 *
 * Laws: the parts of a split, and the validation parts of the folds, hold every sample exactly once; the same seed
 * gives the same parts on every machine; no sample is in both parts of a split or fold.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { DataError } from './DataError.ts';
import { invalidArgument } from './DataError.ts';
import type { Dataset } from './Dataset.ts';
import { pick, shuffle, slice } from './Dataset.ts';
import { permutation } from './Random.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Split<X, Y> {
  readonly train: Dataset<X, Y>;
  readonly validation: Dataset<X, Y>;
}

export interface Fold<X, Y> extends Split<X, Y> {
  /** Counted from 0. */
  readonly index: number;
  /** Where the samples stand in the whole data set, ascending: for out-of-fold predictions. */
  readonly trainIndices: Int32Array;
  readonly validationIndices: Int32Array;
}

/** A seed shuffles; `shuffle: false` keeps the order, and then data sorted by class or by time give very unequal parts. */
export type FoldOptions =
  | { readonly seed: number; readonly shuffle?: true }
  | { readonly shuffle: false; readonly seed?: number };

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * Takes a share of the samples off for validation: the tail, before any shuffling, as Keras's `validation_split` does
 * (training gets the first `floor(size * (1 - validation))`). With a seed the samples are shuffled first: do so when they
 * are sorted in any way. Errors: the share is not between 0 and 1; a part would be empty.
 */
export const split =
  (options: { readonly validation: number; readonly seed?: number }) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Split<X, Y>> => {
    const { validation, seed } = options;
    if (!(validation > 0 && validation < 1)) {
      return E.left(
        invalidArgument('split: validation', validation, 'a share between 0 and 1, both exclusive', '0.2 is a fifth'),
      );
    }
    const at = Math.floor(self.size * (1 - validation));
    if (at === 0 || at === self.size) {
      return E.left(
        invalidArgument(
          'split: validation',
          validation,
          'a share that leaves both parts at least one sample',
          `of ${self.size} samples it leaves ${at} for training; take more samples or another share`,
        ),
      );
    }
    const ordered = seed === undefined ? self : shuffle({ seed })(self);
    return pipe(
      E.Do,
      E.bind('train', () => slice(0, at)(ordered)),
      E.bind('validation', () => slice(at, self.size)(ordered)),
    );
  };

/** Where each fold's validation part starts in the order, and the end: sizes differ by one at most, longer ones first. */
const bounds = (size: number, k: number): readonly number[] =>
  Array.from({ length: k + 1 }, (_, i) => i * Math.floor(size / k) + Math.min(i, size % k));

/** One fold, by the places of its parts. */
export const fold = <X, Y>(
  self: Dataset<X, Y>,
  index: number,
  trainIndices: Int32Array,
  validationIndices: Int32Array,
): Fold<X, Y> => ({
  index,
  trainIndices,
  validationIndices,
  // Copied when asked for: k folds of a large data set need not be in memory all at once.
  get train() {
    return pick(self, trainIndices);
  },
  get validation() {
    return pick(self, validationIndices);
  },
});

/**
 * k folds: each sample is in the validation part of exactly one, and in the training part of the others. Sizes and,
 * without shuffling, contents are those of scikit-learn's `KFold`; samples keep their order within a part. `train` and
 * `validation` are copied out each time they are read, so take them once (destructuring does).
 * Errors: `k` is not an integer from 2 to the size.
 *
 * @example
 * pipe(data, kFold(5, { seed: 42 }), E.map((folds) => folds.map(({ index, train, validation }) => ...)))
 */
export const kFold =
  (k: number, options: FoldOptions) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, readonly Fold<X, Y>[]> => {
    if (!(Number.isInteger(k) && k >= 2 && k <= self.size)) {
      return E.left(
        invalidArgument(
          'kFold: k',
          k,
          `an integer from 2 to ${self.size}`,
          `every fold needs a sample to validate on, and this data set has ${self.size}`,
        ),
      );
    }
    const order =
      options.shuffle === false
        ? Int32Array.from({ length: self.size }, (_, i) => i)
        : permutation(options.seed, self.size);
    const starts = bounds(self.size, k);
    const one = (index: number): Fold<X, Y> => {
      const [from = 0, to = self.size] = starts.slice(index, index + 2);
      const train = new Int32Array(self.size - (to - from));
      train.set(order.subarray(0, from));
      train.set(order.subarray(to), from);
      return fold(self, index, train.sort(), order.slice(from, to).sort());
    };
    return E.right(Array.from({ length: k }, (_, index) => one(index)));
  };
