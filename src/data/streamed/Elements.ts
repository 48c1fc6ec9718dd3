/** Streamed data from streamed data: what the elements are. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as O from 'fp-ts/lib/Option.js';
import type { Predicate } from 'fp-ts/lib/Predicate.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type { Refinement } from 'fp-ts/lib/Refinement.js';
import * as S from '../../stream/Stream.ts';
import { derive } from '../Random.ts';
import { type DataStream, make, replayed, seedOf } from './Model.ts';

// -------------------------------------------------------------------------------------
// one for one
// -------------------------------------------------------------------------------------

/** For stages that put one element in the place of one: positions are those of the source. */
const each =
  <A, R2, Err2, B>(f: (pass: number) => <R, Err>(fa: S.Stream<R, Err, A>) => S.Stream<R & R2, Err | Err2, B>) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R & R2, Err | Err2, B> => {
    const { pick } = self;
    return make<R & R2, Err | Err2, B>(
      (position) => f(position.pass)(self.open(position)),
      self.size,
      pick === undefined ? undefined : (pass, indices) => f(pass)(pick(pass, indices)),
    );
  };

/** A function of each element. */
export const map = <A, B>(f: (a: A) => B): (<R, Err>(self: DataStream<R, Err, A>) => DataStream<R, Err, B>) =>
  each<A, unknown, never, B>(() => S.map(f));

/** A function of errors. */
export const mapLeft =
  <Err, Err2>(f: (e: Err) => Err2) =>
  <R, A>(self: DataStream<R, Err, A>): DataStream<R, Err2, A> => {
    const { pick } = self;
    return make(
      (position) => S.mapLeft(f)(self.open(position)),
      self.size,
      pick === undefined ? undefined : (pass, indices) => S.mapLeft(f)(pick(pass, indices)),
    );
  };

/**
 * A function that may refuse an element, which ends the stream with its error: `D.dataset` for batches.
 *
 * @example
 * pipe(rows, DS.batch(32), DS.mapEither((rows) => D.dataset({ x: D.floats([4], rows.map((r) => r.x)), y: D.ints([], rows.map((r) => r.y)) })))
 */
export const mapEither = <A, Err2, B>(
  f: (a: A) => E.Either<Err2, B>,
): (<R, Err>(self: DataStream<R, Err, A>) => DataStream<R, Err | Err2, B>) =>
  each<A, unknown, Err2, B>(
    () =>
      <R, Err>(fa: S.Stream<R, Err, A>) =>
        S.fromGenerator<R, Err | Err2, B>(async function* (r) {
          for await (const e of fa(r)) {
            if (E.isLeft(e)) return yield e;
            const b = f(e.right);
            yield b;
            if (E.isLeft(b)) return;
          }
        }),
  );

/** An effect for each element, one after the other: reading the file that it names. */
export const mapEffect = <A, R2, Err2, B>(
  f: (a: A) => ReaderTaskEither<R2, Err2, B>,
): (<R, Err>(self: DataStream<R, Err, A>) => DataStream<R & R2, Err | Err2, B>) =>
  each<A, R2, Err2, B>(() => S.chainReaderTaskEitherKW(f));

/** Each element with its number in the pass. */
const numbered = (at: number) => {
  let i = at - 1;
  return <A>(a: A): readonly [A, number] => {
    i++;
    return [a, i];
  };
};

/**
 * A function of each element and a seed of its own, for what is random: augmentation. The seed follows from `seed`, the pass and
 * the number of the element, so that each pass differs, and going on in the middle gives the same as not having stopped.
 */
export const mapSeeded =
  (seed: number) =>
  <A, B>(f: (a: A, seed: number) => B) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R, Err, B> => {
    const { pick } = self;
    const of = (pass: number): ((element: readonly [A, number]) => B) => {
      const own = seedOf(seed, pass);
      return ([a, i]) => f(a, derive(own, i));
    };
    const run = <R1, Err1>(pass: number, elements: S.Stream<R1, Err1, readonly [A, number]>) =>
      S.map(of(pass))(elements);
    return make(
      ({ pass, at }) => run(pass, counted(at)(self.open({ pass, at }))),
      self.size,
      pick === undefined
        ? undefined
        : (pass, indices) => {
            const list = [...indices];
            return run(
              pass,
              S.map(([a, i]: readonly [A, number]) => [a, list[i] ?? i] as const)(counted(0)(pick(pass, list))),
            );
          },
    );
  };

