/**
 * `Pipeline<R, E, A, B>`: an arrow from `A` to `B` that may need an environment, fail, and hold resources. A Kleisli arrow of
 * `ReaderTaskEither` (`toKleisli` and `fromKleisli` go there and back) that sees many elements at a time: a model runs once for a
 * batch, and each element has its own result.
 *
 * Nothing happens before a pipeline is opened; then each stage acquires what it needs, once, in order, and lets go of it in the
 * reverse order. A stage sees only the elements that none before it has refused, and is not run for none.
 *
 * Laws, of results and of effects in their order: a category (`id`, `andThen`), an arrow (`arr`, `first`: it keeps composition, and
 * what pure functions do to the other component does not matter), with choice (`left` likewise), a profunctor (`contramap`, `map`).
 * `toKleisli` keeps composition and identity. `split`, `fanout`, `choice`, `fanin`, `struct` and `collect` are derived: what comes
 * first in the text runs first, and what failed is not run further.
 */
import * as E from 'fp-ts/lib/Either.js';
import { identity, pipe } from 'fp-ts/lib/function.js';
import type * as RT from 'fp-ts/lib/ReaderTask.js';
import type * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import type * as T from 'fp-ts/lib/Task.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as Border from './Border.ts';
import type { Before } from './Joins.ts';
import { type Defect, type InvalidPipeline, miscounted } from './PipelineError.ts';
import * as Stage from './Stage.ts';
import { type Ends, type Opened, open, type Pipeline } from './Types.ts';

export type { AnyPipeline, Ends, Opened, Pipeline } from './Types.ts';

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const nothing: T.Task<void> = async () => undefined;

const anyEnds: Ends = { from: Border.anything, to: Border.anything };

/** The primitive: resources, then a function of batches. */
export const make = <R, E, A, B>(
  stage: Stage.Stage,
  { from, to }: Ends,
  acquire: RTE.ReaderTaskEither<R, E, Opened<E, A, B>>,
  problems: readonly string[] = [],
): Pipeline<R, E, A, B> => ({ _tag: 'Pipeline', from, to, problems, stage, acquire });

/** Without resources: each element on its own. */
export const pure = <E, A, B>(
  stage: Stage.Stage,
  ends: Ends,
  f: (a: A) => E.Either<E, B>,
  problems: readonly string[] = [],
): Pipeline<unknown, E, A, B> =>
  make(stage, ends, () => TE.right({ run: (as) => async () => as.map(f), close: nothing }), problems);

/** The arrow that changes nothing. */
export const id = <A>(): Pipeline<unknown, never, A, A> => pure(Stage.identity, anyEnds, E.right);

/** A total function. It cannot be saved, unless it is a part of a `named` pipeline. */
export const arr = <A, B>(f: (a: A) => B): Pipeline<unknown, never, A, B> =>
  pure(Stage.opaque('arr'), anyEnds, (a) => E.right(f(a)));

/** A function that may fail, for each element on its own. */
export const arrEither = <E, A, B>(f: (a: A) => E.Either<E, B>): Pipeline<unknown, E, A, B> =>
  pure(Stage.opaque('arrEither'), anyEnds, f);

/**
 * A Kleisli arrow: an effect for each element, those of a batch at the same time.
 *
 * @example
 * P.fromKleisli((id: string) => ({ database }: HasDatabase) => database.find(id))
 */
export const fromKleisli = <R, E, A, B>(f: (a: A) => RTE.ReaderTaskEither<R, E, B>): Pipeline<R, E, A, B> =>
  make(Stage.opaque('fromKleisli'), anyEnds, (r) =>
    TE.right({ run: (as) => () => Promise.all(as.map((a) => f(a)(r)())), close: nothing }),
  );

/**
 * An effect for a whole batch. It must give one result for each element, in their order: of another number nobody knows whose they are,
 * and each element has a `Defect`.
 */
export const fromBatch = <R, E1, A, B>(
  f: (as: readonly A[]) => RT.ReaderTask<R, readonly E.Either<E1, B>[]>,
): Pipeline<R, E1 | Defect, A, B> =>
  make<R, E1 | Defect, A, B>(Stage.opaque('fromBatch'), anyEnds, (r) =>
    TE.right({
      run: (as) => async () => {
        const results: readonly E.Either<E1 | Defect, B>[] = await f(as)(r)();
        return results.length === as.length ? results : as.map(() => E.left(miscounted(results.length, as.length)));
      },
      close: nothing,
    }),
  );

