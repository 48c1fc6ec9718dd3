/** Streams from streams. */
import * as E from 'fp-ts/lib/Either.js';
import { identity, type LazyArg, pipe } from 'fp-ts/lib/function.js';
import type { IO } from 'fp-ts/lib/IO.js';
import * as O from 'fp-ts/lib/Option.js';
import { not, type Predicate } from 'fp-ts/lib/Predicate.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type { Refinement } from 'fp-ts/lib/Refinement.js';
import { type Separated, separated } from 'fp-ts/lib/Separated.js';
import { fromGenerator, fromReaderTaskEither, type Stream } from './constructors.ts';

// -------------------------------------------------------------------------------------
// elements
// -------------------------------------------------------------------------------------

/** A function of errors, another of elements. */
export const bimap =
  <E, G, A, B>(f: (e: E) => G, g: (a: A) => B) =>
  <R>(fa: Stream<R, E, A>): Stream<R, G, B> =>
    fromGenerator(async function* (r) {
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield E.left(f(e.left));
        yield E.right(g(e.right));
      }
    });

/** A function of each element. */
export const map = <A, B>(f: (a: A) => B): (<R, E>(fa: Stream<R, E, A>) => Stream<R, E, B>) => bimap(identity, f);

/** A function of errors. */
export const mapLeft = <E, G>(f: (e: E) => G): (<R, A>(fa: Stream<R, E, A>) => Stream<R, G, A>) => bimap(f, identity);

/** All elements of `f` of the first element, then of the second, ... `chainW` also joins environments and errors. */
export const chainW =
  <A, R2, E2, B>(f: (a: A) => Stream<R2, E2, B>) =>
  <R1, E1>(fa: Stream<R1, E1, A>): Stream<R1 & R2, E1 | E2, B> =>
    fromGenerator<R1 & R2, E1 | E2, B>(async function* (r) {
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield e;
        for await (const inner of f(e.right)(r)) {
          yield inner;
          if (E.isLeft(inner)) return;
        }
      }
    });

/** All elements of `f` of the first element, then of the second, ... */
export const chain: <A, R, E, B>(f: (a: A) => Stream<R, E, B>) => (fa: Stream<R, E, A>) => Stream<R, E, B> = chainW;

/** All elements of the first stream, then of the second, ... */
export const flatten: <R, E, A>(ffa: Stream<R, E, Stream<R, E, A>>) => Stream<R, E, A> = chain(identity);

/** An effect for each element; its result takes the element's place. */
export const chainReaderTaskEitherKW = <A, R2, E2, B>(
  f: (a: A) => ReaderTaskEither<R2, E2, B>,
): (<R1, E1>(fa: Stream<R1, E1, A>) => Stream<R1 & R2, E1 | E2, B>) => chainW((a) => fromReaderTaskEither(f(a)));

/** As `chainReaderTaskEitherKW`, with one environment and one type of errors. */
export const chainReaderTaskEitherK: <A, R, E, B>(
  f: (a: A) => ReaderTaskEither<R, E, B>,
) => (fa: Stream<R, E, A>) => Stream<R, E, B> = chainReaderTaskEitherKW;

/** An effect for each element before it is passed on as it is. */
export const tapW = <A, R2, E2, _>(
  f: (a: A) => ReaderTaskEither<R2, E2, _>,
): (<R1, E1>(fa: Stream<R1, E1, A>) => Stream<R1 & R2, E1 | E2, A>) =>
  chainReaderTaskEitherKW((a: A) => (r: R2) => () => f(a)(r)().then(E.map(() => a)));

/** As `tapW`, with one environment and one type of errors. */
export const tap: <A, R, E, _>(f: (a: A) => ReaderTaskEither<R, E, _>) => (fa: Stream<R, E, A>) => Stream<R, E, A> =
  tapW;

/** Each function of the first stream in turn with all arguments of the second, which is run for each of them. */
export const ap = <R, E, A>(fa: Stream<R, E, A>): (<B>(fab: Stream<R, E, (a: A) => B>) => Stream<R, E, B>) =>
  chain((f) => pipe(fa, map(f)));

/** The elements that a function makes something of. */
export const filterMap =
  <A, B>(f: (a: A) => O.Option<B>) =>
  <R, E>(fa: Stream<R, E, A>): Stream<R, E, B> =>
    fromGenerator(async function* (r) {
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield e;
        const b = f(e.right);
        if (O.isSome(b)) yield E.right(b.value);
      }
    });

/** What is in those that are `Some`. */
export const compact: <R, E, A>(fa: Stream<R, E, O.Option<A>>) => Stream<R, E, A> = filterMap(identity);

