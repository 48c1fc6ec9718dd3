/**
 * The effects a run needs, as values: tests pass their own. Nothing here throws; failures are typed.
 */
import type { IO } from 'fp-ts/lib/IO.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface IoError {
  readonly _tag: 'IoError';
  /** What was tried, on which path, what the system said, and the likely mend. */
  readonly message: string;
  readonly path: string;
  /** The system's code: ENOENT, EACCES, ENOSPC, ... */
  readonly code: string | undefined;
}

export interface FileSystem {
  readonly readFile: (path: string) => TaskEither<IoError, Uint8Array>;
  /** Whole or not at all: written under a temporary name in the same folder, synced, renamed. Makes missing folders. */
  readonly writeFile: (path: string, bytes: Uint8Array) => TaskEither<IoError, void>;
  /** Makes missing folders. */
  readonly appendFile: (path: string, content: string | Uint8Array) => TaskEither<IoError, void>;
  readonly exists: (path: string) => TaskEither<IoError, boolean>;
  readonly remove: (path: string) => TaskEither<IoError, void>;
  /** Names of the files in a folder, sorted; none if there is no such folder. */
  readonly list: (folder: string) => TaskEither<IoError, readonly string[]>;
  /** Some bytes of a file, at most up to its end. Without it files are read whole, which ends at 2 GiB on Node. */
  readonly readRange?: (path: string, offset: number, length: number) => TaskEither<IoError, Uint8Array>;
  /** Of a file, in bytes. Without it a file is read to know. */
  readonly size?: (path: string) => TaskEither<IoError, number>;
  /** Names of the folders in a folder, sorted. Without it nothing below a folder is found. */
  readonly folders?: (folder: string) => TaskEither<IoError, readonly string[]>;
  /** The path with all links in it followed. Without it there are no links. */
  readonly realPath?: (path: string) => TaskEither<IoError, string>;
}

export interface Interrupts {
  /** Calls the handler once, at the first signal that asks the process to end; what results stops listening. */
  readonly listen: (handler: (signal: string) => void) => IO<IO<void>>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: IO<number>;
}

export interface Timer {
  /** Runs an effect once after so many milliseconds; what results calls that off. */
  readonly after: (milliseconds: number, effect: IO<void>) => IO<IO<void>>;
}

export interface Terminal {
  /** As it is: no line end is added. */
  readonly write: (text: string) => IO<void>;
  /** Whether a line can be rewritten in place. */
  readonly isInteractive: boolean;
  readonly columns: number;
}

export interface HttpError {
  readonly _tag: 'HttpError';
  /** What was sent where, what came back or went wrong, and the likely mend. */
  readonly message: string;
  readonly url: string;
  /** The answer's status, if there was an answer. */
  readonly status: number | undefined;
}

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** After so many milliseconds without an answer it has failed. */
  readonly timeout: number;
}

export interface Http {
  /** Sends a POST. An answer whose status is not 200 to 299 is an error. */
  readonly post: (request: HttpRequest) => TaskEither<HttpError, void>;
}

export interface HasFileSystem {
  readonly fileSystem: FileSystem;
}
export interface HasClock {
  readonly clock: Clock;
}
export interface HasTimer {
  readonly timer: Timer;
}
export interface HasTerminal {
  readonly terminal: Terminal;
}
export interface HasInterrupts {
  readonly interrupts: Interrupts;
}
export interface HasHttp {
  readonly http: Http;
}
