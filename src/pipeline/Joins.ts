/** Whether a stage can follow another, as types: the message, on one line, where arrays cannot be of one shape. */
import type { NdArray } from '../shape/NdArray.ts';
import type { Agree, AnyShape, Show } from '../shape/Shape.ts';
import type { Pipeline } from './Types.ts';

export type ShapeOf<A> = A extends { readonly '~shape'?: infer S } ? Exclude<S, undefined> : never;

type IsArray<A> = [A] extends [never] ? false : [A] extends [NdArray<unknown>] ? true : false;

/** A message, `true` where only run time can tell, `false` where the compiler's own words are best. */
type Joins<Gives, Takes> =
  IsArray<Gives> extends true
    ? IsArray<Takes> extends true
      ? Agree<ShapeOf<Gives>, ShapeOf<Takes>> extends true
        ? true
        : `andThen: the stage before gives ${Show<ShapeOf<Gives>>}, this one takes ${Show<ShapeOf<Takes>>}`
      : false
    : Gives extends ArraysByName
      ? Takes extends ArraysByName
        ? JoinAll<Gives, Takes>
        : false
      : false;

interface ArraysByName {
  readonly [name: string]: NdArray<unknown>;
}

type JoinAll<Gives, Takes> = keyof Takes extends keyof Gives
  ? {
      [K in keyof Takes]: K extends keyof Gives & string ? JoinField<K, Gives[K], Takes[K]> : never;
    }[keyof Takes] extends infer Faults
    ? [Faults] extends [never]
      ? true
      : Faults
    : never
  : false;

type JoinField<K extends string, Gives, Takes> =
  Agree<ShapeOf<Gives>, ShapeOf<Takes>> extends true
    ? never
    : `andThen: '${K}': the stage before gives ${Show<ShapeOf<Gives>>}, this one takes ${Show<ShapeOf<Takes>>}`;

/** The pipeline before one that takes `Takes`. */
export type Before<R, E, A, Gives, Takes> = [Gives] extends [Takes]
  ? Pipeline<R, E, A, Gives>
  : Joins<Gives, Takes> extends infer Verdict
    ? Verdict extends string
      ? Verdict
      : Verdict extends true
        ? Pipeline<R, E, A, Gives>
        : Pipeline<R, E, A, Takes>
    : never;

/** One array for a shape, a record of them for a record of shapes. */
export type ArraysOf<S> = S extends AnyShape ? NdArray<S> : { readonly [N in keyof S]: NdArray<S[N]> };
