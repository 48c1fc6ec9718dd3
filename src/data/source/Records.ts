/** Records that a codec refuses: what is told of them, and what becomes of the stream. */
import * as E from 'fp-ts/lib/Either.js';
import type { IO } from 'fp-ts/lib/IO.js';
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js';
import type * as t from 'io-ts';
import * as S from '../../stream/Stream.ts';
import { type InvalidRow, invalidRow, type RowIssue } from '../DataError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * What to do with a record that its codec refuses:
 * - `'stop'`: end the stream with it as the error, the default;
 * - `{ skip }`: go on without it, and tell how many there were when the pass ends, or is left. With `atMost`, one more is an error;
 * - `{ report }`: go on without it, and hand it to a side channel: a log, a table of rejects. The next one waits for that.
 */
export type OnBadRow<R = unknown, Err = never> =
  | 'stop'
  | { readonly skip: (count: number) => IO<void>; readonly atMost?: number }
  | { readonly report: (bad: InvalidRow) => ReaderTaskEither<R, Err, void> };

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** Records and refused ones as records alone, by the policy. */
export const settled =
  <R2, Err2>(policy: OnBadRow<R2, Err2>) =>
  <R, Err, A>(fa: S.Stream<R, Err, E.Either<InvalidRow, A>>): S.Stream<R & R2, Err | Err2 | InvalidRow, A> =>
    S.fromGenerator<R & R2, Err | Err2 | InvalidRow, A>(async function* (r) {
      let skipped = 0;
      try {
        for await (const e of fa(r)) {
          if (E.isLeft(e)) return yield e;
          const record = e.right;
          if (E.isRight(record)) {
            yield record;
            continue;
          }
          if (policy === 'stop') return yield record;
          if ('skip' in policy) {
            skipped++;
            if (skipped > (policy.atMost ?? Number.POSITIVE_INFINITY)) return yield record;
          } else {
            const told = await policy.report(record.left)(r)();
            if (E.isLeft(told)) return yield told;
          }
        }
      } finally {
        if (typeof policy === 'object' && 'skip' in policy) policy.skip(skipped)();
      }
    });

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);

/** A value as errors show it. */
export const shown = (value: unknown): string => {
  const text = E.tryCatch(
    () => (typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))),
    () => String(value),
  );
  return clip(E.isRight(text) ? text.right : text.left);
};

/** `a.b[0]`: the keys below the root, those that only stand for a branch of `&` or `|` left out. */
const pathOf = (context: t.Context): string | undefined => {
  const keys = context.flatMap(({ key }, i) => {
    const parent = context[i - 1]?.type;
    const tag = parent !== undefined && '_tag' in parent ? parent._tag : undefined;
    return i === 0 || tag === 'IntersectionType' || tag === 'UnionType' ? [] : [key];
  });
  return keys.length === 0
    ? undefined
    : keys.map((key, i) => (/^\d+$/.test(key) ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
};

const toIssue = ({ context, value, message }: t.ValidationError): RowIssue => {
  const path = pathOf(context);
  return {
    column: path === undefined ? undefined : { name: path, number: undefined },
    text: shown(value),
    expected: message ?? context[context.length - 1]?.type.name ?? 'another value',
  };
};

/** Issues that are told of one record. */
const MOST = 20;

/** A value through a codec; what is refused is told with its place. */
export const decoded =
  <A>(codec: t.Decoder<unknown, A>, name: string, unit: 'line' | 'row') =>
  (value: unknown, number: number): E.Either<InvalidRow, A> => {
    // A codec of the user's, on foreign values with getters of their own.
    const result = E.tryCatch(
      () => codec.decode(value),
      (e): RowIssue => ({
        column: undefined,
        text: shown(value),
        expected: `what the codec takes (it threw: ${String(e)})`,
      }),
    );
    if (E.isLeft(result)) return E.left(invalidRow(name, unit, number, [result.left]));
    return E.isRight(result.right)
      ? result.right
      : E.left(invalidRow(name, unit, number, result.right.left.slice(0, MOST).map(toIssue)));
  };
