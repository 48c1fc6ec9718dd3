/** Streamed data from streamed data: how many elements, and of which source the next one is. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import type { DataError } from '../DataError.ts';
import { type DataStream, isNatural, isPositive, make, type Position, refused } from './Model.ts';

// -------------------------------------------------------------------------------------
// a part
// -------------------------------------------------------------------------------------

/** At most the first `n` elements of each pass. Error, of the stream: `n` is not a whole number, 0 or more. */
export const take =
  (n: number) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    if (!isNatural(n))
      return make<R, Err | DataError, A>(
        () => refused('take', n, 'a whole number, 0 or more', 'it is a number of elements'),
        undefined,
      );
    return make(
      ({ pass, at }) => S.take(n - at)(self.open({ pass, at })),
      self.size === undefined ? undefined : Math.min(n, self.size),
      self.size === undefined ? undefined : self.pick,
    );
  };

/** All but the first `n` elements of each pass. Error, of the stream: `n` is not a whole number, 0 or more. */
export const drop =
  (n: number) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    const { pick } = self;
    if (!isNatural(n))
      return make<R, Err | DataError, A>(
        () => refused('drop', n, 'a whole number, 0 or more', 'it is a number of elements'),
        undefined,
      );
    return make(
      ({ pass, at }) => self.open({ pass, at: at + n }),
      self.size === undefined ? undefined : Math.max(0, self.size - n),
      pick === undefined
        ? undefined
        : (pass, indices) =>
            pick(
              pass,
              Array.from(indices, (i) => i + n),
            ),
    );
  };

// -------------------------------------------------------------------------------------
// several
// -------------------------------------------------------------------------------------

/** The elements of the first, then those of `that`, in every pass. */
export const concat =
  <R2, Err2, B>(that: DataStream<R2, Err2, B>) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R & R2, Err | Err2, A | B> => {
    const { size } = self;
    return make<R & R2, Err | Err2, A | B>(
      ({ pass, at }) => {
        if (size !== undefined && at >= size) return that.open({ pass, at: at - size });
        if (size !== undefined || at === 0) return S.concatW(that.open({ pass, at: 0 }))(self.open({ pass, at }));
        return S.drop(at)(S.concatW(that.open({ pass, at: 0 }))(self.open({ pass, at: 0 })));
      },
      size === undefined || that.size === undefined ? undefined : size + that.size,
    );
  };

/**
 * The data `times` over as one pass; without a number, for ever. Each time is a pass of the source, so what is shuffled before is in
 * another order each time. Where the size is known a position is reached without reading what is behind it.
 *
 * Error, of the stream: `times` is not a positive integer. An endless repetition of nothing ends.
 */
export const repeat =
  (times = Number.POSITIVE_INFINITY) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    const { size } = self;
    if (times !== Number.POSITIVE_INFINITY && !isPositive(times))
      return make<R, Err | DataError, A>(
        () => refused('repeat', times, 'a positive integer, or nothing for ever', 'it is a number of passes'),
        undefined,
      );
    const isEndless = times === Number.POSITIVE_INFINITY;
    return make(
      ({ pass, at }) =>
        S.fromGenerator(async function* (r) {
          const first = isEndless ? pass : pass * times;
          let behind = at;
          let i = 0;
          if (size !== undefined && size > 0) {
            i = Math.floor(at / size);
            behind = at % size;
          }
          for (; i < times; i++) {
            const from = size === undefined ? 0 : behind;
            let given = 0;
            for await (const e of self.open({ pass: first + i, at: from })(r)) {
              given++;
              if (E.isLeft(e)) return yield e;
              if (size === undefined && behind > 0) behind--;
              else yield e;
            }
            if (size !== undefined) behind = 0;
            if (given === 0 && from === 0) return;
          }
        }),
      isEndless || size === undefined ? undefined : size * times,
    );
  };

/** How many elements of each source are behind a position, from sizes that are known. */
const turns = (
  sizes: readonly number[],
  block: number,
  at: number,
): { readonly taken: readonly number[]; readonly turn: number; readonly inBlock: number } => {
  const taken = sizes.map(() => 0);
  let turn = 0;
  let inBlock = 0;
  for (let left = at; left > 0; ) {
    const free = (sizes[turn] ?? 0) - (taken[turn] ?? 0);
    const some = Math.min(block - inBlock, free, left);
    taken[turn] = (taken[turn] ?? 0) + some;
    left -= some;
    inBlock += some;
    if (left === 0 && inBlock < block) break;
    if (some === 0 && sizes.every((size, i) => size === taken[i])) break;
    turn = (turn + 1) % sizes.length;
    inBlock = 0;
  }
  return { taken, turn, inBlock };
};

/**
 * `block` elements (default 1) of each in turn; who has ended is left out. tf.data: `interleave`, with a `cycle_length` of all.
 * All are open at the same time. Error, of the stream: `block` is not a positive integer.
 */
export const interleave = <R, Err, A>(
  sources: readonly DataStream<R, Err, A>[],
  options: { readonly block?: number } = {},
): DataStream<R, Err | DataError, A> => {
  const { block = 1 } = options;
  if (!isPositive(block))
    return make<R, Err | DataError, A>(
      () => refused('interleave: block', block, 'a positive integer', 'it is how many elements come from each in turn'),
      undefined,
    );
  const sizes = sources.flatMap(({ size }) => (size === undefined ? [] : [size]));
  const known = sizes.length === sources.length;
  const run = (pass: number, taken: readonly number[], firstTurn: number, firstIn: number): S.Stream<R, Err, A> =>
    S.fromGenerator(async function* (r) {
      const open = sources.map((source, i) =>
        source
          .open({ pass, at: taken[i] ?? 0 })(r)
          [Symbol.asyncIterator](),
      );
      const ended = open.map(() => false);
      try {
        let inBlock = firstIn;
        for (let turn = firstTurn; !ended.every((end) => end); turn = (turn + 1) % open.length) {
          for (; inBlock < block && ended[turn] === false; inBlock++) {
            const next = await open[turn]?.next();
            if (next === undefined || next.done === true) ended[turn] = true;
            else {
              if (E.isLeft(next.value)) ended[turn] = true;
              yield next.value;
              if (E.isLeft(next.value)) return;
            }
          }
          inBlock = 0;
        }
      } finally {
        for (const [i, iterator] of open.entries()) if (ended[i] === false) await iterator.return?.();
      }
    });
  return make(
    ({ pass, at }: Position) => {
      if (!known) return S.drop(at)(run(pass, [], 0, 0));
      const { taken, turn, inBlock } = turns(sizes, block, at);
      return run(pass, taken, turn, inBlock);
    },
    known ? sizes.reduce((a, b) => a + b, 0) : undefined,
  );
};
