/**
 * Runs a walk through a file; however it ends, the result is a value.
 */
import * as E from 'fp-ts/lib/Either.js';
import { type ImportError, malformed, Refusal } from './ImportError.ts';

/** What a broken file makes the walk stumble over (a stack too deep, a length too large) is an error value as well. */
export const attempt = <A>(walk: () => A): E.Either<ImportError, A> =>
  E.tryCatch(walk, (thrown) =>
    thrown instanceof Refusal
      ? thrown.error
      : malformed(
          thrown instanceof Error
            ? `the model contradicts itself: ${thrown.message}`
            : `the model contradicts itself: ${String(thrown)}`,
        ),
  );