/**
 * A resource for as long as the pipeline is open, and a pipeline that uses it.
 *
 * @example
 * P.bracket(connect, (connection) => P.fromKleisli(lookUp(connection)), (connection) => connection.close)
 */
export const bracket = <R, E, X, A, B>(
  acquire: RTE.ReaderTaskEither<R, E, X>,
  use: (resource: X) => Pipeline<R, E, A, B>,
  release: (resource: X) => T.Task<void>,
): Pipeline<R, E | InvalidPipeline, A, B> =>
  make<R, E | InvalidPipeline, A, B>(Stage.opaque('bracket'), anyEnds, (r) =>
    pipe(
      acquire(r),
      TE.chainW((resource) => orElseClose(release(resource), open(use(resource))(r))),
    ),
  );

/** Acquires; the release runs when what was acquired closes, or at once if it cannot be. */
const orElseClose =
  <E, F, A, B>(release: T.Task<void>, acquire: TE.TaskEither<E, Opened<F, A, B>>): TE.TaskEither<E, Opened<F, A, B>> =>
  async () => {
    const opened = await acquire();
    if (E.isRight(opened)) return E.right({ run: opened.right.run, close: inOrder(opened.right.close, release) });
    await release();
    return opened;
  };

/** The second even if the first throws: what it throws is thrown after that. */
const inOrder =
  (first: T.Task<void>, second: T.Task<void>): T.Task<void> =>
  async () => {
    try {
      await first();
    } finally {
      await second();
    }
  };

// -------------------------------------------------------------------------------------
// category
// -------------------------------------------------------------------------------------

/** The results, with those that are there replaced by what becomes of them. */
const onSurvivors = async <E1, E2, A, B>(
  results: readonly E.Either<E1, A>[],
  next: Opened<E2, A, B>,
): Promise<readonly E.Either<E1 | E2, B>[]> => {
  const survivors = results.flatMap((r) => (E.isRight(r) ? [r.right] : []));
  const after = survivors.length === 0 ? [] : await next.run(survivors)();
  let at = 0;
  return results.map((r) => (E.isLeft(r) ? r : (after[at++] as E.Either<E2, B>)));
};

/** The component that a stage leaves as it is. */
const passes: { readonly [name: string]: 0 | 1 | undefined } = { First: 1, Left: 1, Second: 0, Right: 0 };

/** What comes out of a stage after what came before it: components that pass are what they were. */
const after = (before: Border.AnyBorder, { stage, to }: Ends & { readonly stage: Stage.Stage }): Border.AnyBorder => {
  if (stage === Stage.identity) return before;
  const kept = stage._tag === 'Composite' ? passes[stage.name] : undefined;
  if (kept === undefined || !('of' in to) || !('of' in before) || to._tag !== before._tag) return to;
  return { ...to, of: kept === 0 ? [before.of[0], to.of[1]] : [to.of[0], before.of[1]] };
};

const then = <R1, E1, A, B, R2, E2, C>(
  self: Pipeline<R1, E1, A, B>,
  next: Pipeline<R2, E2, B, C>,
): Pipeline<R1 & R2, E1 | E2, A, C> => ({
  _tag: 'Pipeline',
  from: self.stage === Stage.identity ? next.from : self.from,
  to: after(self.to, next),
  problems: [
    ...self.problems,
    ...next.problems,
    ...(Border.fits(self.to, next.from)
      ? []
      : [`andThen: the stage before gives ${Border.show(self.to)}, this one takes ${Border.show(next.from)}`]),
  ],
  stage: Stage.chain(self.stage, next.stage),
  acquire: (r) =>
    pipe(
      self.acquire(r),
      TE.chainW((first) =>
        pipe(
          orElseClose(first.close, TE.mapLeft<E2, E1 | E2>(identity)(next.acquire(r))),
          TE.map(
            (second): Opened<E1 | E2, A, C> => ({
              run: (as) => async () => onSurvivors(await first.run(as)(), second),
              close: second.close,
            }),
          ),
        ),
      ),
    ),
});

