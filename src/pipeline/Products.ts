/**
 * Pipelines beside each other: on the components of a pair, the sides of an `Either`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { arr, compose, type Ends, make, type Opened, type Pipeline, within } from './Arrow.ts';
import * as Border from './Border.ts';
import * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// pairs
// -------------------------------------------------------------------------------------

const anything = Border.anything;

/** On the first component; the second stays as it is. */
export const first =
  <C>() =>
  <R, E, A, B>(self: Pipeline<R, E, A, B>): Pipeline<R, E, [A, C], [B, C]> =>
    within(
      (of) => Stage.composite('First', of),
      ({ from, to }: Ends) => ({ from: Border.pair(from, anything), to: Border.pair(to, anything) }),
      ([a]: [A, C]) => a,
      ([, c], b: B): [B, C] => [b, c],
    )(self);

/** On the second component. */
export const second =
  <C>() =>
  <R, E, A, B>(self: Pipeline<R, E, A, B>): Pipeline<R, E, [C, A], [C, B]> =>
    within(
      (of) => Stage.composite('Second', of),
      ({ from, to }: Ends) => ({ from: Border.pair(anything, from), to: Border.pair(anything, to) }),
      ([, a]: [C, A]) => a,
      ([c], b: B): [C, B] => [c, b],
    )(self);

/** The same arrow, known as what it was made of. */
export const known = <R, E, A, B>(
  stage: Stage.Stage,
  { from, to }: Ends,
  self: Pipeline<R, E, A, B>,
): Pipeline<R, E, A, B> => ({ ...self, stage, from, to });

/** Each component through a pipeline of its own: `***`. The first runs first; where it fails the second does not run. */
export const split = <R1, E1, A, B, R2, E2, C, D>(
  f: Pipeline<R1, E1, A, B>,
  g: Pipeline<R2, E2, C, D>,
): Pipeline<R1 & R2, E1 | E2, [A, C], [B, D]> =>
  known(
    Stage.composite('Split', f.stage, g.stage),
    { from: Border.pair(f.from, g.from), to: Border.pair(f.to, g.to) },
    compose(first<C>()(f))(second<B>()(g)),
  );

export const common = (...borders: readonly Border.AnyBorder[]): Border.AnyBorder =>
  borders.find((b) => b._tag !== 'Anything') ?? anything;

export const disagreeing = (what: string, borders: readonly Border.AnyBorder[]): readonly string[] => {
  const shared = common(...borders);
  return borders.every((b) => Border.fits(shared, b))
    ? []
    : [`${what}: the pipelines take different things: ${borders.map(Border.show).join(', ')}`];
};

/** Both from the same element: `&&&`. */
export const fanout = <R1, E1, A, B, R2, E2, C>(
  f: Pipeline<R1, E1, A, B>,
  g: Pipeline<R2, E2, A, C>,
): Pipeline<R1 & R2, E1 | E2, A, [B, C]> => {
  const both = compose(arr((a: A): [A, A] => [a, a]))(split(f, g));
  return known(
    Stage.composite('Fanout', f.stage, g.stage),
    { from: common(f.from, g.from), to: Border.pair(f.to, g.to) },
    { ...both, problems: [...both.problems, ...disagreeing('fanout', [f.from, g.from])] },
  );
};

// -------------------------------------------------------------------------------------
// sums
// -------------------------------------------------------------------------------------

/** Runs for those elements that `pick` gives something for; the others become what `other` says. */
const where =
  <S, A, B, U>(pick: (s: S) => E.Either<U, A>, put: (b: B) => U) =>
  <E>({ run, close }: Opened<E, A, B>): Opened<E, S, U> => ({
    run: (ss) => async () => {
      const picked = ss.map(pick);
      const chosen = picked.flatMap((p) => (E.isRight(p) ? [p.right] : []));
      const results = chosen.length === 0 ? [] : await run(chosen)();
      let at = 0;
      return picked.map(
        (p): E.Either<E, U> => (E.isLeft(p) ? E.right(p.left) : pipe(results[at++] as E.Either<E, B>, E.map(put))),
      );
    },
    close,
  });

/** On what is `Left`; what is `Right` passes. (Failures are something else: they do not come here.) */
export const left =
  <C>() =>
  <R, Err, A, B>(self: Pipeline<R, Err, A, B>): Pipeline<R, Err, E.Either<A, C>, E.Either<B, C>> =>
    make(
      Stage.composite('Left', self.stage),
      { from: Border.either(self.from, anything), to: Border.either(self.to, anything) },
      (r) =>
        pipe(
          self.acquire(r),
          TE.map(
            where(
              (s: E.Either<A, C>): E.Either<E.Either<B, C>, A> => (E.isLeft(s) ? E.right(s.left) : E.left(s)),
              (b: B): E.Either<B, C> => E.left(b),
            ),
          ),
        ),
      self.problems,
    );

/** On what is `Right`. */
export const right =
  <C>() =>
  <R, Err, A, B>(self: Pipeline<R, Err, A, B>): Pipeline<R, Err, E.Either<C, A>, E.Either<C, B>> =>
    make(
      Stage.composite('Right', self.stage),
      { from: Border.either(anything, self.from), to: Border.either(anything, self.to) },
      (r) =>
        pipe(
          self.acquire(r),
          TE.map(
            where(
              (s: E.Either<C, A>): E.Either<E.Either<C, B>, A> => (E.isRight(s) ? s : E.left(s)),
              (b: B): E.Either<C, B> => E.right(b),
            ),
          ),
        ),
      self.problems,
    );

/** Each side through a pipeline of its own: `+++`. */
export const choice = <R1, E1, A, B, R2, E2, C, D>(
  f: Pipeline<R1, E1, A, B>,
  g: Pipeline<R2, E2, C, D>,
): Pipeline<R1 & R2, E1 | E2, E.Either<A, C>, E.Either<B, D>> =>
  known(
    Stage.composite('Choice', f.stage, g.stage),
    { from: Border.either(f.from, g.from), to: Border.either(f.to, g.to) },
    compose(left<C>()(f))(right<B>()(g)),
  );

/** Each side through a pipeline of its own, to the same type: `|||`. */
export const fanin = <R1, E1, A, B, R2, E2, C>(
  f: Pipeline<R1, E1, A, B>,
  g: Pipeline<R2, E2, C, B>,
): Pipeline<R1 & R2, E1 | E2, E.Either<A, C>, B> => {
  const merged = compose(choice(f, g))(arr((s: E.Either<B, B>): B => E.toUnion(s)));
  return known(
    Stage.composite('Fanin', f.stage, g.stage),
    { from: Border.either(f.from, g.from), to: common(f.to, g.to) },
    { ...merged, problems: [...merged.problems, ...disagreeing('fanin', [f.to, g.to])] },
  );
};
