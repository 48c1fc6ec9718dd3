/**
 * Further ways to make folds: by class, by group, several times over. Part of `Data.ts`; plain folds are in `Split.ts`.
 *
 * Laws: the validation parts of the folds of one round hold every sample exactly once; no sample (and with groups: no group) is in
 * both parts of a fold; the same seed gives the same folds on every machine.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { type DataError, invalidArgument } from './DataError.ts';
import { type Dataset, namedArrays } from './Dataset.ts';
import { derive, permutation } from './Random.ts';
import { type Fold, fold } from './Split.ts';

/** From a data set to its folds: `kFold(5, { seed: 1 })` is one. */
export type Folding = <X, Y>(self: Dataset<X, Y>) => E.Either<DataError, readonly Fold<X, Y>[]>;

export const foldsOf = <X, Y>(self: Dataset<X, Y>, k: number, foldOf: ArrayLike<number>): readonly Fold<X, Y>[] =>
  Array.from({ length: k }, (_, index) => {
    const all = Array.from({ length: self.size }, (__, i) => i);
    const trainIndices = Int32Array.from(all.filter((i) => foldOf[i] !== index));
    const validationIndices = Int32Array.from(all.filter((i) => foldOf[i] === index));
    return fold(self, index, trainIndices, validationIndices);
  });

export const checkK = (name: string, k: number, most: number, of: string): E.Either<DataError, number> =>
  Number.isInteger(k) && k >= 2 && k <= most
    ? E.right(k)
    : E.left(invalidArgument(`${name}: k`, k, `an integer from 2 to ${most}`, `there are ${most} ${of}`));

/** Members of each class in a random order, dealt out to the folds one after the other. */
const deal = (classes: readonly (readonly number[])[], k: number, seed: number, size: number): Int32Array => {
  const foldOf = new Int32Array(size);
  let next = 0;
  classes.forEach((members, c) => {
    for (const at of permutation(derive(seed, c), members.length)) {
      foldOf[members[at] ?? 0] = next % k;
      next++;
    }
  });
  return foldOf;
};

export const byValue = <A>(values: ArrayLike<A>): readonly (readonly number[])[] => {
  const found = new Map<A, number[]>();
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as A;
    const members = found.get(value);
    if (members === undefined) found.set(value, [i]);
    else members.push(i);
  }
  return [...found.values()];
};

/** For this room's own modules: the class of each sample, its label or where the largest number of its row is. */
export const labelsOf = <X, Y>(
  self: Dataset<X, Y>,
  who = 'stratifiedKFold',
): E.Either<DataError, ArrayLike<number>> => {
  const [target, ...others] = Object.values(namedArrays(self.y));
  const width = target === undefined ? 0 : target.data.length / self.size;
  if (target === undefined || others.length > 0 || target.shape.length > 2)
    return E.left(
      invalidArgument(
        `${who}: targets`,
        others.length + 1,
        'one target with one class for each sample: labels, or rows with one number for each class',
        'give the classes: { labels }',
      ),
    );
  const { data } = target;
  return E.right(
    Array.from({ length: self.size }, (_, i) => {
      if (width === 1) return Number(data[i]);
      let best = 0;
      for (let j = 1; j < width; j++) if (Number(data[i * width + j]) > Number(data[i * width + best])) best = j;
      return best;
    }),
  );
};

/**
 * k folds with the same share of each class in all of them, to within a sample. Classes are the targets (labels, yes or no, one-hot
 * rows), or `labels`. scikit-learn: StratifiedKFold(shuffle=True). Errors: `k` is not from 2 to the size, targets that are no
 * classes, another number of labels than samples.
 */
export const stratifiedKFold =
  (k: number, options: { readonly seed: number; readonly labels?: ArrayLike<number | string> }): Folding =>
  (self) =>
    pipe(
      checkK('stratifiedKFold', k, self.size, 'samples'),
      E.chain(
        (): E.Either<DataError, ArrayLike<number | string>> =>
          options.labels === undefined
            ? labelsOf(self)
            : options.labels.length === self.size
              ? E.right(options.labels)
              : E.left(
                  invalidArgument(
                    'stratifiedKFold: labels',
                    options.labels.length,
                    `${self.size} labels, one for each sample`,
                    'give one for each sample, in the order of the data',
                  ),
                ),
      ),
      E.map((labels) => foldsOf(self, k, deal(byValue(labels), k, options.seed, self.size))),
    );

/**
 * k folds that keep the samples of a group (a patient, a speaker, a document) together, of sizes as equal as that allows: each group,
 * the largest first, goes to the fold with the fewest samples. Of groups of one size the seed decides the order.
 * scikit-learn: GroupKFold. Errors: fewer groups than folds, another number of groups than samples.
 */
export const groupKFold =
  (k: number, groups: ArrayLike<number | string>, options: { readonly seed: number }): Folding =>
  (self) => {
    if (groups.length !== self.size)
      return E.left(
        invalidArgument(
          'groupKFold: groups',
          groups.length,
          `${self.size} names of groups, one for each sample`,
          'give one for each sample, in the order of the data',
        ),
      );
    const all = byValue(groups);
    return pipe(
      checkK('groupKFold', k, all.length, 'groups'),
      E.map(() => {
        const order = Array.from(permutation(options.seed, all.length), (i) => all[i] ?? []).sort(
          (a, b) => b.length - a.length,
        );
        const sizes = new Array<number>(k).fill(0);
        const foldOf = new Int32Array(self.size);
        for (const members of order) {
          const least = sizes.indexOf(Math.min(...sizes));
          sizes[least] = (sizes[least] ?? 0) + members.length;
          for (const i of members) foldOf[i] = least;
        }
        return foldsOf(self, k, foldOf);
      }),
    );
  };

const renumbered = <X, Y>(fold: Fold<X, Y>, index: number): Fold<X, Y> => ({
  index,
  trainIndices: fold.trainIndices,
  validationIndices: fold.validationIndices,
  get train() {
    return fold.train;
  },
  get validation() {
    return fold.validation;
  },
});

/**
 * The same kind of folds several times over, each round with a seed of its own; they are counted through. scikit-learn: RepeatedKFold,
 * RepeatedStratifiedKFold.
 *
 * @example
 * repeatedFolds(3, 42, (seed) => kFold(5, { seed })) // 15 folds
 */
export const repeatedFolds =
  (times: number, seed: number, folding: (seed: number) => Folding): Folding =>
  <X, Y>(self: Dataset<X, Y>) =>
    Number.isInteger(times) && times > 0
      ? pipe(
          Array.from({ length: times }, (_, i) => derive(seed, i)),
          E.traverseArray((own) => folding(own)(self)),
          E.map((rounds): readonly Fold<X, Y>[] => rounds.flat().map(renumbered)),
        )
      : E.left(invalidArgument('repeatedFolds: times', times, 'a positive integer', 'it is the number of rounds'));