/**
 * First this, then that: `pipe(decode(Flower), andThen(preprocess(fitted, [4])), andThen(model(trained)))`. Where the arrays in
 * between cannot be of one shape it does not compile; sizes that are not known are checked when it runs.
 */
export const andThen =
  <R2, E2, B2, C>(next: Pipeline<R2, E2, B2, C>) =>
  <R1, E1, A, B>(self: Before<R1, E1, A, B, B2>): Pipeline<R1 & R2, E1 | E2, A, C> =>
    then(self as unknown as Pipeline<R1, E1, A, B2>, next);

/** The same the other way round, as functions are composed: `compose(f)(g)` runs `f` first. */
export const compose =
  <R1, E1, A, B>(first: Pipeline<R1, E1, A, B>) =>
  <R2, E2, C>(next: Pipeline<R2, E2, B, C>): Pipeline<R1 & R2, E1 | E2, A, C> =>
    then(first, next);

// -------------------------------------------------------------------------------------
// profunctor
// -------------------------------------------------------------------------------------

/** Runs inside of something larger: `get` finds its element there, `set` puts the result in its place. */
export const within =
  <S, A, B, U>(
    stage: (of: Stage.Stage) => Stage.Stage,
    ends: (of: Ends) => Ends,
    get: (s: S) => A,
    set: (s: S, b: B) => U,
  ) =>
  <R, E>(self: Pipeline<R, E, A, B>): Pipeline<R, E, S, U> =>
    make(
      stage(self.stage),
      ends(self),
      (r) =>
        pipe(
          self.acquire(r),
          TE.map(({ run, close }) => ({
            run: (ss) => async () => {
              const results = await run(ss.map(get))();
              return results.map((b, i) => (E.isLeft(b) ? b : E.right(set(ss[i] as S, b.right))));
            },
            close,
          })),
        ),
      self.problems,
    );

/** A function after it. */
export const map =
  <B, C>(f: (b: B) => C) =>
  <R, E, A>(self: Pipeline<R, E, A, B>): Pipeline<R, E, A, C> =>
    then(self, arr(f));

/** A function before it. */
export const contramap =
  <S, A>(f: (s: S) => A) =>
  <R, E, B>(self: Pipeline<R, E, A, B>): Pipeline<R, E, S, B> =>
    then(arr(f), self);

/** A function before, another behind. */
export const promap =
  <S, A, B, C>(f: (s: S) => A, g: (b: B) => C) =>
  <R, E>(self: Pipeline<R, E, A, B>): Pipeline<R, E, S, C> =>
    pipe(self, contramap(f), map(g));

/** Another error, of opening too. */
export const mapLeft =
  <E1, E2>(f: (e: E1) => E2) =>
  <R, A, B>(self: Pipeline<R, E1, A, B>): Pipeline<R, E2, A, B> =>
    make(
      Stage.chain(self.stage, Stage.opaque('mapLeft')),
      self,
      (r) =>
        pipe(
          self.acquire(r),
          TE.bimap(f, ({ run, close }) => ({
            run: (as) => async () => (await run(as)()).map(E.mapLeft(f)),
            close,
          })),
        ),
      self.problems,
    );

/** The environment from another one. */
export const local =
  <R2, R1>(f: (r: R2) => R1) =>
  <E, A, B>(self: Pipeline<R1, E, A, B>): Pipeline<R2, E, A, B> => ({ ...self, acquire: (r) => self.acquire(f(r)) });

// -------------------------------------------------------------------------------------
// saving
// -------------------------------------------------------------------------------------

/**
 * Gives a pipeline a name and version, by which a saved one refers to it: the file holds the name only, and `load` is given the
 * pipeline again. For functions, and for what has no codec.
 *
 * @example
 * const shout = P.named('shout', 1, { from: P.oneOf(labels), to: P.type<string>('text') })(P.arr((s) => s.toUpperCase()));
 */
export const named =
  <A, B>(name: string, version: number, ends: { readonly from: Border.Border<A>; readonly to: Border.Border<B> }) =>
  <R, E>(self: Pipeline<R, E, A, B>): Pipeline<R, E, A, B> => ({
    ...self,
    ...ends,
    stage: Stage.data('Named', { name, version }),
  });
