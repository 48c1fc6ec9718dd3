/**
 * Windows that slide over one to three spatial axes, behind the batch and the channels: what convolution and pooling
 * have in common.
 *
 * Along one axis of n cells, with a kernel that spans k = dilation * (kernel - 1) + 1, the output has
 * `floor((n + 2 * padding - k) / strides) + 1` cells, and `ceil(n / strides)` when the padding is `'same'` (Keras's rule:
 * the odd cell of padding is at the end) or `'causal'` (all of it at the beginning).
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Add, CeilDiv, Div, Lt, Mult, Sub } from '../Nat.ts';
import type { AnyShape, Dim, Int, Shape, Show, ShowDim } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { At, Naturals, Positives, Size1, Size2, Size3 } from './Option.ts';
import { naturals, positives } from './Option.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** How many spatial axes. */
export type Rank = 1 | 2 | 3;

/** One number for all spatial axes, or one for each. */
export type SizeOf<N extends Rank> = N extends 1 ? Size1 : N extends 2 ? Size2 : Size3;

/** `'same'`, `'valid'`, or cells of zeros on both sides of each axis. */
export type WindowPadding<Z = Size2> = 'same' | 'valid' | Z;

/** One number for each spatial axis. */
type Sizes = readonly number[];

export interface WindowRule {
  readonly kernel: Sizes;
  readonly strides: Sizes;
  readonly padding: 'same' | 'valid' | 'causal' | Sizes;
}

// -------------------------------------------------------------------------------------
// one axis
// -------------------------------------------------------------------------------------

/** Cells a dilated kernel spans. */
export type Span<K extends number, D extends number> = D extends 1 ? K : Add<Mult<D, Sub<K, 1>>, 1>;

export const span = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

type Slide<Free extends number, S extends number> = [Free] extends [never]
  ? false
  : Add<S extends 1 ? Free : Div<Free, S>, 1>;

/** Output cells; false when the kernel does not fit. A named size survives where every size would. */
type Window<H, K extends number, S extends number, P, D extends number> = [P] extends ['same' | 'causal']
  ? H extends number
    ? CeilDiv<H, S>
    : S extends 1
      ? H
      : number
  : [P] extends ['valid' | number]
    ? H extends number
      ? Slide<Sub<P extends number ? Add<H, Mult<P, 2>> : H, Span<K, D>>, S>
      : [P, K, S] extends ['valid', 1, 1]
        ? H
        : number
    : number;

const window = (h: Dim, k: number, s: number, p: string | number, d: number): Dim | undefined => {
  if (p === 'same' || p === 'causal') return typeof h === 'number' ? Math.ceil(h / s) : s === 1 ? h : unknown;
  if (typeof h !== 'number') return p === 'valid' && k === 1 && s === 1 ? h : unknown;
  const free = h + (typeof p === 'number' ? 2 * p : 0) - span(k, d);
  return free < 0 ? undefined : Math.floor(free / s) + 1;
};

// -------------------------------------------------------------------------------------
// all axes
// -------------------------------------------------------------------------------------

/** The padding along one axis. */
export type PaddingAt<P, I> = [P] extends [string] ? P : [unknown] extends [P] ? string : At<P, I>;

type Slid<Sp, K, S, P, D> = { [I in keyof Sp]: Window<Sp[I], At<K, I>, At<S, I>, PaddingAt<P, I>, At<D, I>> };

/** [batch, channels, ...cells], or the message that the kernel does not fit. `Sp`: the input's spatial axes. */
export type Windows<Op extends string, N extends Rank, B, C, Sp, K, S, P, D> =
  Slid<Sp, K, S, P, D> extends infer W extends readonly unknown[]
    ? false extends W[number]
      ? TooLarge<Op, By<N, K>, By<N, D>, By<N, Sp>, P extends string ? '' : ` with padding ${By<N, P>}`>
      : [B, C, ...W]
    : never;

/** A size for each axis as the messages print it: `3x3`. */
export type By<N extends Rank, T> = N extends 1
  ? ShowDim<At<T, 0>>
  : N extends 2
    ? `${ShowDim<AtDim<T, 0>>}x${ShowDim<AtDim<T, 1>>}`
    : `${ShowDim<AtDim<T, 0>>}x${ShowDim<AtDim<T, 1>>}x${ShowDim<AtDim<T, 2>>}`;
