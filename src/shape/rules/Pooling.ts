/**
 * Pooling over one to three spatial axes: by windows that slide, over everything, or into a given number of cells.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { AnyShape, Shape } from '../Shape.ts';
import type { At, Opt, Positives, Size2 } from './Option.ts';
import { positives } from './Option.ts';
import type { Below, Rank, RankError, SizeOf, WindowError, WindowPadding, WindowRule, Windows } from './Window.ts';
import { below, image, windowOptions, windows } from './Window.ts';

// -------------------------------------------------------------------------------------
// windows
// -------------------------------------------------------------------------------------

export interface PoolShapeOptions<Z = Size2> {
  readonly kernel?: Z;
  readonly strides?: Z;
  readonly padding?: WindowPadding<Z>;
}

export interface PoolRule extends WindowRule {
  readonly op: string;
}

/** Padding must leave a real cell in every window. */
type PoolError<Op extends string, N extends Rank, K, S, P> =
  WindowError<Op, K, S, P> extends infer E extends string
    ? E
    : P extends string
      ? true
      : Below<Op, N, 'padding', P, 'kernel', K>;

export const poolOptions = (c: PoolRule): string | undefined =>
  windowOptions(c.op, c) ??
  (typeof c.padding === 'string' ? undefined : below(c.op, 'padding', c.padding, 'kernel', c.kernel));

/** Strides default to the kernel, the kernel to 2. */
export type PoolOut<Op extends string, N extends Rank, S, C> = PoolWith<
  Op,
  N,
  S,
  Opt<C, 'kernel', 2>,
  Opt<C, 'strides', Opt<C, 'kernel', 2>>,
  Opt<C, 'padding', 'valid', unknown>
>;
export type Pool2dOut<Op extends string, S, C extends PoolShapeOptions> = PoolOut<Op, 2, S, C>;
type PoolWith<Op extends string, N extends Rank, S, K, St, P> =
  PoolError<Op, N, K, St, P> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? Windows<Op, N, B, C, Sp, K, St, P, 1>
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

export const pool =
  (c: PoolRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = poolOptions(c);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image(c.op, c.kernel.length, input),
      E.chain((sizes) =>
        windows(
          c.op,
          sizes,
          c,
          c.kernel.map(() => 1),
        ),
      ),
    );
  };

// -------------------------------------------------------------------------------------
// everything
// -------------------------------------------------------------------------------------

/** Spatial axes go, or stay with size 1 when `keepDims`. */
export type GlobalPoolOut<Op extends string, N extends Rank, S, C = {}> = S extends readonly [
  infer B,
  infer Ch,
  ...infer Sp,
]
  ? Sp['length'] extends N
    ? Kept<B, Ch, Sp, Opt<C, 'keepDims', false, boolean>>
    : RankError<Op, N, S>
  : RankError<Op, N, S>;
export type GlobalPool2dOut<Op extends string, S> = GlobalPoolOut<Op, 2, S>;
type Kept<B, C, Sp extends readonly unknown[], Keep> = [Keep] extends [false]
  ? [B, C]
  : [Keep] extends [true]
    ? [B, C, ...{ [I in keyof Sp]: 1 }]
    : Shape;

export const globalPool =
  (op: string, rank: number, keepDims: boolean) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    pipe(
      image(op, rank, input),
      E.map(([b, c, ...sizes]): AnyShape => (keepDims ? [b, c, ...sizes.map(() => 1)] : [b, c])),
    );

// -------------------------------------------------------------------------------------
// a given number of cells
// -------------------------------------------------------------------------------------

type AdaptiveCells<Sp, O> = { [I in keyof Sp]: At<O, I> };

/** That many cells along each axis, whatever the input's size. */
export type AdaptivePoolOut<Op extends string, N extends Rank, S, O extends SizeOf<N>> =
  Positives<Op, 'output size', O> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? AdaptiveCells<Sp, O> extends infer W extends readonly unknown[]
          ? [B, C, ...W]
          : never
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

export const adaptivePoolOptions = (op: string, size: readonly number[]): string | undefined =>
  positives(op, 'output size', size);

export const adaptivePool =
  (op: string, size: readonly number[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = adaptivePoolOptions(op, size);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      image(op, size.length, input),
      E.map(([b, c]): AnyShape => [b, c, ...size]),
    );
  };
