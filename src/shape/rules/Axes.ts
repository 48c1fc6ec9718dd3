/**
 * Axes exchanged, added, taken away. The batch stays where it is; an axis is counted with the batch at 0, negative ones
 * from the end.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Add, Sub } from '../Nat.ts';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';
import type { Axis, AxisError, FloatError } from './Elementwise.ts';
import { axisError, axisOf, floatError } from './Elementwise.ts';
import type { Positive } from './Option.ts';
import { positive } from './Option.ts';

// -------------------------------------------------------------------------------------
// permute
// -------------------------------------------------------------------------------------

/** Axes behind the batch that the list does not name. */
type Unnamed<S, D extends readonly number[]> = Exclude<keyof S & `${number}`, '0' | `${D[number]}`>;

export type PermuteOut<S, D extends readonly number[]> =
  S extends Int<Shape>
    ? FloatError<'permute', S>
    : S extends readonly [infer B, ...infer R]
      ? number extends D[number] | D['length']
        ? D['length'] extends R['length']
          ? [B, ...{ [I in keyof R]: number }]
          : Shape
        : [R['length'], [Unnamed<S, D>]] extends [D['length'], [never]]
          ? [B, ...{ -readonly [I in keyof D]: S[D[I] & keyof S] }]
          : `permute: ${Show<D>} does not name each axis of ${Show<S>} behind the batch once`
      : `permute: expects [batch,...], got ${Show<S>}`;

export const permute =
  (axes: readonly number[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(input)) return E.left(floatError('permute', input));
    const [batch, ...rest] = input;
    if (batch === undefined) return E.left(`permute: expects [batch,...], got ${show(input)}`);
    return axes.length === rest.length && rest.every((_, i) => axes.includes(i + 1))
      ? E.right([batch, ...axes.map((a) => input[a] ?? unknown)])
      : E.left(`permute: ${show(axes)} does not name each axis of ${show(input)} behind the batch once`);
  };

// -------------------------------------------------------------------------------------
// repeatVector
// -------------------------------------------------------------------------------------

export type RepeatVectorOut<S, N extends number> =
  Positive<'repeatVector', 'times', N> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer F]
      ? [B, N, F]
      : S extends Int<Shape>
        ? FloatError<'repeatVector', S>
        : `repeatVector: expects [batch,features], got ${Show<S>}`;

export const repeatVectorOptions = (times: number): string | undefined => positive('repeatVector', 'times', times);

export const repeatVector =
  (times: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = repeatVectorOptions(times);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError('repeatVector', input));
    const [batch, features] = input;
    return input.length === 2 && batch !== undefined && features !== undefined
      ? E.right([batch, times, features])
      : E.left(`repeatVector: expects [batch,features], got ${show(input)}`);
  };

// -------------------------------------------------------------------------------------
// squeeze, expandDims
// -------------------------------------------------------------------------------------

type Without<S, I, O extends readonly unknown[] = [], Seen extends readonly unknown[] = []> = S extends readonly [
  infer H,
  ...infer R,
]
  ? Without<R, I, Seen['length'] extends I ? O : [...O, H], [...Seen, H]>
  : O;

export type SqueezeOut<S, A extends number> =
  S extends Int<Shape>
    ? FloatError<'squeeze', S>
    : Axis<A, S> extends infer I
      ? [I] extends [never]
        ? AxisError<'squeeze', A, S>
        : number extends I
          ? Shape
          : S[I & keyof S] extends infer D
            ? number extends D
              ? Without<S, I>
              : D extends 1
                ? Without<S, I>
                : `squeeze: axis ${I & number} of ${Show<S>} is not of size 1`
            : never
      : never;

export const squeeze =
  (axis: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(input)) return E.left(floatError('squeeze', input));
    const at = axisOf(axis, input);
    if (at === undefined) return E.left(axisError('squeeze', axis, input));
    return input[at] === 1 || input[at] === unknown
      ? E.right(input.toSpliced(at, 1))
      : E.left(`squeeze: axis ${at} of ${show(input)} is not of size 1`);
  };

/** A new axis of size 1 at I of the result. */
type Inserted<S, I, O extends readonly unknown[] = []> = O['length'] extends I
  ? S extends readonly unknown[]
    ? [...O, 1, ...S]
    : never
  : S extends readonly [infer H, ...infer R]
    ? Inserted<R, I, [...O, H]>
    : never;

/** Negative axes count from the end of the result; never for the batch's and those beyond. */
type NewAxis<A extends number, S extends Shape> = `${A}` extends `-${infer N extends number}`
  ? Sub<Add<S['length'], 1>, N>
  : A;

export type ExpandDimsOut<S, A extends number> =
  S extends Int<Shape>
    ? FloatError<'expandDims', S>
    : S extends Shape
      ? number extends A
        ? Shape
        : NewAxis<A, S> extends infer I
          ? [I] extends [never]
            ? NoNewAxis<A, S>
            : I extends 0
              ? NoNewAxis<A, S>
              : [Inserted<S, I>] extends [never]
                ? NoNewAxis<A, S>
                : Inserted<S, I>
          : never
      : never;
type NoNewAxis<A extends number, S> = `expandDims: no new axis ${A} can stand behind the batch of ${Show<S>}`;

export const expandDims =
  (axis: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(input)) return E.left(floatError('expandDims', input));
    const at = axis < 0 ? input.length + 1 + axis : axis;
    return Number.isInteger(at) && at > 0 && at <= input.length
      ? E.right(input.toSpliced(at, 0, 1))
      : E.left(`expandDims: no new axis ${axis} can stand behind the batch of ${show(input)}`);
  };
