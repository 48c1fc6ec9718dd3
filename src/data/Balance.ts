/**
 * Classes and groups in parts of a data set: splits that keep the share of each class or keep groups together, folds for several labels
 * a sample, and balance. Part of `Data.ts`; folds by one class or by group are in `Folds.ts`.
 *
 * Laws: the parts of a split hold every sample once; `undersample` and `oversample` leave the same number of each class; the same
 * seed gives the same on every machine.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { type DataError, invalidArgument } from './DataError.ts';
import { type Dataset, namedArrays, pick } from './Dataset.ts';
import { byValue, checkK, type Folding, foldsOf, labelsOf } from './Folds.ts';
import { derive, permutation } from './Random.ts';
import { rowWidth } from './Rows.ts';
import type { Split } from './Split.ts';

// -------------------------------------------------------------------------------------
// helpers
// -------------------------------------------------------------------------------------

type Labels = ArrayLike<number | string>;

const given = (who: string, labels: Labels, size: number): E.Either<DataError, Labels> =>
  labels.length === size
    ? E.right(labels)
    : E.left(
        invalidArgument(
          who,
          labels.length,
          `${size} of them, one for each sample`,
          'give them in the order of the data',
        ),
      );

/** Samples by class, each class in a random order. */
const classes = <X, Y>(
  who: string,
  self: Dataset<X, Y>,
  { seed, labels }: { readonly seed: number; readonly labels?: Labels },
): E.Either<DataError, readonly (readonly number[])[]> =>
  pipe(
    labels === undefined ? labelsOf(self, who) : given(`${who}: labels`, labels, self.size),
    E.map((all: Labels) =>
      byValue(all).map((members, c) =>
        Array.from(permutation(derive(seed, c), members.length), (i) => members[i] ?? 0),
      ),
    ),
  );

const ascending = (indices: readonly number[]): readonly number[] => [...indices].sort((a, b) => a - b);

const share = (who: string, validation: number): E.Either<DataError, number> =>
  validation > 0 && validation < 1
    ? E.right(validation)
    : E.left(
        invalidArgument(`${who}: validation`, validation, 'a share between 0 and 1, both exclusive', '0.2 is a fifth'),
      );

const parts = <X, Y>(who: string, self: Dataset<X, Y>, chosen: readonly number[]): E.Either<DataError, Split<X, Y>> => {
  const validation = new Set(chosen);
  const rest = Array.from({ length: self.size }, (_, i) => i).filter((i) => !validation.has(i));
  return chosen.length === 0 || rest.length === 0
    ? E.left(
        invalidArgument(
          `${who}: validation`,
          chosen.length / self.size,
          'a share that leaves both parts at least one sample',
          `of ${self.size} samples it leaves ${rest.length} for training; take more samples or another share`,
        ),
      )
    : E.right({ train: pick(self, rest), validation: pick(self, ascending(chosen)) });
};

// -------------------------------------------------------------------------------------
// splits
// -------------------------------------------------------------------------------------

/**
 * A split in which both parts have the same share of each class, to within a sample; samples keep their order. Classes are the targets
 * (labels, or one-hot rows), or `labels`. scikit-learn: `train_test_split(stratify=y)`.
 *
 * Errors: a share that is not between 0 and 1 or leaves a part empty; targets that are no classes; another number of labels than samples.
 */
export const stratifiedSplit =
  (options: { readonly validation: number; readonly seed: number; readonly labels?: Labels }) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Split<X, Y>> =>
    pipe(
      share('stratifiedSplit', options.validation),
      E.chain(() => classes('stratifiedSplit', self, options)),
      E.chain((all) => {
        // What is left over by rounding down goes to the classes that lost most.
        const ideal = all.map(({ length }) => length * options.validation);
        const counts = ideal.map(Math.floor);
        const missing = Math.round(self.size * options.validation) - counts.reduce((a, b) => a + b, 0);
        const byLoss = ideal
          .map((want, i) => ({ i, loss: want - Math.floor(want) }))
          .sort((a, b) => b.loss - a.loss || a.i - b.i);
        for (const { i } of byLoss.slice(0, Math.max(0, missing))) counts[i] = (counts[i] ?? 0) + 1;
        return parts(
          'stratifiedSplit',
          self,
          all.flatMap((members, i) => members.slice(0, counts[i] ?? 0)),
        );
      }),
    );

/**
 * A split that keeps the samples of a group (a patient, a speaker) together: groups in a random order go to the validation part until it has
 * its share. scikit-learn: GroupShuffleSplit. Errors: a share that is not between 0 and 1 or leaves a part empty; another number of groups than samples.
 */
export const groupSplit =
  (options: { readonly validation: number; readonly seed: number; readonly groups: Labels }) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Split<X, Y>> =>
    pipe(
      share('groupSplit', options.validation),
      E.chain(() => given('groupSplit: groups', options.groups, self.size)),
      E.chain((groups) => {
        const all = byValue(groups);
        const chosen: number[] = [];
        for (const g of permutation(options.seed, all.length)) {
          const members = all[g] ?? [];
          const wanted = self.size * options.validation;
          // Nearer with this group than without it.
          if (chosen.length + members.length - wanted <= wanted - chosen.length) chosen.push(...members);
        }
        return parts('groupSplit', self, chosen);
      }),
    );

