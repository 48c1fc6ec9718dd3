/**
 * The events of a run as lines of JSON.
 */
import { pipe } from 'fp-ts/lib/function.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import * as t from 'io-ts';
import type { HasFileSystem } from '../training/Environment.ts';
import type { Event } from '../training/Event.ts';
import { type Callback, fromMachine } from './Attach.ts';
import { fromIoError } from './CallbackError.ts';
import { eventJson } from './EventJson.ts';
import * as LogFile from './LogFile.ts';
import { type Answer, stay } from './Machine.ts';
import { maybe } from './StateCodec.ts';

export interface JsonlLoggerOptions {
  /** Which kinds of events are written. Default `['EpochEnded']`. */
  readonly events?: ReadonlyArray<Event['_tag']> | 'all';
  /** Adds to a file that is there; else the file is made anew. Default false. */
  readonly append?: boolean;
  /** Default `jsonlLogger(PATH)`. */
  readonly key?: string;
}

export interface JsonlLoggerState {
  /** The length of the file after the last line; `undefined` before the first run has started. */
  readonly bytes: number | undefined;
}

const codec: t.Type<JsonlLoggerState, unknown> = t.type({ bytes: maybe(t.number) });

/**
 * Writes a line of JSON for each event to `path`: its kind as `event`, and its fields under their names, such as
 * `{"event":"EpochEnded","epoch":0,"logs":{"loss":0.5},"learningRate":0.001,"time":1700000000000}`. NaN and infinities are
 * strings.
 *
 * - A resumed run goes on in its file, behind the lines that the checkpoint knows.
 * - Missing folders are made.
 *
 * Errors: `Io` when the file cannot be written.
 *
 * Keras: a `LambdaCallback` that writes JSON. Lightning: a `Logger`.
 *
 * @example
 * pipe(run, C.jsonlLogger('log.jsonl', { events: ['EpochEnded', 'CheckpointSaved'] }))
 */
export const jsonlLogger = (path: string, options: JsonlLoggerOptions = {}): Callback<HasFileSystem> => {
  const { events = ['EpochEnded'], append = false, key = `jsonlLogger(${path})` } = options;
  type State = JsonlLoggerState;
  const isWanted = (event: Event): boolean => events === 'all' || events.includes(event._tag);

  const begun =
    (state: State): Answer<HasFileSystem, State> =>
    ({ fileSystem }) =>
      pipe(
        state.bytes === undefined
          ? LogFile.fresh(fileSystem, path, append)
          : LogFile.rewind(fileSystem, path, state.bytes),
        TE.bimap(fromIoError(key), (bytes) => [{ bytes }, []]),
      );

  const line =
    (state: State, event: Event): Answer<HasFileSystem, State> =>
    ({ fileSystem }) =>
      pipe(
        LogFile.append(fileSystem, path, state.bytes ?? 0, `${JSON.stringify(eventJson(event))}\n`),
        TE.bimap(fromIoError(key), (bytes) => [{ bytes }, []]),
      );

  return fromMachine()<HasFileSystem, State>({
    key,
    codec,
    initial: { bytes: undefined },
    step: (state, event) => (r) =>
      pipe(
        event._tag === 'RunStarted' ? begun(state)(r) : stay<State>(state)(r),
        TE.chain(([next, directives]) => (isWanted(event) ? line(next, event)(r) : TE.right([next, directives]))),
      ),
  });
};
