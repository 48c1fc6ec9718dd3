/**
 * Windows that slide over images `[batch,channels,height,width]`: convolution and pooling.
 *
 * Along one axis of n cells, with a kernel that spans k = dilation * (kernel - 1) + 1, the output has
 * `floor((n + 2 * padding - k) / strides) + 1` cells, and `ceil(n / strides)` when the padding is `'same'` (Keras's rule:
 * the odd cell of padding is at the end).
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Add, CeilDiv, Div, Lt, Mod, Mult, Sub } from '../Nat.ts';
import type { AnyShape, Dim, Int, Shape, Show, ShowDim } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';
import type { FloatError } from './Elementwise.ts';
import { floatError } from './Elementwise.ts';
import type { At, Natural, Opt, Positive, Positive2, Size2 } from './Option.ts';
import { natural, positive, positive2 } from './Option.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** `'same'`, `'valid'`, or cells of zeros on both sides of each axis. */
export type WindowPadding = 'same' | 'valid' | Size2;

export interface ConvShapeOptions {
  readonly filters: number;
  readonly kernel: Size2;
  readonly strides?: Size2;
  readonly padding?: WindowPadding;
  readonly dilation?: Size2;
  readonly groups?: number;
}

export interface PoolShapeOptions {
  readonly kernel?: Size2;
  readonly strides?: Size2;
  readonly padding?: WindowPadding;
}

type Pair = readonly [number, number];

export interface WindowRule {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly padding: 'same' | 'valid' | Pair;
}

export interface ConvRule extends WindowRule {
  readonly filters: number;
  readonly dilation: Pair;
  readonly groups: number;
}

// -------------------------------------------------------------------------------------
// one axis
// -------------------------------------------------------------------------------------

/** Cells a dilated kernel spans. */
type Span<K extends number, D extends number> = D extends 1 ? K : Add<Mult<D, Sub<K, 1>>, 1>;
type Slide<Free extends number, S extends number> = [Free] extends [never]
  ? never
  : Add<S extends 1 ? Free : Div<Free, S>, 1>;

/** Output cells; never when the kernel does not fit. A named size survives where every size would. */
type Window<H, K extends number, S extends number, P, I extends 0 | 1, D extends number> = [P] extends ['same']
  ? H extends number
    ? CeilDiv<H, S>
    : S extends 1
      ? H
      : number
  : [P] extends ['valid' | Size2]
    ? H extends number
      ? Slide<Sub<[P] extends ['valid'] ? H : Add<H, Mult<At<P, I>, 2>>, Span<K, D>>, S>
      : [P, K, S] extends ['valid', 1, 1]
        ? H
        : number
    : number;

const window = (h: Dim, k: number, s: number, p: 'same' | 'valid' | number, d: number): Dim | undefined => {
  if (p === 'same') return typeof h === 'number' ? Math.ceil(h / s) : s === 1 ? h : unknown;
  if (typeof h !== 'number') return p === 'valid' && k === 1 && s === 1 ? h : unknown;
  const free = h + (p === 'valid' ? 0 : 2 * p) - (d * (k - 1) + 1);
  return free < 0 ? undefined : Math.floor(free / s) + 1;
};

// -------------------------------------------------------------------------------------
// both axes
// -------------------------------------------------------------------------------------

type Windows<Op extends string, B, C, H, W, K, S, P, D> = [
  Window<H, At<K, 0>, At<S, 0>, P, 0, At<D, 0>>,
  Window<W, At<K, 1>, At<S, 1>, P, 1, At<D, 1>>,
] extends [infer X, infer Y]
  ? [X] extends [never]
    ? TooLarge<Op, H, W, K, P, D>
    : [Y] extends [never]
      ? TooLarge<Op, H, W, K, P, D>
      : [B, C, X, Y]
  : never;

type By<T> = `${ShowDim<At<T, 0>>}x${ShowDim<At<T, 1>>}`;
type TooLarge<
  Op extends string,
  H,
  W,
  K,
  P,
  D,
