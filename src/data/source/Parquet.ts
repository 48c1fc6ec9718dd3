/** Rows of Parquet files as streamed data, by hyparquet, an optional package. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';
import * as S from '../../stream/Stream.ts';
import type { FileSystem, HasFileSystem, IoError } from '../../training/Environment.ts';
import { type DataError, type InvalidRow, invalidFile, missingPackage } from '../DataError.ts';
import { type DataStream, make, replayed } from '../streamed/Model.ts';
import { partOf, sizeOf } from './Bytes.ts';
import { decoded, type OnBadRow, settled } from './Records.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ParquetOptions<R = unknown, Err = never> {
  /** What becomes of rows that the codec refuses. Default `'stop'`. */
  readonly onBadRow?: OnBadRow<R, Err>;
  /** Columns to read. Default: all. */
  readonly columns?: readonly string[];
  /** MiB that decoding may take: a group of rows is decoded at once. Default 1024. */
  readonly memory?: number;
  /** Milliseconds of computing that a group of rows may take: a damaged file can make a decoder run for ever. Default 120 000. */
  readonly timeout?: number;
}

/**
 * 64-bit integers as numbers, if they are exact: Parquet's INT64 comes as `bigint`, INT32 as `number`; this takes both.
 */
export const integerFromParquet: t.Type<number, number, unknown> = new t.Type(
  'integerFromParquet',
  (u): u is number => Number.isSafeInteger(u),
  (u, c) => {
    const value = typeof u === 'bigint' ? Number(u) : u;
    return Number.isSafeInteger(value) ? t.success(Number(value)) : t.failure(u, c, 'an integer below 2^53');
  },
  (n) => n,
);

// -------------------------------------------------------------------------------------
// the decoder
// -------------------------------------------------------------------------------------

type Reading = Pick<ParquetOptions, 'columns' | 'memory' | 'timeout'>;

interface Opened {
  readonly groups: readonly number[];
  readonly names: readonly string[];
}

interface Decoder {
  readonly open: () => Promise<E.Either<DataError | IoError, Opened>>;
  readonly rows: (
    group: number,
    from: number,
    to: number,
  ) => Promise<E.Either<DataError | IoError, readonly unknown[]>>;
  readonly close: () => Promise<unknown>;
}

type FromWorker =
  | { readonly _tag: 'Slice'; readonly id: number; readonly start: number; readonly end: number }
  | { readonly _tag: 'Answer'; readonly result?: unknown; readonly error?: string };

const hyparquet = (): E.Either<DataError, string> =>
  E.tryCatch(
    () => pathToFileURL(createRequire(import.meta.url).resolve('hyparquet')).href,
    () => missingPackage('hyparquet', 'reading Parquet files'),
  );

const damagedFile = (path: string, said: string): DataError =>
  invalidFile(path, `it cannot be read as Parquet (${said})`, 'check that this is the right file, and fetch it again');

const start = (
  path: string,
  module: string,
  byteLength: number,
  fileSystem: FileSystem,
  { columns, memory = 1024, timeout = 120_000 }: Reading,
): Decoder => {
  const worker = new Worker(new URL('./parquetWorker.js', import.meta.url), {
    execArgv: [],
    workerData: { module, byteLength, limit: memory * 2 ** 20, columns },
    resourceLimits: { maxOldGenerationSizeMb: memory },
  });
  let failed: DataError | IoError | undefined;
  let answer: ((result: E.Either<DataError | IoError, unknown>) => void) | undefined;
  let watch: NodeJS.Timeout | undefined;
  const settle = (result: E.Either<DataError | IoError, unknown>): void => {
    clearTimeout(watch);
    const waiting = answer;
    answer = undefined;
    waiting?.(result);
  };
  const die = (said: string): void => {
    failed ??= damagedFile(path, said);
    settle(E.left(failed));
  };
  const watched = (): void => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      die(`decoding takes more than ${timeout} ms: raise \`timeout\` if the file is right`);
      void worker.terminate();
    }, timeout);
  };
  worker.on('error', (e: unknown) => {
    const tooMuch = e instanceof Error && 'code' in e && e.code === 'ERR_WORKER_OUT_OF_MEMORY';
    die(tooMuch ? `decoding takes more than ${memory} MiB: raise \`memory\` if the file is right` : String(e));
  });
  worker.on('exit', () => die('the decoder has ended'));
  worker.on('message', async (message: FromWorker) => {
    if (message._tag === 'Answer') {
      const { result, error } = message;
      return settle(error === undefined ? E.right(result) : E.left(failed ?? damagedFile(path, error)));
    }
    // Reading takes what it takes.
    clearTimeout(watch);
    const bytes = await partOf(fileSystem, path, message.start, message.end - message.start)();
    if (E.isLeft(bytes)) {
      failed = bytes.left;
      return worker.postMessage({ _tag: 'Bytes', id: message.id, error: bytes.left.message });
    }
    const own = bytes.right.slice().buffer;
    if (answer !== undefined) watched();
    worker.postMessage({ _tag: 'Bytes', id: message.id, bytes: own }, [own]);
  });
  const ask = (message: unknown): Promise<E.Either<DataError | IoError, unknown>> =>
    new Promise((resolve) => {
      if (failed !== undefined) return resolve(E.left(failed));
      answer = resolve;
      watched();
      worker.postMessage(message);
    });
  return {
    open: async () =>
      pipe(
        await ask({ _tag: 'Open' }),
        E.map((result) => result as Opened),
      ),
    rows: async (group, from, to) =>
      pipe(
        await ask({ _tag: 'Rows', group, from, to }),
        E.map((result) => result as readonly unknown[]),
      ),
    close: () => {
      clearTimeout(watch);
      return worker.terminate();
    },
  };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Rows that are sent at once. */
