/**
 * A row of logs for each epoch in a CSV file. Keras: `CSVLogger`, byte for byte.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import type { HasFileSystem } from '../training/Environment.ts';
import type { Directive, Logs } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { callbackError, fromIoError } from './CallbackError.ts';
import * as LogFile from './LogFile.ts';
import { type Answer, fail, stay } from './Machine.ts';
import { repr } from './PythonNumber.ts';
import { maybe } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface CsvLoggerOptions {
  /** One character. Default `,`. */
  readonly separator?: string;
  /** Adds to a file that is there, with a header only where it is empty; else the file is made anew. Default false. */
  readonly append?: boolean;
  /** Default `csvLogger(PATH)`. */
  readonly key?: string;
}

export interface CsvLoggerState {
  /** The columns after `epoch`, from the first epoch on. */
  readonly columns: ReadonlyArray<string> | undefined;
  /** The length of the file after the last row. */
  readonly bytes: number;
}

const codec: t.Type<CsvLoggerState, unknown> = t.type({
  columns: maybe(t.readonlyArray(t.string)),
  bytes: t.number,
});

const none: ReadonlyArray<Directive> = [];

// -------------------------------------------------------------------------------------
// text
// -------------------------------------------------------------------------------------

const columnsOf = (logs: Logs): ReadonlyArray<string> => {
  const keys = Object.keys(logs).sort();
  return keys.some((key) => key.startsWith('val_')) ? keys : [...keys, ...keys.map((key) => `val_${key}`)];
};

const quote =
  (separator: string) =>
  (cell: string): string =>
    cell.includes(separator) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

const line = (separator: string, cells: ReadonlyArray<string>): string =>
  `${cells.map(quote(separator)).join(separator)}\r\n`;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Writes a row for each epoch (counted from 0) to `path`: `epoch`, then the logs sorted by key.
 *
 * - The columns are those of the run's first epoch. When it has no `val_` key, there is a `val_` column for each key all the
 *   same. What an epoch lacks is `NA`; keys that come later are left out.
 * - Numbers are in the shortest form that reads back the same; lines end in CRLF.
 * - A resumed run goes on in its file, behind the rows of the epochs that the checkpoint knows.
 * - Missing folders are made.
 *
 * Errors: `InvalidOption` for a separator that is not one character, before the first step; `Io` when the file cannot be written.
 *
 * Keras: `CSVLogger`.
 *
 * @example
 * pipe(run, C.csvLogger('log.csv'))
 */
export const csvLogger = (path: string, options: CsvLoggerOptions = {}): Callback<HasFileSystem> => {
  const { separator = ',', append = false, key = `csvLogger(${path})` } = options;
  type State = CsvLoggerState;

  const start =
    (state: State): Answer<HasFileSystem, State> =>
    ({ fileSystem }) =>
      pipe(
        state.columns === undefined
          ? LogFile.fresh(fileSystem, path, append)
          : LogFile.rewind(fileSystem, path, state.bytes),
        TE.bimap(fromIoError(key), (bytes) => [{ ...state, bytes }, none]),
      );

  const row =
    (state: State, epoch: number, logs: Logs): Answer<HasFileSystem, State> =>
    ({ fileSystem }) => {
      const columns = state.columns ?? columnsOf(logs);
      const header = state.bytes === 0 ? line(separator, ['epoch', ...columns]) : '';
      const cells = columns.map((column) => {
        const value = logs[column];
        return value === undefined ? 'NA' : repr(value);
      });
      const text = header + line(separator, [String(epoch), ...cells]);
      return pipe(
        LogFile.append(fileSystem, path, state.bytes, text),
        TE.bimap(fromIoError(key), (bytes) => [{ columns, bytes }, none]),
      );
    };

  return fromMachine()<HasFileSystem, State>({
    key,
    codec,
    initial: { columns: undefined, bytes: 0 },
    step: (state, event) => {
      switch (event._tag) {
        case 'RunStarted':
          return Array.from(separator).length === 1
            ? start(state)
            : fail(callbackError(key, 'InvalidOption', `the separator must be one character, but is '${separator}'`));
        case 'EpochEnded':
          return row(state, event.epoch, event.logs);
        default:
          return stay(state);
      }
    },
  });
};