> = `${Op}: kernel ${By<K>}${By<D> extends '1x1' ? '' : ` with dilation ${By<D>}`} is larger than input ${ShowDim<H>}x${ShowDim<W>}${P extends Size2 ? ` with padding ${By<P>}` : ''}`;
type Rank4<Op extends string, S> =
  S extends Int<Shape> ? FloatError<Op, S> : `${Op}: expects [batch,channels,height,width], got ${Show<S>}`;

const by = ([h, w]: Pair): string => `${h}x${w}`;

const windows = (
  op: string,
  [batch, channels, h, w]: readonly [Dim, Dim, Dim, Dim],
  { kernel, strides, padding }: WindowRule,
  dilation: Pair,
): E.Either<string, AnyShape> => {
  const along = (size: Dim, i: 0 | 1) =>
    window(size, kernel[i], strides[i], typeof padding === 'string' ? padding : padding[i], dilation[i]);
  const x = along(h, 0);
  const y = along(w, 1);
  if (x !== undefined && y !== undefined) return E.right([batch, channels, x, y]);
  const spread = by(dilation) === '1x1' ? '' : ` with dilation ${by(dilation)}`;
  const padded = typeof padding === 'string' ? '' : ` with padding ${by(padding)}`;
  return E.left(`${op}: kernel ${by(kernel)}${spread} is larger than input ${h}x${w}${padded}`);
};

const image = (op: string, input: AnyShape): E.Either<string, readonly [Dim, Dim, Dim, Dim]> => {
  if (isInt(input)) return E.left(floatError(op, input));
  const [b, c, h, w] = input;
  return input.length === 4 && b !== undefined && c !== undefined && h !== undefined && w !== undefined
    ? E.right([b, c, h, w])
    : E.left(`${op}: expects [batch,channels,height,width], got ${show(input)}`);
};

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

type PaddingError<Op extends string, P> = P extends string
  ? true
  : Natural<Op, 'padding', At<P, 0>> extends infer E extends string
    ? E
    : Natural<Op, 'padding', At<P, 1>>;

type WindowError<Op extends string, K, S, P> =
  Positive2<Op, 'kernel', K> extends infer E extends string
    ? E
    : Positive2<Op, 'strides', S> extends infer E extends string
      ? E
      : PaddingError<Op, P>;

const windowOptions = (op: string, { kernel, strides, padding }: WindowRule): string | undefined =>
  positive2(op, 'kernel', kernel) ??
  positive2(op, 'strides', strides) ??
  (typeof padding === 'string'
    ? undefined
    : (natural(op, 'padding', padding[0]) ?? natural(op, 'padding', padding[1])));

/** Whether both components are 1 (or unknown). */
type Ones<T> = number extends At<T, 0> | At<T, 1> ? true : [At<T, 0>, At<T, 1>] extends [1, 1] ? true : false;

type ConvError<F, K, S, P, D, G> =
  Positive<'conv2d', 'filters', F> extends infer E extends string
    ? E
    : WindowError<'conv2d', K, S, P> extends infer E extends string
      ? E
      : Positive2<'conv2d', 'dilation', D> extends infer E extends string
        ? E
        : Positive<'conv2d', 'groups', G> extends infer E extends string
          ? E
          : [Ones<S>, Ones<D>] extends [false, false]
            ? `conv2d: strides ${By<S>} and dilation ${By<D>} cannot both be more than 1`
            : Divisible<F, G, 'filters'>;

/** G groups of N channels or filters. */
type Divisible<N, G, What extends string> = G extends 1
  ? true
  : N extends number
    ? G extends number
      ? number extends N | G
        ? true
        : Mod<N, G> extends 0
          ? true
          : `conv2d: ${N} ${What} are not divisible by ${G} groups`
      : true
    : true;

const divisible = (n: number, groups: number, what: string): string | undefined =>
  n % groups === 0 ? undefined : `conv2d: ${n} ${what} are not divisible by ${groups} groups`;

