/** From streams to `ReaderTaskEither`. */
import * as E from 'fp-ts/lib/Either.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type { Stream } from './constructors.ts';

/** A left fold with an effect for each element; the next is pulled when the effect is done. */
export const runFoldRTE =
  <B, A, R2, E2>(initial: B, f: (b: B, a: A) => ReaderTaskEither<R2, E2, B>) =>
  <R1, E1>(fa: Stream<R1, E1, A>): ReaderTaskEither<R1 & R2, E1 | E2, B> =>
  (r) =>
  async () => {
    let b = initial;
    for await (const e of fa(r)) {
      if (E.isLeft(e)) return e;
      const next = await f(b, e.right)(r)();
      if (E.isLeft(next)) return next;
      b = next.right;
    }
    return E.right(b);
  };

/** Runs it to the end: all elements put together, from `initial` on; or the first error. */
export const runFold =
  <A, B>(initial: B, f: (b: B, a: A) => B) =>
  <R, E>(fa: Stream<R, E, A>): ReaderTaskEither<R, E, B> =>
  (r) =>
  async () => {
    let b = initial;
    for await (const e of fa(r)) {
      if (E.isLeft(e)) return e;
      b = f(b, e.right);
    }
    return E.right(b);
  };

/** An effect for each element, in order. */
export const runForEach = <A, R2, E2>(
  f: (a: A) => ReaderTaskEither<R2, E2, void>,
): (<R1, E1>(fa: Stream<R1, E1, A>) => ReaderTaskEither<R1 & R2, E1 | E2, void>) =>
  runFoldRTE<void, A, R2, E2>(undefined, (_, a) => f(a));

/** All elements, in memory; on an error, that alone. */
export const runCollect =
  <R, E, A>(fa: Stream<R, E, A>): ReaderTaskEither<R, E, readonly A[]> =>
  (r) =>
  async () => {
    const all: A[] = [];
    for await (const e of fa(r)) {
      if (E.isLeft(e)) return e;
      all.push(e.right);
    }
    return E.right(all);
  };

/** The effects only. */
export const runDrain: <R, E, A>(fa: Stream<R, E, A>) => ReaderTaskEither<R, E, void> = runFold<unknown, void>(
  undefined,
  () => undefined,
);
