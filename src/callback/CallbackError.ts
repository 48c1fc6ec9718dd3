/**
 * What can go wrong in a callback, as a value: which callback, what kind of trouble, and a message that says what was
 * expected, what came, and the likely mend.
 */
import type { IoError } from '../training/Environment.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export type CallbackErrorReason =
  /** An option that makes no sense, seen before the first step. */
  | 'InvalidOption'
  /** The monitored key is not in the logs of this run. */
  | 'UnknownMonitor'
  /** Two callbacks of one run have the same key. */
  | 'DuplicateKey'
  /** The state that a checkpoint kept does not decode. */
  | 'BadState'
  /** Events or directives where they cannot be: an event before `RunStarted`, a `Log` where there are no logs. */
  | 'Protocol'
  | 'Io'
  /** The callback itself gave up. */
  | 'Failed';

export interface CallbackError {
  readonly _tag: 'CallbackError';
  /** The key of the callback. */
  readonly key: string;
  readonly reason: CallbackErrorReason;
  readonly message: string;
  readonly cause?: unknown;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** An error of the callback `key`; its message begins with the key. */
export const callbackError = (key: string, reason: CallbackErrorReason, message: string): CallbackError => ({
  _tag: 'CallbackError',
  key,
  reason,
  message: `${key}: ${message}`,
});

/** What the file system said, as the error of a callback. */
export const fromIoError =
  (key: string) =>
  (error: IoError): CallbackError => ({ ...callbackError(key, 'Io', error.message), cause: error });

/** Whatever was thrown, as the error of a callback. */
export const fromUnknown =
  (key: string) =>
  (cause: unknown): CallbackError => ({
    ...callbackError(key, 'Failed', cause instanceof Error ? cause.message : String(cause)),
    cause,
  });
