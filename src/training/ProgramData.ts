/** The data of a program or of one of its parts: in memory, or read as they are needed. Part of `Program.ts`. */
import type { DataStream } from '../data/DataStream.ts';
import type { Dataset } from '../data/Dataset.ts';
import type { AnyDataset } from './Check.ts';
import type { TrainingError } from './TrainingError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** A data set, or a stream of batches, each of which is one step. */
export type Supply<X, Y, R = unknown> = Dataset<X, Y> | DataStream<R, TrainingError, Dataset<X, Y>>;

export type AnyStream = DataStream<unknown, TrainingError, AnyDataset>;

/** With its types, and what reading it needs, forgotten. */
export type AnySupply = AnyDataset | AnyStream;

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

export const isStreamed = (data: AnySupply): data is AnyStream => '_tag' in data && data._tag === 'DataStream';

const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

export const sizeInWords = (data: AnySupply): string =>
  !isStreamed(data)
    ? plural(data.size, 'sample', 'samples')
    : data.size === undefined
      ? 'streamed'
      : `streamed, ${plural(data.size, 'batch', 'batches')}`;