/** The elements for which the predicate holds. */
export const filter: {
  <A, B extends A>(refinement: Refinement<A, B>): <R, E>(fa: Stream<R, E, A>) => Stream<R, E, B>;
  <A>(predicate: Predicate<A>): <R, E, B extends A>(fb: Stream<R, E, B>) => Stream<R, E, B>;
  <A>(predicate: Predicate<A>): <R, E>(fa: Stream<R, E, A>) => Stream<R, E, A>;
} = <A>(predicate: Predicate<A>): (<R, E>(fa: Stream<R, E, A>) => Stream<R, E, A>) =>
  filterMap(O.fromPredicate(predicate));

/** Two streams; each runs the source for itself when it is run. */
export const partitionMap =
  <A, B, C>(f: (a: A) => E.Either<B, C>) =>
  <R, E>(fa: Stream<R, E, A>): Separated<Stream<R, E, B>, Stream<R, E, C>> =>
    separated(filterMap((a: A) => O.getLeft(f(a)))(fa), filterMap((a: A) => O.getRight(f(a)))(fa));

/** What is in those that are `Left` on the left, in those that are `Right` on the right; each runs the source for itself. */
export const separate: <R, E, A, B>(fa: Stream<R, E, E.Either<A, B>>) => Separated<Stream<R, E, A>, Stream<R, E, B>> =
  partitionMap(identity);

/** Those that fail the predicate on the left, those that hold on the right. */
export const partition: {
  <A, B extends A>(
    refinement: Refinement<A, B>,
  ): <R, E>(fa: Stream<R, E, A>) => Separated<Stream<R, E, A>, Stream<R, E, B>>;
  <A>(predicate: Predicate<A>): <R, E>(fa: Stream<R, E, A>) => Separated<Stream<R, E, A>, Stream<R, E, A>>;
} =
  <A>(predicate: Predicate<A>) =>
  <R, E>(fa: Stream<R, E, A>): Separated<Stream<R, E, A>, Stream<R, E, A>> =>
    separated(pipe(fa, filter(not(predicate))), pipe(fa, filter(predicate)));

// -------------------------------------------------------------------------------------
// lengths
// -------------------------------------------------------------------------------------

/** At most `n` elements: no more than `n` are pulled, and then the source is closed. */
export const take =
  (n: number) =>
  <R, E, A>(fa: Stream<R, E, A>): Stream<R, E, A> =>
    fromGenerator(async function* (r) {
      let missing = n;
      if (missing <= 0) return;
      for await (const e of fa(r)) {
        yield e;
        missing -= 1;
        if (E.isLeft(e) || missing <= 0) return;
      }
    });

/** Elements as long as the predicate holds; the first that fails it is pulled and dropped. */
export const takeWhile =
  <A>(predicate: Predicate<A>) =>
  <R, E>(fa: Stream<R, E, A>): Stream<R, E, A> =>
    fromGenerator(async function* (r) {
      for await (const e of fa(r)) {
        if (E.isRight(e) && !predicate(e.right)) return;
        yield e;
        if (E.isLeft(e)) return;
      }
    });

/** Elements up to the first for which the predicate holds, that one included; nothing behind it is pulled. */
export const takeUntil =
  <A>(predicate: Predicate<A>) =>
  <R, E>(fa: Stream<R, E, A>): Stream<R, E, A> =>
    fromGenerator(async function* (r) {
      for await (const e of fa(r)) {
        yield e;
        if (E.isLeft(e) || predicate(e.right)) return;
      }
    });

/** All but the first `n` elements. */
export const drop =
  (n: number) =>
  <R, E, A>(fa: Stream<R, E, A>): Stream<R, E, A> =>
    fromGenerator(async function* (r) {
      let skip = n;
      for await (const e of fa(r)) {
        if (E.isRight(e) && skip > 0) skip -= 1;
        else yield e;
        if (E.isLeft(e)) return;
      }
    });

/**
 * The first element, and then each that comes `milliseconds` or more after the last one that was passed on; the others are
 * dropped. The time is that of the environment's clock, as a run has it. RxJS: `throttleTime`.
 */
export const throttle =
  (milliseconds: number) =>
  <R, E, A>(fa: Stream<R, E, A>): Stream<R & Timed, E, A> =>
    fromGenerator(async function* (r) {
      let last = Number.NEGATIVE_INFINITY;
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield e;
        const now = r.clock.now();
        if (now - last < milliseconds) continue;
        last = now;
        yield e;
      }
    });

