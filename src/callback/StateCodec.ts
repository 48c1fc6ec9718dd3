/**
 * Codecs for the states of callbacks. JSON has no NaN, no infinities and no negative zero, and the best value of a
 * metric can be any of them: they are written as strings.
 *
 * Law: for every value `a` of the type, decoding `JSON.parse(JSON.stringify(encode(a)))` gives `a` again (`Object.is`).
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import * as t from 'io-ts';

const names: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

const encodeFloat = (a: number): number | string => (Object.is(a, -0) ? '-0' : Number.isFinite(a) ? a : String(a));

/** Any number; `'NaN'`, `'Infinity'`, `'-Infinity'` and `'-0'` in JSON for the four that JSON lacks. */
export const float = new t.Type<number, number | string, unknown>(
  'Float',
  t.number.is,
  (u, c) => {
    if (typeof u === 'number') return t.success(u);
    const named = typeof u === 'string' ? names.get(u) : undefined;
    return named === undefined
      ? t.failure(u, c, 'expected a number, "NaN", "Infinity", "-Infinity" or "-0"')
      : t.success(named);
  },
  encodeFloat,
);

/** A value that may be absent: `undefined`, `null` in JSON. */
export const maybe = <A, O>(codec: t.Type<A, O>): t.Type<A | undefined, O | null, unknown> =>
  new t.Type<A | undefined, O | null, unknown>(
    `Maybe<${codec.name}>`,
    (u): u is A | undefined => u === undefined || codec.is(u),
    (u, c) => (u === null || u === undefined ? t.success(undefined) : codec.validate(u, c)),
    (a) => (a === undefined ? null : codec.encode(a)),
  );

/** A field that older checkpoints do not have yet: they decode to `before`. */
export const sinceAdded = <A>(codec: t.Type<A, unknown>, before: A): t.Type<A, unknown> =>
  new t.Type<A, unknown, unknown>(
    codec.name,
    codec.is,
    (u, c) => (u === undefined ? t.success(before) : codec.validate(u, c)),
    codec.encode,
  );

/** A state that is not kept: `null` in JSON, and always `initial` after a resume. */
export const transient = <S>(initial: S): t.Type<S, null, unknown> =>
  new t.Type<S, null, unknown>(
    'Transient',
    (_u): _u is S => true,
    () => t.success(initial),
    () => null,
  );

/** What is wrong with a value that does not decode, in one line. */
export const explain = (errors: t.Errors): string =>
  errors
    .map((e) => {
      const path = e.context
        .map(({ key }) => key)
        .filter((key) => key !== '')
        .join('.');
      const expected = e.message ?? `expected ${e.context.at(-1)?.type.name ?? 'another value'}`;
      return `${path === '' ? '' : `at ${path}: `}${expected}, got ${JSON.stringify(e.value)}`;
    })
    .join('; ');

/** Decodes with one line in place of io-ts's list of errors. */
export const decodeWith =
  <A>(codec: t.Type<A, unknown>) =>
  (u: unknown): E.Either<string, A> =>
    pipe(codec.decode(u), E.mapLeft(explain));
