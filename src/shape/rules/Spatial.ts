/**
 * Spatial axes made longer or shorter: up-sampling, pixel shuffle, cells around, a border cut off. Batch and channels come
 * first, one to three spatial axes follow.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Add, Div, Lt, Mod, Mult, Sub } from '../Nat.ts';
import type { AnyShape, Dim, MultDim, Shape, Show } from '../Shape.ts';
import { multDim, show, unknown } from '../Shape.ts';
import type { At, Naturals, Positive, Positives } from './Option.ts';
import { naturals, positive, positives } from './Option.ts';
import type { Rank, RankError } from './Window.ts';
import { image } from './Window.ts';

// -------------------------------------------------------------------------------------
// up-sampling
// -------------------------------------------------------------------------------------

/** Each spatial axis times its factor. */
export type UpSamplingOut<Op extends string, N extends Rank, S, F> =
  Positives<Op, 'size', F> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? [B, C, ...{ [I in keyof Sp]: MultDim<Sp[I], At<F, I>> }]
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

export const upSamplingOptions = (op: string, size: readonly number[]): string | undefined =>
  positives(op, 'size', size);

export const upSampling =
  (op: string, size: readonly number[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = upSamplingOptions(op, size);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image(op, size.length, input),
      E.map(([b, c, ...sizes]): AnyShape => [b, c, ...sizes.map((d, i) => multDim(d, size[i] ?? 1))]),
    );
  };

// -------------------------------------------------------------------------------------
// pixel shuffle
// -------------------------------------------------------------------------------------

/** R * R channels become R times R cells of one. */
export type PixelShuffleOut<S, R extends number> =
  Positive<'pixelShuffle', 'factor', R> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, infer H, infer W]
      ? C extends number
        ? number extends C | R
          ? [B, number, MultDim<H, R>, MultDim<W, R>]
          : Mod<C, Mult<R, R>> extends 0
            ? [B, Div<C, Mult<R, R>>, MultDim<H, R>, MultDim<W, R>]
            : `pixelShuffle: ${C} channels are not divisible by ${Mult<R, R>}`
        : `pixelShuffle: the channels of ${Show<S>} have no fixed size`
      : RankError<'pixelShuffle', 2, S>;

export const pixelShuffleOptions = (factor: number): string | undefined => positive('pixelShuffle', 'factor', factor);

export const pixelShuffle =
  (factor: number) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = pixelShuffleOptions(factor);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image('pixelShuffle', 2, input),
      E.chain(([b, c, ...sizes]): E.Either<string, AnyShape> => {
        if (typeof c !== 'number') return E.left(`pixelShuffle: the channels of ${show(input)} have no fixed size`);
        const cells = factor * factor;
        return c % cells === 0
          ? E.right([b, c / cells, ...sizes.map((d) => multDim(d, factor))])
          : E.left(`pixelShuffle: ${c} channels are not divisible by ${cells}`);
      }),
    );
  };

// -------------------------------------------------------------------------------------
// cells before and after
// -------------------------------------------------------------------------------------

/** Before and after one axis. */
type Sides = readonly [number, number];

/**
 * Keras's forms: one number for all sides; for one axis (before, after); for more, a number or a (before, after) for each
 * axis.
 */
export type SidesOf<N extends Rank> = N extends 1
  ? number | Sides
  : N extends 2
    ? number | readonly [number | Sides, number | Sides]
    : number | readonly [number | Sides, number | Sides, number | Sides];

/** Each axis with its own (before, after). */
export const sidesOf = (rank: Rank, sides: number | readonly (number | Sides)[]): readonly Sides[] => {
  if (typeof sides === 'number') return Array.from({ length: rank }, (): Sides => [sides, sides]);
  if (rank === 1) return [sides as Sides];
  return sides.map((s): Sides => (typeof s === 'number' ? [s, s] : s));
};

/** (before, after) of axis I. */
type SideAt<N extends Rank, A, I> = [A] extends [number]
  ? readonly [A, A]
  : N extends 1
    ? A
    : [A] extends [readonly unknown[]]
      ? Pair<A[I & keyof A]>
      : Sides;
type Pair<T> = [T] extends [number] ? readonly [T, T] : T;

type SidesError<Op extends string, Name extends string, A> = [A] extends [number]
  ? Naturals<Op, Name, A>
  : [A] extends [readonly [infer H, ...infer R]]
    ? Naturals<Op, Name, H> extends infer E extends string
      ? E
      : SidesError<Op, Name, R>
    : true;

