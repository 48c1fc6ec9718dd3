/**
 * Convolutions over one to three spatial axes: `[batch, channels, ...cells]` to `[batch, filters, ...cells]`. Plain, depthwise
 * and separable ones slide a window, see `Window.ts`; for the way back see `Transposed.ts`.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Mod } from '../Nat.ts';
import type { AnyShape, Dim, MultDim, Show } from '../Shape.ts';
import { multDim, show } from '../Shape.ts';
import type { Opt, Positive, Positives } from './Option.ts';
import { positive, positives } from './Option.ts';
import type { Image, Rank, RankError, SizeOf, WindowError, WindowPadding, WindowRule, Windows } from './Window.ts';
import { image, windowOptions, windows } from './Window.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/** Only one axis has a before and after: `'causal'` pads before it. */
export type ConvPadding<N extends Rank> = WindowPadding<SizeOf<N>> | (N extends 1 ? 'causal' : never);

interface SlidingOptions<N extends Rank> {
  readonly kernel: SizeOf<N>;
  readonly strides?: SizeOf<N>;
  readonly padding?: ConvPadding<N>;
  readonly dilation?: SizeOf<N>;
}

export interface ConvShapeOptions<N extends Rank = 2> extends SlidingOptions<N> {
  readonly filters: number;
  readonly groups?: number;
}

export interface DepthwiseShapeOptions<N extends Rank> extends SlidingOptions<N> {
  readonly depthMultiplier?: number;
}

export interface SeparableShapeOptions<N extends Rank> extends DepthwiseShapeOptions<N> {
  readonly filters: number;
}

interface SlidingRule extends WindowRule {
  readonly op: string;
  readonly dilation: readonly number[];
}

export interface ConvRule extends SlidingRule {
  readonly filters: number;
  readonly groups: number;
}

export interface DepthwiseRule extends SlidingRule {
  readonly depthMultiplier: number;
}

export interface SeparableRule extends DepthwiseRule {
  readonly filters: number;
}

// -------------------------------------------------------------------------------------
// channels
// -------------------------------------------------------------------------------------

/** G groups of N channels or filters. */
export type Divisible<Op extends string, N, G, What extends string> = G extends 1
  ? true
  : N extends number
    ? G extends number
      ? number extends N | G
        ? true
        : Mod<N, G> extends 0
          ? true
          : `${Op}: ${N} ${What} are not divisible by ${G} groups`
      : true
    : true;

export const divisible = (op: string, n: number, groups: number, what: string): string | undefined =>
  n % groups === 0 ? undefined : `${op}: ${n} ${what} are not divisible by ${groups} groups`;

export type NoChannels<Op extends string, S> = `${Op}: the channels of ${Show<S>} have no fixed size`;

/** The input's sizes, and how many channels it has. */
export const channelsOf = (
  op: string,
  rank: number,
  input: AnyShape,
): E.Either<string, { readonly sizes: Image; readonly channels: number }> =>
  pipe(
    image(op, rank, input),
    E.chain((sizes) => {
      const [, channels] = sizes;
      return typeof channels === 'number'
        ? E.right({ sizes, channels })
        : E.left(`${op}: the channels of ${show(input)} have no fixed size`);
    }),
  );

const withChannels = ([batch, , ...sizes]: Image, channels: Dim): Image => [batch, channels, ...sizes];

// -------------------------------------------------------------------------------------
// options
// -------------------------------------------------------------------------------------

/** What all that slide have in common. */
export type SlidingError<Op extends string, K, S, P, D> =
  WindowError<Op, K, S, P> extends infer E extends string ? E : Positives<Op, 'dilation', D>;

export const slidingOptions = (c: SlidingRule): string | undefined =>
  windowOptions(c.op, c) ?? positives(c.op, 'dilation', c.dilation);

type ConvError<Op extends string, F, K, S, P, D, G> =
  Positive<Op, 'filters', F> extends infer E extends string
    ? E
    : SlidingError<Op, K, S, P, D> extends infer E extends string
      ? E
      : Positive<Op, 'groups', G> extends infer E extends string
        ? E
        : Divisible<Op, F, G, 'filters'>;

