/**
 * Preprocessors: what is to be learned from training data, before there are any.
 *
 * A `Preprocessor<A, B>` gives a `Fitted<A, B>` for the batch that `fit` is shown, and nothing else is ever shown to it: what is
 * fitted on the training part of a split knows nothing of the rest (see `CrossFit`). scikit-learn: an estimator before `fit`.
 *
 * Laws: `andThen` is associative and `pass` is its unit, up to the fitted specs; `fit` of the same data gives the same spec.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Fitted } from './Fitted.ts';
import { compose, identity } from './Fitted.ts';
import type { PreprocessError } from './PreprocessError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Preprocessor<A, B> {
  readonly _tag: 'Preprocessor';
  readonly fit: (train: A) => E.Either<PreprocessError, Fitted<A, B>>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** A preprocessor of your own, from how it is fitted. */
export const preprocessor = <A, B>(fit: (train: A) => E.Either<PreprocessError, Fitted<A, B>>): Preprocessor<A, B> => ({
  _tag: 'Preprocessor',
  fit,
});

/** Learns nothing and changes nothing. */
export const pass = <A>(): Preprocessor<A, A> => preprocessor(() => E.right(identity<A>()));

/** One that was fitted already. */
export const fitted = <A, B>(value: Fitted<A, B>): Preprocessor<A, B> => preprocessor(() => E.right(value));

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * First this, then that, which is fitted on what the first makes of the training data. scikit-learn: `Pipeline`.
 *
 * @example
 * pipe(impute('median'), andThen(standardise()))
 */
export const andThen =
  <B, C>(next: Preprocessor<B, C>) =>
  <A>(self: Preprocessor<A, B>): Preprocessor<A, C> =>
    preprocessor((train) =>
      pipe(
        E.Do,
        E.bind('first', () => self.fit(train)),
        E.bind('seen', ({ first }) => first.transform(train)),
        E.bind('second', ({ seen }) => next.fit(seen)),
        E.map(({ first, second }) => compose(second)(first)),
      ),
    );

/** Learns from the training data. `pipe(train, fit(p))`. */
export const fit =
  <A, B>(self: Preprocessor<A, B>) =>
  <T extends A>(train: T): E.Either<PreprocessError, Fitted<A, B>> =>
    self.fit(train);