type AtDim<T, I> = [T] extends [readonly unknown[]] ? T[I & keyof T] : T;

export const by = (sizes: readonly Dim[]): string => sizes.join('x');

type TooLarge<
  Op extends string,
  K extends string,
  D extends string,
  H extends string,
  Padded extends string,
> = `${Op}: kernel ${K}${D extends AllOnes ? '' : ` with dilation ${D}`} is larger than input ${H}${Padded}`;

type AllOnes = '1' | '1x1' | '1x1x1';

/** Whether every component is 1 (or unknown), from how they are printed. */
export type Ones<Printed extends string> = Printed extends AllOnes | `${string}?${string}` ? true : false;

export const ones = (sizes: Sizes): boolean => sizes.every((n) => n === 1);

/** Batch, channels, spatial sizes. */
export type Image = readonly [Dim, Dim, ...Dim[]];

export const windows = (
  op: string,
  [batch, channels, ...sizes]: Image,
  { kernel, strides, padding }: WindowRule,
  dilation: Sizes,
): E.Either<string, AnyShape> => {
  const cells = sizes.flatMap((size, i) => {
    const p = typeof padding === 'string' ? padding : (padding[i] ?? 0);
    const out = window(size, kernel[i] ?? 1, strides[i] ?? 1, p, dilation[i] ?? 1);
    return out === undefined ? [] : [out];
  });
  if (cells.length === sizes.length) return E.right([batch, channels, ...cells]);
  const spread = ones(dilation) ? '' : ` with dilation ${by(dilation)}`;
  const padded = typeof padding === 'string' ? '' : ` with padding ${by(padding)}`;
  return E.left(`${op}: kernel ${by(kernel)}${spread} is larger than input ${by(sizes)}${padded}`);
};

// -------------------------------------------------------------------------------------
// the input's rank
// -------------------------------------------------------------------------------------

interface Axes {
  readonly 1: 'length';
  readonly 2: 'height,width';
  readonly 3: 'depth,height,width';
}

const axes: Axes = { 1: 'length', 2: 'height,width', 3: 'depth,height,width' };

/** The message for an input that is not one of N spatial axes. */
export type RankError<Op extends string, N extends Rank, S> =
  S extends Int<Shape> ? FloatError<Op, S> : `${Op}: expects [batch,channels,${Axes[N]}], got ${Show<S>}`;

/** The input as one of that many spatial axes. */
export const image = (op: string, rank: number, input: AnyShape): E.Either<string, Image> => {
  if (isInt(input)) return E.left(floatError(op, input));
  const [batch, channels, ...sizes] = input;
  return batch !== undefined && channels !== undefined && sizes.length === rank
    ? E.right([batch, channels, ...sizes])
    : E.left(`${op}: expects [batch,channels,${axes[rank as Rank]}], got ${show(input)}`);
};

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

/** Kernel and strides of 1 or more, padding of 0 or more. */
export type WindowError<Op extends string, K, S, P> =
  Positives<Op, 'kernel', K> extends infer E extends string
    ? E
    : Positives<Op, 'strides', S> extends infer E extends string
      ? E
      : P extends string
        ? true
        : Naturals<Op, 'padding', P>;

export const windowOptions = (op: string, { kernel, strides, padding }: WindowRule): string | undefined =>
  positives(op, 'kernel', kernel) ??
  positives(op, 'strides', strides) ??
  (typeof padding === 'string' ? undefined : naturals(op, 'padding', padding));

type NotBelow<A, B, I> = [Lt<At<A, I>, At<B, I>>] extends [false] ? true : false;

/** Message unless every component of A is smaller than B's. */
export type Below<Op extends string, N extends Rank, What extends string, A, Than extends string, B> = true extends
  | NotBelow<A, B, 0>
  | (N extends 1 ? never : NotBelow<A, B, 1>)
  | (N extends 3 ? NotBelow<A, B, 2> : never)
  ? `${Op}: ${What} ${By<N, A>} is not smaller than ${Than} ${By<N, B>}`
  : true;

export const below = (op: string, what: string, a: Sizes, than: string, b: Sizes): string | undefined =>
  a.every((n, i) => n < (b[i] ?? 0)) ? undefined : `${op}: ${what} ${by(a)} is not smaller than ${than} ${by(b)}`;