const counted =
  (at: number) =>
  <R, Err, A>(fa: S.Stream<R, Err, A>): S.Stream<R, Err, readonly [A, number]> =>
    S.fromGenerator(async function* (r) {
      const number = numbered(at);
      for await (const e of fa(r)) yield E.isLeft(e) ? e : E.right(number(e.right));
    });

// -------------------------------------------------------------------------------------
// fewer or more
// -------------------------------------------------------------------------------------

/** The elements that a function makes something of. How many that is cannot be known: a position is reached by reading. */
export const filterMap =
  <A, B>(f: (a: A) => O.Option<B>) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R, Err, B> =>
    make(
      replayed((pass) => S.filterMap(f)(self.open({ pass, at: 0 }))),
      undefined,
    );

/** The elements for which the predicate holds. A position is reached by reading, as for `filterMap`. */
export const filter: {
  <A, B extends A>(refinement: Refinement<A, B>): <R, Err>(self: DataStream<R, Err, A>) => DataStream<R, Err, B>;
  <A>(predicate: Predicate<A>): <R, Err>(self: DataStream<R, Err, A>) => DataStream<R, Err, A>;
} = <A>(predicate: Predicate<A>): (<R, Err>(self: DataStream<R, Err, A>) => DataStream<R, Err, A>) =>
  filterMap(O.fromPredicate(predicate));

/**
 * All elements of what each element becomes, one after the other: rows of files. Inner data whose size is known are not read
 * where a position lies behind them.
 */
export const flatMap =
  <A, R2, Err2, B>(f: (a: A) => DataStream<R2, Err2, B>) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R & R2, Err | Err2, B> =>
    make<R & R2, Err | Err2, B>(
      ({ pass, at }) =>
        S.fromGenerator<R & R2, Err | Err2, B>(async function* (r) {
          let behind = at;
          for await (const e of self.open({ pass, at: 0 })(r)) {
            if (E.isLeft(e)) return yield e;
            const inner = f(e.right);
            if (inner.size !== undefined && inner.size <= behind) {
              behind -= inner.size;
              continue;
            }
            // Of unknown size: it may end before the position does.
            const from = inner.size === undefined ? 0 : behind;
            for await (const b of inner.open({ pass, at: from })(r)) {
              if (E.isLeft(b)) return yield b;
              if (inner.size === undefined && behind > 0) behind--;
              else yield b;
            }
            if (inner.size !== undefined) behind = 0;
          }
        }),
      undefined,
    );

// -------------------------------------------------------------------------------------
// two
// -------------------------------------------------------------------------------------

const shorter = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : Math.min(a, b);

const zipped = <R1, E1, A, R2, E2, B, C>(
  fa: S.Stream<R1, E1, A>,
  fb: S.Stream<R2, E2, B>,
  f: (a: A, b: B) => C,
): S.Stream<R1 & R2, E1 | E2, C> =>
  S.fromGenerator(async function* (r) {
    const other = fb(r)[Symbol.asyncIterator]();
    try {
      for await (const a of fa(r)) {
        if (E.isLeft(a)) return yield a;
        const b = await other.next();
        if (b.done === true) return;
        if (E.isLeft(b.value)) return yield b.value;
        yield E.right(f(a.right, b.value.right));
      }
    } finally {
      await other.return?.();
    }
  });

/** Elements of both, one of each; ends with the shorter one. */
export const zipWith =
  <R2, Err2, A, B, C>(that: DataStream<R2, Err2, B>, f: (a: A, b: B) => C) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R & R2, Err | Err2, C> => {
    const [first, second] = [self.pick, that.pick];
    return make<R & R2, Err | Err2, C>(
      (position) => zipped(self.open(position), that.open(position), f),
      shorter(self.size, that.size),
      first === undefined || second === undefined
        ? undefined
        : (pass, indices) => {
            const list = [...indices];
            return zipped(first(pass, list), second(pass, list), f);
          },
    );
  };

/** Pairs of both: inputs of one file with labels of another. */
export const zip =
  <R2, Err2, B>(that: DataStream<R2, Err2, B>) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R & R2, Err | Err2, readonly [A, B]> =>
    pipe(
      self,
      zipWith(that, (a: A, b: B) => [a, b] as const),
    );
