/**
 * Layers that lay the same numbers out in another shape. The batch stays.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Div, Mod } from '../Nat.ts';
import type { AnyShape, Dim, Int, Product, Shape, Show, ShowDim } from '../Shape.ts';
import { isInt, product, show, unknown } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { Sizes } from './Option.ts';
import { sizes } from './Option.ts';

// -------------------------------------------------------------------------------------
// flatten
// -------------------------------------------------------------------------------------

export type FlattenOut<S> = S extends readonly [infer B, ...infer R]
  ? [B, Product<R>]
  : S extends Int<Shape>
    ? FloatError<'flatten', S>
    : `flatten: expects [batch,...], got ${Show<S>}`;

export const flatten = (input: AnyShape): E.Either<string, AnyShape> =>
  isInt(input)
    ? E.left(floatError('flatten', input))
    : input[0] === undefined
      ? E.left(`flatten: expects [batch,...], got ${show(input)}`)
      : E.right([input[0], product(input.slice(1))]);

// -------------------------------------------------------------------------------------
// reshape
// -------------------------------------------------------------------------------------

/** Puts D in place of the first -1. */
type Fill<T, D> = T extends readonly [infer H, ...infer R] ? (H extends -1 ? [D, ...R] : [H, ...Fill<R, D>]) : [];

export type ReshapeOut<S, T extends Shape> = S extends readonly [infer B, ...infer R]
  ? -1 extends T[number]
    ? Sizes<'reshape', Fill<T, 1>> extends infer E extends string
      ? E
      : Inferred<B, R, T, Product<R>, Product<Fill<T, 1>>>
    : Sizes<'reshape', T> extends infer E extends string
      ? E
      : [Product<R>, Product<T>] extends [infer X, infer Y]
        ? number extends X | Y
          ? [B, ...T]
          : X extends Y
            ? [B, ...T]
            : `reshape: ${Show<R>} has ${ShowDim<X>} elements, ${Show<T>} has ${ShowDim<Y>}`
        : never
  : S extends Int<Shape>
    ? FloatError<'reshape', S>
    : `reshape: expects [batch,...], got ${Show<S>}`;

/** With one -1 in T: X elements are there, Y is the product of the sizes given. */
type Inferred<B, R, T extends Shape, X, Y> = X extends number
  ? Y extends number
    ? number extends X | Y
      ? [B, ...Fill<T, number>]
      : Mod<X, Y> extends 0
        ? [B, ...Fill<T, Div<X, Y>>]
        : `reshape: ${Show<R>} has ${X} elements, not a multiple of ${Y} as ${Show<T>} needs`
    : [B, ...Fill<T, number>]
  : [B, ...Fill<T, number>];

const fill = (target: Shape, size: Dim): Shape => {
  const i = target.indexOf(-1);
  return i < 0 ? target : target.with(i, size);
};

export const reshapeOptions = (target: Shape): string | undefined => sizes('reshape', fill(target, 1));

export const reshape =
  (target: Shape) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(input)) return E.left(floatError('reshape', input));
    const [batch, ...rest] = input;
    if (batch === undefined) return E.left(`reshape: expects [batch,...], got ${show(input)}`);
    const bad = reshapeOptions(target);
    if (bad !== undefined) return E.left(bad);
    const there = product(rest);
    const given = product(fill(target, 1));
    if (!target.includes(-1))
      return there === given || there === unknown || given === unknown
        ? E.right([batch, ...target])
        : E.left(`reshape: ${show(rest)} has ${there} elements, ${show(target)} has ${given}`);
    if (typeof there !== 'number' || typeof given !== 'number') return E.right([batch, ...fill(target, unknown)]);
    return there % given === 0
      ? E.right([batch, ...fill(target, there / given)])
      : E.left(`reshape: ${show(rest)} has ${there} elements, not a multiple of ${given} as ${show(target)} needs`);
  };