// -------------------------------------------------------------------------------------
// several labels a sample
// -------------------------------------------------------------------------------------

/**
 * k folds for targets of several labels a sample (rows of zeros and ones), with about the same share of each label in all: iterative
 * stratification (Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", 2011), the rarest label first.
 *
 * Errors: `k` is not from 2 to the size; several targets; a number that is neither 0 nor 1.
 */
export const multiLabelKFold =
  (k: number, options: { readonly seed: number }): Folding =>
  (self) => {
    const [target, ...others] = Object.values(namedArrays(self.y));
    const wrong = target?.data.findIndex((v: number | bigint) => Number(v) !== 0 && Number(v) !== 1) ?? 0;
    if (target === undefined || others.length > 0 || wrong >= 0) {
      const value = target === undefined || others.length > 0 ? others.length + 1 : Number(target.data[wrong]);
      const mend = 'for one class each use stratifiedKFold';
      return E.left(invalidArgument('multiLabelKFold: targets', value, 'one target of zeros and ones', mend));
    }
    const width = rowWidth(target);
    return pipe(
      checkK('multiLabelKFold', k, self.size, 'samples'),
      E.map(() => {
        const has = (i: number, label: number): boolean => Number(target.data[i * width + label]) === 1;
        const left = new Set(permutation(options.seed, self.size));
        const counts = Array.from({ length: width }, (_, label) => [...left].filter((i) => has(i, label)).length);
        const wanted = counts.map((count) => new Array<number>(k).fill(count / k));
        const room = new Array<number>(k).fill(self.size / k);
        const foldOf = new Int32Array(self.size);
        const put = (i: number, fold: number): void => {
          foldOf[i] = fold;
          left.delete(i);
          room[fold] = (room[fold] ?? 0) - 1;
          wanted.forEach((of, label) => {
            if (!has(i, label)) return;
            of[fold] = (of[fold] ?? 0) - 1;
            counts[label] = (counts[label] ?? 0) - 1;
          });
        };
        /** The fold that wants this label most; of several the one with the most room. */
        const neediest = (want: readonly number[]): number => {
          let best = 0;
          for (let fold = 1; fold < k; fold++) {
            const more = (want[fold] ?? 0) - (want[best] ?? 0);
            if (more > 1e-9 || (more > -1e-9 && (room[fold] ?? 0) > (room[best] ?? 0) + 1e-9)) best = fold;
          }
          return best;
        };
        for (;;) {
          const rarest = counts.reduce(
            (best, count, label) => (count > 0 && (best < 0 || count < (counts[best] ?? 0)) ? label : best),
            -1,
          );
          if (rarest < 0) break;
          for (const i of [...left]) if (has(i, rarest)) put(i, neediest(wanted[rarest] ?? []));
        }
        for (const i of [...left]) put(i, neediest(room));
        return foldsOf(self, k, foldOf);
      }),
    );
  };

// -------------------------------------------------------------------------------------
// balance
// -------------------------------------------------------------------------------------

/**
 * As many samples of each class as the smallest has, drawn at random; in the order of the data. Only for training parts. imbalanced-learn:
 * RandomUnderSampler. Errors: targets that are no classes; another number of labels than samples.
 */
export const undersample =
  (options: { readonly seed: number; readonly labels?: Labels }) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> =>
    pipe(
      classes('undersample', self, options),
      E.map((all) => {
        const least = Math.min(...all.map(({ length }) => length));
        return pick(self, ascending(all.flatMap((members) => members.slice(0, least))));
      }),
    );

/**
 * As many samples of each class as the largest has: samples of smaller classes come again, all of them equally often to within one. Only for
 * training parts, after splitting: a sample in both parts would be known already. imbalanced-learn: RandomOverSampler. Errors: as `undersample`.
 */
export const oversample =
  (options: { readonly seed: number; readonly labels?: Labels }) =>
  <X, Y>(self: Dataset<X, Y>): E.Either<DataError, Dataset<X, Y>> =>
    pipe(
      classes('oversample', self, options),
      E.map((all) => {
        const most = Math.max(...all.map(({ length }) => length));
        return pick(
          self,
          ascending(all.flatMap((members) => Array.from({ length: most }, (_, i) => members[i % members.length] ?? 0))),
        );
      }),
    );

/**
 * A weight for each class so that all count the same: `size / (classes * count)`, for `fit`'s `classWeight`. scikit-learn:
 * `compute_class_weight('balanced')`.
 */
export const balancedWeights = (labels: ArrayLike<number>): Readonly<Record<number, number>> => {
  const all = byValue(labels);
  return Object.fromEntries(
    all.map((members) => [labels[members[0] ?? 0] ?? 0, labels.length / (all.length * members.length)]),
  );
};
