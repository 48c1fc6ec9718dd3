/**
 * The logs of the epochs of a run: what Keras's `fit` returns as `History`.
 *
 * A series is aligned with `epochs`: where an epoch did not log a key (validation every few epochs), it has `null`, so
 * that curves keep their x. `values` is the form that Keras gives, without the gaps.
 *
 * Laws: `Monoid` (histories one after the other), and `append(n, logs)(h)` is `concat(h, of(n, logs))`.
 */
import type { Monoid } from 'fp-ts/lib/Monoid.js';
import * as t from 'io-ts';
import type { Logs } from '../training/Event.ts';
import { float } from './StateCodec.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** One number for each epoch, `null` where the epoch did not log the key. NaN and infinities are kept. */
export type Series = ReadonlyArray<number | null>;

export interface History {
  /** Counted from 0. */
  readonly epochs: ReadonlyArray<number>;
  /** In the order in which keys first came: training logs sorted, `val_` sorted, then what callbacks added. */
  readonly logs: Readonly<Record<string, Series>>;
}

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

export const empty: History = { epochs: [], logs: {} };

/** The history of one epoch. */
export const of = (epoch: number, logs: Logs): History => ({
  epochs: [epoch],
  logs: Object.fromEntries(Object.entries(logs).map(([key, value]) => [key, [value]])),
});

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

const gaps = (n: number): Series => Array.from({ length: n }, () => null);

const series = (history: History, key: string): Series =>
  (Object.hasOwn(history.logs, key) ? history.logs[key] : undefined) ?? gaps(history.epochs.length);

/** One history after the other. */
export const concat = (first: History, second: History): History => ({
  epochs: [...first.epochs, ...second.epochs],
  logs: Object.fromEntries(
    Array.from(new Set([...Object.keys(first.logs), ...Object.keys(second.logs)]), (key) => [
      key,
      [...series(first, key), ...series(second, key)],
    ]),
  ),
});

/** The history with one more epoch. */
export const append =
  (epoch: number, logs: Logs) =>
  (history: History): History =>
    concat(history, of(epoch, logs));

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** As Keras's `history.history`: for each key the numbers that there are, so a list may be shorter than `epochs`. */
export const values = (history: History): Readonly<Record<string, ReadonlyArray<number>>> =>
  Object.fromEntries(
    Object.entries(history.logs).map(([key, all]) => [key, all.filter((value): value is number => value !== null)]),
  );

/** The points of a curve: epochs that logged the key, and their numbers. */
export const points =
  (key: string) =>
  (history: History): ReadonlyArray<readonly [epoch: number, value: number]> =>
    series(history, key).flatMap((value, i) => {
      const epoch = history.epochs[i];
      return value === null || epoch === undefined ? [] : [[epoch, value] as const];
    });

// -------------------------------------------------------------------------------------
// instances
// -------------------------------------------------------------------------------------

export const MonoidHistory: Monoid<History> = { empty, concat };

/** `null` where an epoch did not log the key; NaN and infinities as strings. */
const SeriesCodec = t.readonlyArray(t.union([t.null, float]));

/** Its JSON form. */
export const codec: t.Type<History, unknown> = t.readonly(
  t.type({ epochs: t.readonlyArray(t.number), logs: t.readonly(t.record(t.string, SeriesCodec)) }),
  'History',
);
