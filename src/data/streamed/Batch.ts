/** Streamed data from streamed data: elements together. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import { type DataError, invalidArgument } from '../DataError.ts';
import { type Dataset, joined } from '../Dataset.ts';
import { type DataStream, isNatural, isPositive, make, refused, replayed } from './Model.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** What becomes of a last batch that is not full: it stays smaller, is dropped, or is filled up with this element. */
export type Last<A> = 'keep' | 'drop' | { readonly pad: A };

const finished = <A>(held: readonly A[], size: number, last: Last<A>): readonly (readonly A[])[] => {
  if (held.length === 0 || (last === 'drop' && held.length < size)) return [];
  return typeof last === 'object' ? [[...held, ...Array.from({ length: size - held.length }, () => last.pad)]] : [held];
};

const count = (size: number | undefined, n: number, last: Last<unknown>): number | undefined =>
  size === undefined ? undefined : last === 'drop' ? Math.floor(size / n) : Math.ceil(size / n);

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * `n` elements at a time. The last batch of a pass stays smaller (the default), is dropped, or is filled up. A position is reached as fast
 * as the source reaches `n` times as many. Keras and tf.data: `batch(n, drop_remainder)`.
 *
 * Error, of the stream: `n` is not a positive integer.
 */
export const batch =
  <A = never>(n: number, options: { readonly last?: Last<A> } = {}) =>
  <R, Err, B>(self: DataStream<R, Err, B>): DataStream<R, Err | DataError, readonly (A | B)[]> => {
    const { last = 'keep' } = options;
    if (!isPositive(n))
      return make<R, Err | DataError, readonly (A | B)[]>(
        () => refused('batch', n, 'a positive integer', 'it is the number of elements in a batch'),
        undefined,
      );
    return make(
      ({ pass, at }) =>
        S.fromGenerator<R, Err, readonly (A | B)[]>(async function* (r) {
          let held: (A | B)[] = [];
          for await (const e of self.open({ pass, at: at * n })(r)) {
            if (E.isLeft(e)) return yield e;
            held.push(e.right);
            if (held.length < n) continue;
            yield E.right(held);
            held = [];
          }
          for (const batch of finished<A | B>(held, n, last)) yield E.right(batch);
        }),
      count(self.size, n, last),
    );
  };

/** The elements of each batch one by one. */
export const unbatch = <R, Err, A>(self: DataStream<R, Err, readonly A[]>): DataStream<R, Err, A> =>
  make(
    replayed((pass) =>
      S.fromGenerator(async function* (r) {
        for await (const e of self.open({ pass, at: 0 })(r)) {
          if (E.isLeft(e)) return yield e;
          for (const a of e.right) yield E.right(a);
        }
      }),
    ),
    undefined,
  );

/**
 * Batches of elements of about the same length, so that little is padded: `boundaries: [20, 50]` makes three groups, up to 20, up to
 * 50, and longer. A batch leaves when its group is full; those left over at the end leave smaller, the shortest first.
 * tf.data: `bucket_by_sequence_length`.
 *
 * Errors, of the stream: boundaries that do not rise, a batch size that is not a positive integer, or not one for each group.
 */
export const batchByLength =
  <A>(options: {
    readonly lengthOf: (a: A) => number;
    readonly boundaries: readonly number[];
    /** One for all groups, or one for each. */
    readonly batchSize: number | readonly number[];
    readonly last?: Last<A>;
  }) =>
  <R, Err>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, readonly A[]> => {
    const { lengthOf, boundaries, batchSize, last = 'keep' } = options;
    const sizes = typeof batchSize === 'number' ? [...boundaries, 0].map(() => batchSize) : batchSize;
    const falls = boundaries.findIndex((b, i) => !(b > (boundaries[i - 1] ?? Number.NEGATIVE_INFINITY)));
    const odd = sizes.find((size) => !isPositive(size));
    const problem: DataError | undefined =
      falls >= 0
        ? invalidArgument(
            `batchByLength: boundaries[${falls}]`,
            boundaries[falls] ?? Number.NaN,
            'lengths that rise',
            'each is the greatest length of its group',
          )
        : odd !== undefined || sizes.length !== boundaries.length + 1
          ? invalidArgument(
              'batchByLength: batchSize',
              odd ?? sizes.length,
              odd === undefined ? `${boundaries.length + 1} sizes, one for each group` : 'a positive integer',
              'there is one group more than boundaries',
            )
          : undefined;
    if (problem !== undefined) return make<R, Err | DataError, readonly A[]>(() => S.left(problem), undefined);
    return make(
      replayed((pass) =>
        S.fromGenerator<R, Err, readonly A[]>(async function* (r) {
          const groups: A[][] = sizes.map(() => []);
          for await (const e of self.open({ pass, at: 0 })(r)) {
            if (E.isLeft(e)) return yield e;
            const length = lengthOf(e.right);
            const found = boundaries.findIndex((most) => length <= most);
            const group = found < 0 ? boundaries.length : found;
            const held = groups[group] ?? [];
            held.push(e.right);
            if (held.length < (sizes[group] ?? 1)) continue;
            groups[group] = [];
            yield E.right(held);
          }
          for (const [i, held] of groups.entries())
            for (const batch of finished(held, sizes[i] ?? 1, last)) yield E.right(batch);
        }),
      ),
      undefined,
    );
  };

