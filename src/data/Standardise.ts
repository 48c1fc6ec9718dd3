/**
 * Standardisation: each feature to mean 0 and deviation 1, as measured on the TRAINING part alone (measured on all
 * samples, the validation part would tell something about itself).
 *
 * A feature is one number of a sample of rank 1 (`[875]`: 875 features), one channel of a sample of rank 3 or more
 * (`[3, 32, 32]`: 3 features), one number of the last axis otherwise (`[seq, 16]`: 16 features): the axis that
 * `batchNormalization` takes. Keras's equivalent is `Normalization`, scikit-learn's `StandardScaler`.
 *
 * Deviations are population ones (divided by n). A constant feature gets scale 1, as in scikit-learn, so it becomes 0
 * and a validation value that differs stays within reason; Keras divides by 1e-7 there.
 *
 * Laws: after `apply(fit(d))(d)` every feature has mean 0, and deviation 1 or, if constant, 0; `invert` undoes
 * `applyTo` up to rounding; the codec round-trips.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { Shape } from '../shape/Shape.ts';
import { show } from '../shape/Shape.ts';
import type { DataError } from './DataError.ts';
import { shapeMismatch } from './DataError.ts';
import type { Dataset } from './Dataset.ts';
import { inputOf, withX } from './Dataset.ts';
import type { Fold } from './Split.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One entry for each feature. Scales are positive. */
export interface Standardisation {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

/** How the elements of one sample lie along the feature axis: element `i` belongs to feature `(i / inner) % features`. */
interface Layout {
  readonly features: number;
  readonly inner: number;
}

const layout = (array: NdArray<unknown>): Layout => {
  const sample = array.shape.slice(1);
  const axis = sample.length >= 3 ? 0 : sample.length - 1;
  return { features: sample[axis] ?? 1, inner: sample.slice(axis + 1).reduce((a, b) => a * b, 1) };
};

const featureOf = ({ features, inner }: Layout, i: number): number => Math.floor(i / inner) % features;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Sums `f` of every number into its feature, in float64. */
const sums = (array: NdArray, at: Layout, f: (x: number, feature: number) => number): Float64Array => {
  const totals = new Float64Array(at.features);
  for (let i = 0; i < array.data.length; i++) {
    const feature = featureOf(at, i);
    totals[feature] = (totals[feature] ?? 0) + f(Number(array.data[i]), feature);
  }
  return totals;
};

/** Which features have one value throughout. */
const constants = (array: NdArray, at: Layout): readonly boolean[] => {
  const same = Array.from({ length: at.features }, () => true);
  for (let i = 0; i < array.data.length; i++) {
    const feature = featureOf(at, i);
    if (array.data[i] !== array.data[feature * at.inner]) same[feature] = false;
  }
  return same;
};

/**
 * Means and deviations of the inputs of `train`.
 *
 * @example
 * const s = standardise.fit(train);
 * pipe(validation, standardise.apply(s))
 */
export const fit = <S extends Shape, Y>(train: Dataset<S, Y>): Standardisation => {
  const array = inputOf(train);
  const at = layout(array);
  const n = array.data.length / at.features;
  const mean = Array.from(
    sums(array, at, (x) => x),
    (total) => total / n,
  );
  const squares = sums(array, at, (x, feature) => (x - (mean[feature] ?? 0)) ** 2);
  const constant = constants(array, at);
  return {
    mean,
    // A deviation below the smallest float64 is as good as none.
    scale: Array.from(squares, (total, feature) => (constant[feature] ? 1 : Math.sqrt(total / n) || 1)),
  };
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

const mapNumbers =
  (s: Standardisation, f: (x: number, mean: number, scale: number) => number) =>
  <S>(array: NdArray<S>): E.Either<DataError, NdArray<S>> => {
    const at = layout(array);
    if (at.features !== s.mean.length || at.features !== s.scale.length) {
      return E.left(
        shapeMismatch(
          'standardise',
          `samples with ${s.mean.length} features`,
          `samples of shape ${show(array.shape.slice(1))} with ${at.features}`,
          'apply it to data of the shape that it was fitted on',
        ),
      );
    }
    const data = new Float32Array(array.data.length);
    for (let i = 0; i < data.length; i++) {
      const feature = featureOf(at, i);
      data[i] = f(Number(array.data[i]), s.mean[feature] ?? 0, s.scale[feature] ?? 1);
    }
    return E.right({ dtype: 'float32', shape: array.shape, data });
  };

/** `(x - mean) / scale` on an array with the samples on axis 0: for what goes into `predict`. Bytes become float32. */
export const applyTo = (s: Standardisation): (<S>(array: NdArray<S>) => E.Either<DataError, NdArray<S>>) =>
  mapNumbers(s, (x, mean, scale) => (x - mean) / scale);

/** `x * scale + mean`: back to the units of the data. */
export const invert = (s: Standardisation): (<S>(array: NdArray<S>) => E.Either<DataError, NdArray<S>>) =>
  mapNumbers(s, (x, mean, scale) => x * scale + mean);

/** The data set with standardised inputs. Error: another number of features than it was fitted on. */
export const apply =
  (s: Standardisation) =>
  <S extends Shape, Y>(self: Dataset<S, Y>): E.Either<DataError, Dataset<S, Y>> =>
    pipe(
      applyTo(s)(inputOf(self)),
      E.chain((x) => withX(self, x)),
    );

/** The fold with both parts standardised, fitted on its training part. */
export const standardiseFold = <S extends Shape, Y>(fold: Fold<S, Y>): E.Either<DataError, Fold<S, Y>> => {
  const { index, train, validation, trainIndices, validationIndices } = fold;
  const go = apply(fit(train));
  return pipe(
    E.Do,
    E.bind('train', () => go(train)),
    E.bind('validation', () => go(validation)),
    E.map((parts) => ({ index, trainIndices, validationIndices, ...parts })),
  );
};

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

const Fields = t.type({ mean: t.readonlyArray(t.number), scale: t.readonlyArray(t.number) });

const isSound = ({ mean, scale }: Standardisation): boolean =>
  mean.length === scale.length && mean.every(Number.isFinite) && scale.every((x) => Number.isFinite(x) && x > 0);

/** To keep the fitted value beside the model, as JSON. Refuses lists of different lengths and scales that are not positive. */
export const codec: t.Type<Standardisation, Standardisation, unknown> = new t.Type(
  'Standardisation',
  (u): u is Standardisation => Fields.is(u) && isSound(u),
  (u, c) =>
    pipe(
      Fields.validate(u, c),
      E.chain((s) =>
        isSound(s) ? t.success(s) : t.failure(u, c, 'expected as many finite means as positive finite scales'),
      ),
    ),
  t.identity,
);
