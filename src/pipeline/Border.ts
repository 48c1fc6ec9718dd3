/**
 * What goes in and comes out of a pipeline, as values: the run-time twin of its types.
 *
 * The compiler checks neighbours by types; what is loaded from a file, and what the compiler could not see, is checked by borders.
 * A border is plain data, is saved with the pipeline, and is what a message prints: `NdArray[4]`, `Flower`, `[Flower, NdArray[4]]`.
 *
 * Laws: `includes` is reflexive, and `anything` includes every border; what is included fits.
 */
import type { Either } from 'fp-ts/lib/Either.js';
import type * as t from 'io-ts';
import type { NdArray } from '../shape/NdArray.ts';
import * as Shape from '../shape/Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Plain data; what it stands for is in `Border`'s type. */
export type AnyBorder =
  | { readonly _tag: 'Anything' }
  | { readonly _tag: 'Named'; readonly name: string }
  | { readonly _tag: 'Array'; readonly shape: Shape.AnyShape }
  | { readonly _tag: 'Pair' | 'Either'; readonly of: readonly [AnyBorder, AnyBorder] }
  | { readonly _tag: 'Record'; readonly fields: Readonly<Record<string, AnyBorder>> };

export type Border<A> = AnyBorder & {
  /** Phantom: the type of the values. Never present at run time. */
  readonly '~type'?: A;
};

/** What a border says of its values. */
export type TypeOf<B> = B extends Border<infer A> ? A : never;

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/** Nothing is known of the values, or nothing is asked of them: requests before they are decoded. */
export const anything: Border<unknown> = { _tag: 'Anything' };

/** A type with a name of its own. Two borders of the same name are taken to be the same type. */
export const type = <A>(name: string): Border<A> => ({ _tag: 'Named', name });

/** What a codec decodes to. Its name stands for it: a new version of a type needs a new name, `Flower@2`. */
export const decoded = <A>(codec: t.Type<A, unknown, unknown>): Border<A> => type(codec.name);

/** What a codec encodes to. */
export const encoded = <A, O>(codec: t.Type<A, O, unknown>): Border<O> => type(`encoded ${codec.name}`);

/** Arrays of this shape, without a batch axis: `array([4])`, `array(int([20]))`. */
export const array = <const S extends Shape.AnyShape>(shape: S): Border<NdArray<S>> => ({ _tag: 'Array', shape });

/** Pairs, as of `split` and `fanout`. */
export const pair = <A, B>(first: Border<A>, second: Border<B>): Border<[A, B]> => ({
  _tag: 'Pair',
  of: [first, second],
});

/** One or the other, as of `choice`. */
export const either = <A, B>(left: Border<A>, right: Border<B>): Border<Either<A, B>> => ({
  _tag: 'Either',
  of: [left, right],
});

/** Records with these fields, as of `struct` and `collect`. */
export const record = <F extends Readonly<Record<string, AnyBorder>>>(
  fields: F,
): Border<{ readonly [K in keyof F]: TypeOf<F[K]> }> => ({ _tag: 'Record', fields });

/** One of these texts. */
export const oneOf = <L extends string>(labels: readonly L[]): Border<L> =>
  type(labels.map((l) => `'${l}'`).join(' | '));

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

const clipped = (name: string): string => (name.length > 120 ? `${name.slice(0, 117)}...` : name);

/** As the messages print it. */
export const show = (border: AnyBorder): string => {
  switch (border._tag) {
    case 'Anything':
      return 'anything';
    case 'Named':
      return clipped(border.name);
    case 'Array':
      return `NdArray${Shape.isInt(border.shape) ? '<int32>' : ''}[${Shape.dims(border.shape).join(',')}]`;
    case 'Pair':
      return `[${border.of.map(show).join(', ')}]`;
    case 'Either':
      return `Either<${border.of.map(show).join(', ')}>`;
    case 'Record':
      return `{ ${Object.entries(border.fields)
        .map(([name, field]) => `${name}: ${show(field)}`)
        .join(', ')} }`;
  }
};

const everyPart = (a: AnyBorder, b: AnyBorder, same: (x: AnyBorder, y: AnyBorder) => boolean): boolean => {
  if (a._tag === 'Record' && b._tag === 'Record') {
    const names = Object.keys(a.fields);
    return (
      names.length === Object.keys(b.fields).length &&
      names.every((name) => {
        const [x, y] = [a.fields[name], b.fields[name]];
        return x !== undefined && y !== undefined && same(x, y);
      })
    );
  }
  return 'of' in a && 'of' in b && a._tag === b._tag && same(a.of[0], b.of[0]) && same(a.of[1], b.of[1]);
};

/**
 * Whether what one stage gives can be what the next takes, as far as run time can tell: shapes of arrays, wherever they are. What
 * names stand for only the compiler knows.
 */
export const fits = (gives: AnyBorder, takes: AnyBorder): boolean => {
  if (gives._tag === 'Array' && takes._tag === 'Array') return Shape.agree(gives.shape, takes.shape);
  const comparable = gives._tag === takes._tag && gives._tag !== 'Anything' && gives._tag !== 'Named';
  return !comparable || everyPart(gives, takes, fits);
};

/** Whether every value of `narrow` is one of `wide`: what is declared against what was saved. Unknown sizes agree with all. */
export const includes =
  (wide: AnyBorder) =>
  (narrow: AnyBorder): boolean => {
    if (wide._tag === 'Anything') return true;
    if (wide._tag === 'Named') return narrow._tag === 'Named' && wide.name === narrow.name;
    if (wide._tag === 'Array') return narrow._tag === 'Array' && Shape.agree(wide.shape, narrow.shape);
    return everyPart(wide, narrow, (w, n) => includes(w)(n));
  };