/**
 * Data sets of `n` samples from data sets of any sizes: blocks of a file into batches. Samples stay in their order.
 *
 * Errors, of the stream: `n` is not a positive integer; blocks whose samples differ in shape or element type.
 */
export const rebatch =
  (n: number, options: { readonly last?: 'keep' | 'drop' } = {}) =>
  <R, Err, X, Y>(self: DataStream<R, Err, Dataset<X, Y>>): DataStream<R, Err | DataError, Dataset<X, Y>> => {
    const { last = 'keep' } = options;
    if (!isPositive(n))
      return make<R, Err | DataError, Dataset<X, Y>>(
        () => refused('rebatch', n, 'a positive integer', 'it is the number of samples in a batch'),
        undefined,
      );
    return make(
      replayed((pass) =>
        S.fromGenerator<R, Err | DataError, Dataset<X, Y>>(async function* (r) {
          let held: { readonly block: Dataset<X, Y>; readonly from: number }[] = [];
          let samples = 0;
          const leave = (most: number): E.Either<DataError, Dataset<X, Y>> => {
            const parts: { readonly block: Dataset<X, Y>; readonly from: number; readonly to: number }[] = [];
            let missing = most;
            const rest: typeof held = [];
            for (const { block, from } of held) {
              const some = Math.min(missing, block.size - from);
              if (some > 0) parts.push({ block, from, to: from + some });
              if (from + some < block.size) rest.push({ block, from: from + some });
              missing -= some;
            }
            held = rest;
            samples -= most;
            return joined(parts);
          };
          for await (const e of self.open({ pass, at: 0 })(r)) {
            if (E.isLeft(e)) return yield e;
            held.push({ block: e.right, from: 0 });
            samples += e.right.size;
            while (samples >= n) {
              const next = leave(n);
              yield next;
              if (E.isLeft(next)) return;
            }
          }
          if (samples > 0 && last === 'keep') yield leave(samples);
        }),
      ),
      undefined,
    );
  };

// -------------------------------------------------------------------------------------
// sequences
// -------------------------------------------------------------------------------------

export interface Padding {
  /** What fills up. Default 0. */
  readonly value?: number;
  /** Default: the longest row's. Longer rows are cut. */
  readonly length?: number;
  /** The length is rounded up to a multiple of this: fewer different shapes. */
  readonly multipleOf?: number;
  /** Where it is filled up and cut: behind (the default, as tf.data's `padded_batch`) or in front (as Keras's `pad_sequences`). */
  readonly side?: 'end' | 'start';
}

/**
 * Rows of one length from rows of different ones, for `D.ints(['seq'], ...)` in a batch. Where `length` is no whole number of 0 or more, or
 * `multipleOf` no positive integer, rows are empty, which `D.dataset` refuses.
 *
 * @example
 * pipe(texts, DS.batch(32), DS.mapEither((rows) => D.dataset({
 *   x: D.ints(['seq'], DS.padded(rows.map((r) => r.tokens))),
 *   y: D.ints([], rows.map((r) => r.label)),
 * })))
 */
export const padded = (rows: readonly ArrayLike<number>[], options: Padding = {}): readonly (readonly number[])[] => {
  const { value = 0, multipleOf = 1, side = 'end' } = options;
  const longest = options.length ?? rows.reduce((most, row) => Math.max(most, row.length), 0);
  const isSound = isNatural(longest) && isPositive(multipleOf);
  const length = isSound ? Math.ceil(longest / multipleOf) * multipleOf : 0;
  return rows.map((row) => {
    const shift = side === 'end' ? 0 : length - row.length;
    return Array.from({ length }, (_, i) => row[i - shift] ?? value);
  });
};
