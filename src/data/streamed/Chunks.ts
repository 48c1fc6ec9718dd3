/** Streamed data on their way into a run: passes, positions, and batches put together. Part of `DataStream.ts`. */
import * as E from 'fp-ts/lib/Either.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import * as S from '../../stream/Stream.ts';
import type { DataError } from '../DataError.ts';
import { type Dataset, describeSamples, joined } from '../Dataset.ts';
import { type DataStream, type Position, start } from './Model.ts';

// -------------------------------------------------------------------------------------
// as streams
// -------------------------------------------------------------------------------------

/** The elements of one pass, from a position on; by default the first pass from its beginning. */
export const toStream =
  (from: Position = start) =>
  <R, Err, A>(self: DataStream<R, Err, A>): S.Stream<R, Err, A> =>
    self.open(from);

/** Each element of one pass with the position behind it: keep that, and `toStream(position)` goes on with the next. */
export const positioned =
  (from: Position = start) =>
  <R, Err, A>(self: DataStream<R, Err, A>): S.Stream<R, Err, { readonly element: A; readonly next: Position }> =>
    S.fromGenerator(async function* (r) {
      let { at } = from;
      for await (const e of self.open(from)(r)) {
        if (E.isLeft(e)) return yield e;
        at++;
        yield E.right({ element: e.right, next: { pass: from.pass, at } });
      }
    });

// -------------------------------------------------------------------------------------
// chunks
// -------------------------------------------------------------------------------------

/** Batches behind each other as one data set: all have `batchSize` samples, the last one perhaps fewer. */
export interface Chunk<X, Y> {
  readonly data: Dataset<X, Y>;
  readonly batchSize: number;
  readonly batches: number;
  /** Where the next chunk begins. */
  readonly next: Position;
}

export interface ChunkReader<Err, X, Y> {
  /** Up to so many batches; `undefined` where the pass has ended. One at a time: wait for it before you ask again. */
  readonly read: (batches: number) => TaskEither<Err | DataError, Chunk<X, Y> | undefined>;
  /** Lets go of the source. To be called once, also after the end. */
  readonly close: () => Promise<void>;
}

/**
 * Batches for a consumer that decides as it goes how many it wants. Batches of one chunk have samples of one shape and, but for the
 * last, one size: where that changes a chunk ends early. A chunk of one batch is that batch, not a copy.
 */
export const chunkReader =
  (from: Position = start) =>
  <R, Err, X, Y>(self: DataStream<R, Err, Dataset<X, Y>>) =>
  (r: R): ChunkReader<Err, X, Y> => {
    const source = self.open(from)(r)[Symbol.asyncIterator]();
    let ahead: E.Either<Err, Dataset<X, Y>> | undefined;
    let ended = false;
    let { at } = from;
    const peek = async (): Promise<E.Either<Err, Dataset<X, Y>> | undefined> => {
      if (ahead !== undefined || ended) return ahead;
      const next = await source.next();
      if (next.done === true) ended = true;
      else {
        ahead = next.value;
        if (E.isLeft(next.value)) ended = true;
      }
      return ahead;
    };
    return {
      read: (batches) => async () => {
        const first = await peek();
        if (first === undefined) return E.right(undefined);
        if (E.isLeft(first)) return first;
        const parts: Dataset<X, Y>[] = [];
        const kind = describeSamples(first.right);
        const { size } = first.right;
        while (parts.length < Math.max(1, batches)) {
          const next = await peek();
          // An error behind good batches is told by the next reading.
          if (next === undefined || E.isLeft(next)) break;
          if (next.right.size > size || describeSamples(next.right) !== kind) break;
          parts.push(next.right);
          ahead = undefined;
          if (next.right.size < size) break;
        }
        at += parts.length;
        const [only] = parts;
        const data: E.Either<DataError, Dataset<X, Y>> = parts.length === 1 && only !== undefined
          ? E.right(only)
          : joined(parts.map((block) => ({ block, from: 0, to: block.size })));
        return E.isLeft(data)
          ? data
          : E.right({ data: data.right, batchSize: size, batches: parts.length, next: { pass: from.pass, at } });
      },
      close: async () => {
        if (!ended) await source.return?.();
        ended = true;
      },
    };
  };

/**
 * One pass in chunks of up to `batches` batches, each with the position behind it. Chunks depend on where the reading began, batches
 * and samples do not.
 */
export const toChunks =
  (options: { readonly batches: number; readonly from?: Position }) =>
  <R, Err, X, Y>(self: DataStream<R, Err, Dataset<X, Y>>): S.Stream<R, Err | DataError, Chunk<X, Y>> =>
    S.fromGenerator(async function* (r) {
      const reader = chunkReader(options.from)(self)(r);
      try {
        for (;;) {
          const chunk = await reader.read(options.batches)();
          if (E.isLeft(chunk)) return yield chunk;
          if (chunk.right === undefined) return;
          yield E.right(chunk.right);
        }
      } finally {
        await reader.close();
      }
    });
