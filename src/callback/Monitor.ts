/**
 * What `earlyStopping`, `reduceLROnPlateau` and `modelCheckpoint` have in common: a log key that is watched, the
 * direction in which it gets better, and the test whether it did.
 *
 * - An improvement is strict and by more than `|minDelta|`: `value + d < best`, or `value - d > best` for `'max'`.
 * - Anything improves on no best at all, NaN too; nothing improves on NaN, and NaN on nothing else.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Direction } from '../training/Event.ts';
import { type CallbackError, callbackError } from './CallbackError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `'auto'`: the direction that the run declares for the key; nothing is guessed from a name. */
export type Mode = Direction | 'auto';

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/**
 * The direction of a monitored key. The key must be one that this run logs, whatever the mode is: a misspelt monitor is
 * an error before the first step (Keras says so for `'auto'` at the end of the first epoch, and else warns each epoch).
 */
export const resolve = (
  key: string,
  options: { readonly monitor: string; readonly mode: Mode },
  directions: Readonly<Record<string, Direction>>,
): E.Either<CallbackError, Direction> => {
  const declared = Object.hasOwn(directions, options.monitor) ? directions[options.monitor] : undefined;
  if (declared === undefined) {
    const validation =
      options.monitor.startsWith('val_') && !Object.keys(directions).some((k) => k.startsWith('val_'))
        ? ' (val_ keys are there when the run has validation data)'
        : '';
    return E.left(
      callbackError(
        key,
        'UnknownMonitor',
        `monitor '${options.monitor}' is not logged by this run; there are ${Object.keys(directions).join(', ')}${validation}`,
      ),
    );
  }
  return E.right(options.mode === 'min' || options.mode === 'max' ? options.mode : declared);
};

/** Whether a value is better than the reference by more than `|minDelta|`. */
export const improves =
  (direction: Direction, minDelta: number) =>
  (value: number, reference: number | undefined): boolean => {
    if (reference === undefined) return true;
    const d = Math.abs(minDelta);
    return direction === 'max' ? value - d > reference : value + d < reference;
  };

/** The direction, once `RunStarted` has given it. */
export const known = (key: string, direction: Direction | undefined): E.Either<CallbackError, Direction> =>
  direction === undefined
    ? E.left(callbackError(key, 'Protocol', 'an epoch ended before RunStarted gave the direction of the monitored key'))
    : E.right(direction);
