/**
 * Data that are read as they are needed: rows of files, batches of arrays, with back-pressure and in bounded memory.
 *
 * A `DataStream<R, E, A>` is a description of passes through elements of type `A`: rows as a codec makes them, at first; in the end
 * batches, each a `Dataset<X, Y>` with the shapes of one sample in its type, which `fit` takes. Nothing is read before a pass is
 * opened, and no more than is asked for. Each pass may be in another order, which the seeds of the stages and the number of the pass
 * alone decide.
 *
 * Laws, for every stage:
 * - determinism: the same pass gives the same elements, whenever and wherever it is read;
 * - going on: `open({ pass, at: n })` gives what `open({ pass, at: 0 })` gives after its first n elements;
 * - `size`, where there is one, is how many elements a pass has;
 * - `pick(pass, [i])`, where there is one, gives element i of that pass.
 *
 * `map` keeps identity and composition; `concat` is associative; `take(n)` and `drop(n)` together are the whole;
 * `unbatch` after `batch` is the identity, as long as the last batch is kept.
 *
 * @example
 * import { Data as D, DataStream as DS } from 'grad-ts';
 *
 * const batches = pipe(
 *   D.csvRows('iris.csv', Flower),
 *   DS.shuffle({ seed: 1, buffer: 10_000 }),
 *   DS.batch(32),
 *   DS.mapEither((rows) => D.dataset({ x: D.floats([4], rows.map((r) => r.x)), y: D.ints([], rows.map((r) => r.kind)) })),
 *   DS.prefetch({ capacity: 4 }),
 * ); // DataStream<HasFileSystem, DataError | IoError, Dataset<[4], Int<[]>>>
 */
export type { Last, Padding } from './streamed/Batch.ts';
export { batch, batchByLength, padded, rebatch, unbatch } from './streamed/Batch.ts';
export type { Chunk, ChunkReader } from './streamed/Chunks.ts';
export { chunkReader, positioned, toChunks, toStream } from './streamed/Chunks.ts';
export {
  filter,
  filterMap,
  flatMap,
  map,
  mapEffect,
  mapEither,
  mapLeft,
  mapSeeded,
  zip,
  zipWith,
} from './streamed/Elements.ts';
export { cache, prefetch } from './streamed/Hold.ts';
export { concat, drop, interleave, repeat, take } from './streamed/Length.ts';
export type { DataStream } from './streamed/Model.ts';
export { fromArray, fromDataset, fromEither, fromPasses, fromStream, left, Position, start } from './streamed/Model.ts';
export { mix, resample, shuffle } from './streamed/Order.ts';
export type { InWorkers, WorkerContext } from './streamed/Workers.ts';
export { mapInWorkers } from './streamed/Workers.ts';
