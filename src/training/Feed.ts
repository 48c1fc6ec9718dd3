/**
 * Streamed data on their way into the training graph: chunks of batches as arrays by graph input, checked as data in memory are.
 * The graph takes any number of rows and `indices` choose among them: a chunk is its rows, and the indices 0 .. n-1.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as TE from 'fp-ts/lib/TaskEither.js';
import { type ChunkReader, chunkReader, type DataStream } from '../data/DataStream.ts';
import type { NdArray } from '../shape/NdArray.ts';
import type { AnyDataset, Checked } from './Check.ts';
import type { Cursor } from './Position.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface Fed {
  readonly arrays: Readonly<Record<string, NdArray>>;
  /** All of them, in their order. */
  readonly indices: Int32Array;
  readonly batchSize: number;
  /** Behind the last of these batches: a cursor of streamed data counts batches. */
  readonly next: Cursor;
}

export interface Feed {
  /** Up to so many batches from there on; `undefined` at the end of the pass. */
  readonly read: (from: Cursor, steps: number) => TE.TaskEither<TrainingError, Fed | undefined>;
  readonly close: () => Promise<void>;
}

/** What a chunk takes at most, if it has more than one batch. */
const MOST_BYTES = 2 ** 26;

const bytesOf = (arrays: Readonly<Record<string, NdArray>>): number =>
  Object.values(arrays).reduce((n, { data }) => n + data.byteLength, 0);

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

type Batches = DataStream<unknown, TrainingError, AnyDataset>;

/** Reads on where it is, and anew where it is asked for another place. */
export const feedOf = (
  batches: Batches,
  env: unknown,
  check: (data: AnyDataset) => E.Either<TrainingError, Checked>,
): Feed => {
  let open: { readonly reader: ChunkReader<TrainingError, unknown, unknown>; at: Cursor } | undefined;
  let bytesOfBatch = 0;
  const close = async (): Promise<void> => {
    const last = open;
    open = undefined;
    await last?.reader.close();
  };
  return {
    read: (from, steps) => async () => {
      if (open?.at.pass !== from.pass || open.at.at !== from.at) {
        await close();
        open = { reader: chunkReader(from)(batches)(env), at: from };
      }
      const fit = bytesOfBatch === 0 ? 1 : Math.max(1, Math.floor(MOST_BYTES / bytesOfBatch));
      const chunk = await open.reader.read(Math.min(steps, fit))();
      if (E.isLeft(chunk)) return chunk;
      if (chunk.right === undefined) return E.right(undefined);
      const { data, batchSize, batches: count, next } = chunk.right;
      open.at = next;
      return pipe(
        check(data),
        E.map(({ samples: { arrays, size } }) => {
          bytesOfBatch = bytesOf(arrays) / count;
          return { arrays, batchSize, next, indices: Int32Array.from({ length: size }, (_, i) => i) };
        }),
      );
    },
    close,
  };
};

/** The first batch of a pass, by a reading of its own. */
export const firstBatch =
  (batches: Batches, env: unknown, pass: number): TE.TaskEither<TrainingError, AnyDataset | undefined> =>
  async () => {
    const reader = chunkReader({ pass, at: 0 })(batches)(env);
    const chunk = await reader.read(1)();
    await reader.close();
    return pipe(
      chunk,
      E.map((found) => found?.data),
    );
  };
