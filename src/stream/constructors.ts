/** Streams: the type, and how to make them. */
import * as E from 'fp-ts/lib/Either.js';
import type { LazyArg } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import * as O from 'fp-ts/lib/Option.js';
import type { Reader } from 'fp-ts/lib/Reader.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type { Task } from 'fp-ts/lib/Task.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type Stream<R, E, A> = (r: R) => AsyncIterable<E.Either<E, A>>;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * The primitive that all others are made with: a generator, started anew for each iteration. It must not throw, and is
 * not asked again after a `Left`.
 */
export const fromGenerator =
  <R, E, A>(run: (r: R) => AsyncIterator<E.Either<E, A>>): Stream<R, E, A> =>
  (r) => ({ [Symbol.asyncIterator]: () => run(r) });

/** No elements. */
export const empty: Stream<unknown, never, never> = fromGenerator(async function* () {});

/** One element. */
export const of = <R = unknown, E = never, A = never>(a: A): Stream<R, E, A> =>
  fromGenerator(async function* () {
    yield E.right(a);
  });

/** A failure, and nothing else. */
export const left = <R = unknown, E = never, A = never>(e: E): Stream<R, E, A> =>
  fromGenerator(async function* () {
    yield E.left(e);
  });

/** The elements of an array, a set, a generator's result, ... in order. What can be iterated once can be run once. */
export const fromIterable = <A, R = unknown, E = never>(as: Iterable<A>): Stream<R, E, A> =>
  fromGenerator(async function* () {
    for (const a of as) yield E.right(a);
  });

/**
 * A foreign `AsyncIterable` (a Node stream, an async generator), made anew for each run. What it throws, and what making
 * it throws, becomes the stream's error. If it throws while it is closed early, nobody is left to tell: that is dropped.
 *
 * @example
 * const lines = pipe(() => createInterface({ input: createReadStream('a.txt') }), fromAsyncIterable(E.toError));
 */
export const fromAsyncIterable =
  <E>(onThrow: (thrown: unknown) => E) =>
  <A, R = unknown>(make: LazyArg<AsyncIterable<A>>): Stream<R, E, A> =>
    fromGenerator(async function* () {
      try {
        for await (const a of make()) yield E.right(a);
      } catch (thrown) {
        yield E.left(onThrow(thrown));
      }
    });

/** One element, computed when it is asked for. */
export const fromReaderTaskEither = <R, E, A>(fa: ReaderTaskEither<R, E, A>): Stream<R, E, A> =>
  fromGenerator(async function* (r) {
    yield await fa(r)();
  });

/** Its result as the one element, or its error. */
export const fromTaskEither = <E, A, R = unknown>(fa: TaskEither<E, A>): Stream<R, E, A> =>
  fromReaderTaskEither(() => fa);

/** What is in it as the one element, or its error. */
export const fromEither = <E, A, R = unknown>(fa: E.Either<E, A>): Stream<R, E, A> => fromTaskEither(async () => fa);

/** Its result as the one element. */
export const fromIO = <A, R = unknown, E = never>(fa: IO<A>): Stream<R, E, A> =>
  fromTaskEither(async () => E.right(fa()));

/** Its result as the one element. */
export const fromTask = <A, R = unknown, E = never>(fa: Task<A>): Stream<R, E, A> =>
  fromTaskEither(async () => E.right(await fa()));

/** Its result as the one element. */
export const fromReader = <R, A = never, E = never>(fa: Reader<R, A>): Stream<R, E, A> =>
  fromReaderTaskEither((r) => async () => E.right(fa(r)));

/** The environment as the one element. */
export const ask = <R, E = never>(): Stream<R, E, R> => fromReader((r) => r);

/** What a function makes of the environment, as the one element. */
export const asks = <R, A, E = never>(f: (r: R) => A): Stream<R, E, A> => fromReader(f);

/** From a state: an element and the next state, until `none`. */
export const unfold = <S, A, R = unknown, E = never>(
  initial: S,
  step: (s: S) => O.Option<readonly [A, S]>,
): Stream<R, E, A> => unfoldRTE<R, E, S, A>(initial, (s) => () => async () => E.right(step(s)));

/** As `unfold`, with an effect at each step. */
export const unfoldRTE = <R, E, S, A>(
  initial: S,
  step: (s: S) => ReaderTaskEither<R, E, O.Option<readonly [A, S]>>,
): Stream<R, E, A> =>
  fromGenerator(async function* (r) {
    let state = initial;
    for (;;) {
      const next = await step(state)(r)();
      if (E.isLeft(next)) return yield next;
      if (O.isNone(next.right)) return;
      yield E.right(next.right.value[0]);
      state = next.right.value[1];
    }
  });

/**
 * The elements of `use`, with a resource that is acquired on the first pull and released exactly once: at the end, on an
 * error, or when the consumer stops early. If `release` fails at the end of a stream that had not failed, that is the
 * stream's error; after an error of `use` the first error stands; after an early stop it is dropped.
 *
 * @example
 * const lines = bracket(open('a.txt'), (file) => linesOf(file), (file) => close(file));
 */
export const bracket = <R, E, A, B>(
  acquire: ReaderTaskEither<R, E, A>,
  use: (a: A) => Stream<R, E, B>,
  release: (a: A) => ReaderTaskEither<R, E, void>,
): Stream<R, E, B> =>
  fromGenerator(async function* (r) {
    const resource = await acquire(r)();
    if (E.isLeft(resource)) return yield resource;
    const close = release(resource.right)(r);
    let closed: E.Either<E, void> = E.right(undefined);
    let failed = false;
    try {
      for await (const e of use(resource.right)(r)) {
        failed = E.isLeft(e);
        yield e;
        if (failed) break;
      }
    } finally {
      closed = await close();
    }
    if (!failed && E.isLeft(closed)) yield closed;
  });
