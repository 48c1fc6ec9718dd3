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
  readonly appendFile: (path: string, text: string) => TaskEither<IoError, void>;
  readonly exists: (path: string) => TaskEither<IoError, boolean>;
  readonly remove: (path: string) => TaskEither<IoError, void>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: IO<number>;
}

export interface Terminal {
  /** As it is: no line end is added. */
  readonly write: (text: string) => IO<void>;
  /** Whether a line can be rewritten in place. */
  readonly isInteractive: boolean;
  readonly columns: number;
}

export interface HasFileSystem {
  readonly fileSystem: FileSystem;
}
export interface HasClock {
  readonly clock: Clock;
}
export interface HasTerminal {
  readonly terminal: Terminal;
}