/** What `throttle` needs: milliseconds from any beginning. */
export interface Timed {
  readonly clock: { readonly now: IO<number> };
}

/**
 * The first stream, then the second. To join very many, `flatten(fromIterable(streams))`: it does not nest, and a fold
 * with `concat` does.
 */
export const concatW =
  <R2, E2, B>(that: Stream<R2, E2, B>) =>
  <R1, E1, A>(fa: Stream<R1, E1, A>): Stream<R1 & R2, E1 | E2, A | B> =>
    fromGenerator<R1 & R2, E1 | E2, A | B>(async function* (r) {
      for await (const e of fa(r)) {
        yield e;
        if (E.isLeft(e)) return;
      }
      yield* that(r);
    });

/** As `concatW`, with one environment and one type of errors. */
export const concat: <R, E, A>(that: Stream<R, E, A>) => (fa: Stream<R, E, A>) => Stream<R, E, A> = concatW;

// -------------------------------------------------------------------------------------
// state
// -------------------------------------------------------------------------------------

/** Running results, the initial one first (as fp-ts's `scanLeft`). */
export const scan =
  <A, B>(initial: B, f: (b: B, a: A) => B) =>
  <R, E>(fa: Stream<R, E, A>): Stream<R, E, B> =>
    fromGenerator(async function* (r) {
      let b = initial;
      yield E.right(b);
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield e;
        b = f(b, e.right);
        yield E.right(b);
      }
    });

/**
 * An effectful Mealy machine: a state, and for each element an effect that gives the next state and any number of
 * elements in its place. They all leave before the next element is pulled. `end` may give more when the source has ended
 * without an error.
 *
 * @example
 * // pairs of neighbours; an odd last element is dropped
 * const pairs = transduce(O.none as O.Option<number>, (held, a: number) =>
 *   RTE.right(O.isSome(held) ? [O.none, [[held.value, a] as const]] : [O.some(a), []]),
 * );
 */
export const transduceW =
  <S, A, R2, E2, B>(
    initial: S,
    step: (s: S, a: A) => ReaderTaskEither<R2, E2, readonly [S, readonly B[]]>,
    end?: (s: S) => ReaderTaskEither<R2, E2, readonly B[]>,
  ) =>
  <R1, E1>(fa: Stream<R1, E1, A>): Stream<R1 & R2, E1 | E2, B> =>
    fromGenerator<R1 & R2, E1 | E2, B>(async function* (r) {
      let state = initial;
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield e;
        const next = await step(state, e.right)(r)();
        if (E.isLeft(next)) return yield next;
        state = next.right[0];
        for (const b of next.right[1]) yield E.right(b);
      }
      if (end === undefined) return;
      const last = await end(state)(r)();
      if (E.isLeft(last)) return yield last;
      for (const b of last.right) yield E.right(b);
    });

/** As `transduceW`, with one environment and one type of errors. */
export const transduce: <S, A, R, E, B>(
  initial: S,
  step: (s: S, a: A) => ReaderTaskEither<R, E, readonly [S, readonly B[]]>,
  end?: (s: S) => ReaderTaskEither<R, E, readonly B[]>,
) => (fa: Stream<R, E, A>) => Stream<R, E, B> = transduceW;

// -------------------------------------------------------------------------------------
// errors and environment
// -------------------------------------------------------------------------------------

/** In place of the error, another stream; the elements before it stay. */
export const orElseW =
  <E1, R2, E2, B>(onLeft: (e: E1) => Stream<R2, E2, B>) =>
  <R1, A>(fa: Stream<R1, E1, A>): Stream<R1 & R2, E2, A | B> =>
    fromGenerator<R1 & R2, E2, A | B>(async function* (r) {
      for await (const e of fa(r)) {
        if (E.isLeft(e)) return yield* onLeft(e.left)(r);
        yield e;
      }
    });

/** As `orElseW`, with one environment. */
export const orElse: <E1, R, E2, A>(onLeft: (e: E1) => Stream<R, E2, A>) => (fa: Stream<R, E1, A>) => Stream<R, E2, A> =
  orElseW;

/** The other stream goes on where this one fails. */
export const alt = <R, E, A>(that: LazyArg<Stream<R, E, A>>): ((fa: Stream<R, E, A>) => Stream<R, E, A>) =>
  orElse(that);

/** The stream in an environment made from another. */
export const local =
  <R2, R1>(f: (r: R2) => R1) =>
  <E, A>(fa: Stream<R1, E, A>): Stream<R2, E, A> =>
    fromGenerator((r) => fa(f(r))[Symbol.asyncIterator]());