const SLICE = 4096;

interface Numbered {
  readonly value: unknown;
  readonly row: number;
}

/** All rows from `at` on; groups before it are not read. */
const rowsFrom = (path: string, at: number, options: Reading): S.Stream<HasFileSystem, DataError | IoError, Numbered> =>
  S.fromGenerator<HasFileSystem, DataError | IoError, Numbered>(async function* ({ fileSystem }) {
    const module = hyparquet();
    if (E.isLeft(module)) return yield module;
    const size = await sizeOf(fileSystem, path)();
    if (E.isLeft(size)) return yield size;
    const decoder = start(path, module.right, size.right, fileSystem, options);
    try {
      const opened = await decoder.open();
      if (E.isLeft(opened)) return yield opened;
      const { groups, names } = opened.right;
      const missing = options.columns?.filter((name) => !names.includes(name)) ?? [];
      if (missing.length > 0) {
        const what = `expected the columns ${missing.join(', ')}, there are ${names.join(', ')}`;
        return yield E.left(invalidFile(path, what, 'compare the names'));
      }
      if (groups.some((rows) => !Number.isSafeInteger(rows) || rows < 0))
        return yield E.left(damagedFile(path, 'a group has a number of rows that cannot be'));
      let before = 0;
      for (const [group, rows] of groups.entries()) {
        for (let from = Math.max(0, at - before); from < rows; from += SLICE) {
          const to = Math.min(rows, from + SLICE);
          const slice = await decoder.rows(group, from, to);
          if (E.isLeft(slice)) return yield slice;
          if (slice.right.length !== to - from)
            return yield E.left(damagedFile(path, `group ${group} has fewer than its ${rows} rows`));
          for (const [i, value] of slice.right.entries()) yield E.right({ value, row: before + from + i + 1 });
        }
        before += rows;
      }
    } finally {
      await decoder.close();
    }
  });

/**
 * The rows of a Parquet file as records, through a codec: one group of rows in memory at a time. Needs the package `hyparquet`; pages
 * may be plain or packed by Snappy, GZIP, Brotli or, on Node 22 and later, Zstandard. 64-bit integers come as `bigint` (see
 * `integerFromParquet`), times as `Date`, texts as `string`, nulls as `null`. Decoding is done in a thread of its own whose memory
 * is limited, so that a damaged file cannot take the process with it. A position is reached without reading groups before it,
 * unless refused rows are passed over.
 *
 * Errors: `hyparquet` is missing; reading; no Parquet, or damaged; columns that are not there; of rows as `onBadRow` says.
 *
 * @example
 * D.parquet('trips.parquet', t.type({ distance: t.number, riders: D.integerFromParquet }), { columns: ['distance', 'riders'] })
 */
export const parquet = <A, R = unknown, Err = never>(
  path: string,
  codec: t.Decoder<unknown, A>,
  options: ParquetOptions<R, Err> = {},
): DataStream<R & HasFileSystem, Err | DataError | IoError, A> => {
  const { onBadRow = 'stop' } = options;
  const decode = decoded(codec, path, 'row');
  const from = (at: number): S.Stream<R & HasFileSystem, Err | DataError | IoError, A> =>
    pipe(
      rowsFrom(path, at, options),
      S.map(({ value, row }): E.Either<InvalidRow, A> => decode(value, row)),
      settled(onBadRow),
    );
  return make(onBadRow === 'stop' ? ({ at }) => from(at) : replayed(() => from(0)), undefined);
};