export const conv2dOptions = (c: ConvRule): string | undefined =>
  positive('conv2d', 'filters', c.filters) ??
  windowOptions('conv2d', c) ??
  positive2('conv2d', 'dilation', c.dilation) ??
  positive('conv2d', 'groups', c.groups) ??
  (by(c.strides) !== '1x1' && by(c.dilation) !== '1x1'
    ? `conv2d: strides ${by(c.strides)} and dilation ${by(c.dilation)} cannot both be more than 1`
    : divisible(c.filters, c.groups, 'filters'));

/** Padding must leave a real cell in every window. */
type PoolError<Op extends string, K, S, P> =
  WindowError<Op, K, S, P> extends infer E extends string
    ? E
    : P extends string
      ? true
      : [Lt<At<P, 0>, At<K, 0>>] extends [false]
        ? `${Op}: padding ${By<P>} is not smaller than kernel ${By<K>}`
        : [Lt<At<P, 1>, At<K, 1>>] extends [false]
          ? `${Op}: padding ${By<P>} is not smaller than kernel ${By<K>}`
          : true;

export const pool2dOptions = (op: string, c: WindowRule): string | undefined =>
  windowOptions(op, c) ??
  (typeof c.padding !== 'string' && (c.padding[0] >= c.kernel[0] || c.padding[1] >= c.kernel[1])
    ? `${op}: padding ${by(c.padding)} is not smaller than kernel ${by(c.kernel)}`
    : undefined);

// -------------------------------------------------------------------------------------
// rules
// -------------------------------------------------------------------------------------

export type Conv2dOut<S, C extends ConvShapeOptions> = ConvWith<
  S,
  C['filters'],
  C['kernel'],
  Opt<C, 'strides', 1>,
  Opt<C, 'padding', 'valid', unknown>,
  Opt<C, 'dilation', 1>,
  Opt<C, 'groups', 1>
>;
type ConvWith<S, F, K, St, P, D, G> =
  ConvError<F, K, St, P, D, G> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, infer H, infer W]
      ? C extends number
        ? Divisible<C, G, 'channels'> extends infer E extends string
          ? E
          : Windows<'conv2d', B, F, H, W, K, St, P, D>
        : `conv2d: the channels of ${Show<S>} have no fixed size`
      : Rank4<'conv2d', S>;

export const conv2d =
  (c: ConvRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = conv2dOptions(c);
    if (bad !== undefined) return E.left(bad);
    return E.chain(([b, channels, h, w]: readonly [Dim, Dim, Dim, Dim]): E.Either<string, AnyShape> => {
      if (typeof channels !== 'number') return E.left(`conv2d: the channels of ${show(input)} have no fixed size`);
      const groups = divisible(channels, c.groups, 'channels');
      return groups === undefined ? windows('conv2d', [b, c.filters, h, w], c, c.dilation) : E.left(groups);
    })(image('conv2d', input));
  };

/** Strides default to the kernel, the kernel to 2. */
export type Pool2dOut<Op extends string, S, C extends PoolShapeOptions> = PoolWith<
  Op,
  S,
  Opt<C, 'kernel', 2>,
  Opt<C, 'strides', Opt<C, 'kernel', 2>>,
  Opt<C, 'padding', 'valid', unknown>
>;
type PoolWith<Op extends string, S, K, St, P> =
  PoolError<Op, K, St, P> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, infer H, infer W]
      ? Windows<Op, B, C, H, W, K, St, P, 1>
      : Rank4<Op, S>;

export const pool2d =
  (op: string, c: WindowRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = pool2dOptions(op, c);
    if (bad !== undefined) return E.left(bad);
    return E.chain((s: readonly [Dim, Dim, Dim, Dim]) => windows(op, s, c, [1, 1]))(image(op, input));
  };

export type GlobalPool2dOut<Op extends string, S> = S extends readonly [infer B, infer C, unknown, unknown]
  ? [B, C]
  : Rank4<Op, S>;

export const globalPool2d =
  (op: string) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    E.map(([b, c]: readonly [Dim, Dim, Dim, Dim]): AnyShape => [b, c])(image(op, input));