export const sidesOptions = (op: string, name: string, sides: readonly Sides[]): string | undefined =>
  naturals(op, name, sides.flat());

/** Both sides together; `number` where the compiler does not know them. */
type Both<S> = [S] extends [readonly [infer A extends number, infer B extends number]] ? Add<A, B> : number;

// -------------------------------------------------------------------------------------
// cells around
// -------------------------------------------------------------------------------------

/** A named size survives where nothing is added. */
type Padded<H, T extends number> = H extends number ? Add<H, T> : T extends 0 ? H : number;

export type PaddingOut<Op extends string, N extends Rank, S, A> =
  SidesError<Op, 'padding', A> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? [B, C, ...{ [I in keyof Sp]: Padded<Sp[I], Both<SideAt<N, A, I>>> }]
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

const grown = (d: Dim, by: number): Dim => (typeof d === 'number' ? d + by : by === 0 ? d : unknown);

export const padding =
  (op: string, sides: readonly Sides[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = sidesOptions(op, 'padding', sides);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image(op, sides.length, input),
      E.map(([b, c, ...sizes]): AnyShape => {
        const both = sides.map(([before, after]) => before + after);
        return [b, c, ...sizes.map((d, i) => grown(d, both[i] ?? 0))];
      }),
    );
  };

/** A side is made of the cells between the first and the last. */
type Reflected<Op extends string, H, P> = H extends number
  ? P extends readonly [infer A extends number, infer B extends number]
    ? number extends A | B | H
      ? true
      : Lt<A, H> extends false
        ? `${Op}: padding ${A} is not less than the size ${H}`
        : Lt<B, H> extends false
          ? `${Op}: padding ${B} is not less than the size ${H}`
          : true
    : true
  : true;

export type ReflectionPaddingOut<Op extends string, N extends Rank, S, A> =
  PaddingOut<Op, N, S, A> extends infer O
    ? O extends string
      ? O
      : S extends readonly [unknown, unknown, ...infer Sp]
        ? FirstError<Op, { [I in keyof Sp]: Reflected<Op, Sp[I], SideAt<N, A, I>> }> extends infer E extends string
          ? E
          : O
        : O
    : never;

export const reflectionPadding =
  (op: string, sides: readonly Sides[]) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    pipe(
      padding(op, sides)(input),
      E.chain((output) => {
        const bad = (input as Shape)
          .slice(2)
          .flatMap((d, i) =>
            typeof d === 'number' ? (sides[i] ?? []).filter((n) => n >= d).map((n) => [n, d] as const) : [],
          )[0];
        return bad === undefined
          ? E.right(output)
          : E.left(`${op}: padding ${bad[0]} is not less than the size ${bad[1]}`);
      }),
    );

// -------------------------------------------------------------------------------------
// a border cut off
// -------------------------------------------------------------------------------------

/** A message where nothing would be left. */
type Cropped<Op extends string, H, T extends number> = H extends number
  ? [Sub<H, T>] extends [infer L]
    ? [L] extends [never]
      ? `${Op}: cropping ${T} cells leaves nothing of ${H}`
      : L extends 0
        ? `${Op}: cropping ${T} cells leaves nothing of ${H}`
        : L
    : never
  : T extends 0
    ? H
    : number;

type FirstError<Op extends string, W> = W extends readonly [infer H, ...infer R]
  ? H extends `${Op}: ${string}`
    ? H
    : FirstError<Op, R>
  : true;

export type CroppingOut<Op extends string, N extends Rank, S, A> =
  SidesError<Op, 'cropping', A> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? { [I in keyof Sp]: Cropped<Op, Sp[I], Both<SideAt<N, A, I>>> } extends infer W extends readonly unknown[]
          ? FirstError<Op, W> extends infer E extends string
            ? E
            : [B, C, ...W]
          : never
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

export const cropping =
  (op: string, sides: readonly Sides[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = sidesOptions(op, 'cropping', sides);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image(op, sides.length, input),
      E.chain(([b, c, ...sizes]): E.Either<string, AnyShape> => {
        const both = sides.map(([before, after]) => before + after);
        const cut = sizes.map((d, i) => grown(d, -(both[i] ?? 0)));
        const empty = cut.findIndex((d) => typeof d === 'number' && d <= 0);
        return empty < 0
          ? E.right([b, c, ...cut])
          : E.left(`${op}: cropping ${both[empty]} cells leaves nothing of ${sizes[empty]}`);
      }),
    );
  };