export const convOptions = (c: ConvRule): string | undefined =>
  positive(c.op, 'filters', c.filters) ??
  slidingOptions(c) ??
  positive(c.op, 'groups', c.groups) ??
  divisible(c.op, c.filters, c.groups, 'filters');

type DepthwiseError<Op extends string, K, S, P, D, M> =
  SlidingError<Op, K, S, P, D> extends infer E extends string ? E : Positive<Op, 'depthMultiplier', M>;

export const depthwiseOptions = (c: DepthwiseRule): string | undefined =>
  slidingOptions(c) ?? positive(c.op, 'depthMultiplier', c.depthMultiplier);

export const separableOptions = (c: SeparableRule): string | undefined =>
  positive(c.op, 'filters', c.filters) ?? depthwiseOptions(c);

// -------------------------------------------------------------------------------------
// convolution
// -------------------------------------------------------------------------------------

export type ConvOut<N extends Rank, S, C extends ConvShapeOptions<N>> = ConvWith<
  `conv${N}d`,
  N,
  S,
  C['filters'],
  C['kernel'],
  Opt<C, 'strides', 1>,
  Opt<C, 'padding', 'valid', unknown>,
  Opt<C, 'dilation', 1>,
  Opt<C, 'groups', 1>
>;
export type Conv2dOut<S, C extends ConvShapeOptions> = ConvOut<2, S, C>;
export type ConvWith<Op extends string, N extends Rank, S, F, K, St, P, D, G> =
  ConvError<Op, F, K, St, P, D, G> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? C extends number
          ? Divisible<Op, C, G, 'channels'> extends infer E extends string
            ? E
            : Windows<Op, N, B, F, Sp, K, St, P, D>
          : NoChannels<Op, S>
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

export const conv =
  (c: ConvRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = convOptions(c);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      channelsOf(c.op, c.kernel.length, input),
      E.chain(({ sizes, channels }) => {
        const groups = divisible(c.op, channels, c.groups, 'channels');
        return groups === undefined ? windows(c.op, withChannels(sizes, c.filters), c, c.dilation) : E.left(groups);
      }),
    );
  };

// -------------------------------------------------------------------------------------
// depthwise and separable
// -------------------------------------------------------------------------------------

export type DepthwiseOut<N extends Rank, S, C extends DepthwiseShapeOptions<N>> = DepthwiseWith<
  `depthwiseConv${N}d`,
  N,
  S,
  undefined,
  C['kernel'],
  Opt<C, 'strides', 1>,
  Opt<C, 'padding', 'valid', unknown>,
  Opt<C, 'dilation', 1>,
  Opt<C, 'depthMultiplier', 1>
>;

export type SeparableOut<N extends Rank, S, C extends SeparableShapeOptions<N>> =
  Positive<`separableConv${N}d`, 'filters', C['filters']> extends infer E extends string
    ? E
    : DepthwiseWith<
        `separableConv${N}d`,
        N,
        S,
        C['filters'],
        C['kernel'],
        Opt<C, 'strides', 1>,
        Opt<C, 'padding', 'valid', unknown>,
        Opt<C, 'dilation', 1>,
        Opt<C, 'depthMultiplier', 1>
      >;

/** `F` undefined: M channels out of each one. */
type DepthwiseWith<Op extends string, N extends Rank, S, F, K, St, P, D, M> =
  DepthwiseError<Op, K, St, P, D, M> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? C extends number
          ? Windows<Op, N, B, F extends undefined ? MultDim<C, M> : F, Sp, K, St, P, D>
          : NoChannels<Op, S>
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

const depthwiseTo =
  (c: DepthwiseRule, filters: number | undefined) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    pipe(
      channelsOf(c.op, c.kernel.length, input),
      E.chain(({ sizes, channels }) =>
        windows(c.op, withChannels(sizes, filters ?? multDim(channels, c.depthMultiplier)), c, c.dilation),
      ),
    );

export const depthwise =
  (c: DepthwiseRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = depthwiseOptions(c);
    return bad === undefined ? depthwiseTo(c, undefined)(input) : E.left(bad);
  };

export const separable =
  (c: SeparableRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = separableOptions(c);
    return bad === undefined ? depthwiseTo(c, c.filters)(input) : E.left(bad);
  };
