/**
 * The first stage and the last: from what was sent to a value of a type, and from a value to what is sent back, by io-ts codecs.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type * as t from 'io-ts';
import { type Pipeline, pure } from './Arrow.ts';
import * as Border from './Border.ts';
import type { InvalidRequest, Issue } from './PipelineError.ts';
import * as Stage from './Stage.ts';

// -------------------------------------------------------------------------------------
// errors
// -------------------------------------------------------------------------------------

const shown = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  // Numbers that JSON has no word for would read as null.
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'function') return String(value);
  const text = E.tryCatch(
    () => JSON.stringify(value) ?? String(value),
    () => 'a value that is no JSON',
  );
  const whole = E.toUnion(text);
  return whole.length > 60 ? `${whole.slice(0, 57)}...` : whole;
};

const issueOf = ({ context, value, message }: t.ValidationError): Issue => {
  // An element of an intersection or a union has its number as key, which is no place in the request.
  const path = context.flatMap(({ key }, i) => {
    const tag = (context[i - 1]?.type as { readonly _tag?: string } | undefined)?._tag;
    return i === 0 || tag === 'IntersectionType' || tag === 'UnionType' ? [] : [key];
  });
  return {
    path: path.join('.'),
    expected: message ?? context[context.length - 1]?.type.name ?? 'another value',
    actual: shown(value),
  };
};

const most = 8;

const said = ({ path, expected, actual }: Issue): string =>
  `${path === '' ? 'the request' : path}: expected ${expected}, got ${actual}`;

/** What io-ts says, readable: every place, what was expected there, and what came. */
export const invalidRequest = (errors: t.Errors): InvalidRequest => {
  const issues = [...new Map(errors.map(issueOf).map((i) => [said(i), i])).values()];
  const more = issues.length > most ? `; and ${issues.length - most} more` : '';
  return { _tag: 'InvalidRequest', issues, message: `${issues.slice(0, most).map(said).join('; ')}${more}` };
};

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * Decodes; an error names the place: `petalLength: expected number, got "long"`. A saved pipeline refers to the codec by its name,
 * and `load` is given the codec again.
 *
 * @example
 * const Flower = t.type({ petalLength: t.number, petalWidth: t.number }, 'Flower');
 * P.decode(Flower)   // Pipeline<unknown, InvalidRequest, unknown, Flower>
 */
export const decode = <A>(codec: t.Type<A, unknown, unknown>): Pipeline<unknown, InvalidRequest, unknown, A> =>
  pure(
    Stage.data('Decode', { codec: codec.name }),
    { from: Border.anything, to: Border.decoded(codec) },
    (u: unknown) =>
      pipe(
        // A codec that throws has met what it did not expect.
        E.tryCatch(
          () => codec.decode(u),
          (thrown): t.Errors => [
            { value: u, context: [], message: `what ${codec.name} takes (it threw: ${String(thrown)})` },
          ],
        ),
        E.flatten,
        E.mapLeft(invalidRequest),
      ),
  );

/** Encodes: what is sent. */
export const encode = <A, O>(codec: t.Type<A, O, unknown>): Pipeline<unknown, never, A, O> =>
  pure(
    Stage.data('Encode', { codec: codec.name }),
    { from: Border.decoded(codec), to: Border.encoded(codec) },
    (a: A) => E.right(codec.encode(a)),
  );
