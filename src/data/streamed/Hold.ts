/** Streamed data from streamed data: what is kept, or read ahead. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import * as S from '../../stream/Stream.ts';
import type { DataError } from '../DataError.ts';
import { type DataStream, fromArray, isPositive, make, refused } from './Model.ts';

/**
 * Reads a pass once and keeps its elements in memory; later passes are read from there, any position at once. What is kept is one
 * pass, so shuffle and augment behind it, not before. Only a pass that was read whole from its beginning is kept. With more than
 * `atMost` elements nothing is kept, and every pass is read anew.
 *
 * Each environment has a memory of its own.
 */
export const cache =
  (options: { readonly atMost?: number } = {}) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err, A> => {
    const { atMost = Number.POSITIVE_INFINITY } = options;
    // The one mutable cell: not to be seen from outside, since the same elements come whether it is full or not.
    const kept = new WeakMap<object, DataStream<unknown, never, A>>();
    const nobody = {};
    return make(
      (position) =>
        S.fromGenerator<R, Err, A>(async function* (r) {
          const key = typeof r === 'object' && r !== null ? r : nobody;
          const known = kept.get(key);
          if (known !== undefined) return yield* known.open(position)(r);
          let all: A[] | undefined = position.at === 0 ? [] : undefined;
          // The first pass for all: what later passes would have been is not read.
          for await (const e of self.open({ pass: 0, at: position.at })(r)) {
            if (E.isRight(e)) all = all === undefined || all.length >= atMost ? undefined : push(all, e.right);
            yield e;
            if (E.isLeft(e)) return;
          }
          if (all !== undefined) kept.set(key, fromArray(all));
        }),
      self.size,
    );
  };

/** The same array with one more: it has one owner. */
const push = <A>(all: A[], a: A): A[] => {
  all.push(a);
  return all;
};

/**
 * The same elements, with up to `capacity` of them read ahead while the consumer is at work. To compute in other threads too, see
 * `mapInWorkers`. Error, of the stream: `capacity` is not a positive integer.
 */
export const prefetch =
  (options: { readonly capacity: number }) =>
  <R, Err, A>(self: DataStream<R, Err, A>): DataStream<R, Err | DataError, A> => {
    const { pick } = self;
    const { capacity } = options;
    if (!isPositive(capacity))
      return make<R, Err | DataError, A>(
        () => refused('prefetch: capacity', capacity, 'a positive integer', 'it is how many elements are read ahead'),
        undefined,
      );
    return make(
      (position) => S.buffer(capacity)(self.open(position)),
      self.size,
      pick === undefined ? undefined : (pass, indices) => S.buffer(capacity)(pick(pass, indices)),
    );
  };
