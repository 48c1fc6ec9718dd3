/**
 * Transposed convolutions over one to three spatial axes: `[batch, channels, ...cells]` to `[batch, filters, ...cells]`, the way
 * back of a convolution. Lengths are Keras's, and PyTorch's where the padding is given in cells.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { Add, Mod, Mult, Sub } from '../Nat.ts';
import type { AnyShape, Dim } from '../Shape.ts';
import { unknown } from '../Shape.ts';
import type { Divisible, NoChannels, SlidingError } from './Convolution.ts';
import { channelsOf, divisible, slidingOptions } from './Convolution.ts';
import type { At, Naturals, Opt, Positive } from './Option.ts';
import { naturals, positive } from './Option.ts';
import type { Below, By, PaddingAt, Rank, RankError, SizeOf, Span, WindowPadding } from './Window.ts';
import { below, by, span } from './Window.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export interface ConvTransposeShapeOptions<N extends Rank> {
  readonly filters: number;
  readonly kernel: SizeOf<N>;
  readonly strides?: SizeOf<N>;
  readonly padding?: WindowPadding<SizeOf<N>>;
  readonly outputPadding?: SizeOf<N>;
  readonly dilation?: SizeOf<N>;
  readonly groups?: number;
}

export interface ConvTransposeRule {
  readonly op: string;
  readonly filters: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padding: 'same' | 'valid' | readonly number[];
  readonly outputPadding: readonly number[] | undefined;
  readonly dilation: readonly number[];
  readonly groups: number;
}

// -------------------------------------------------------------------------------------
// rule
// -------------------------------------------------------------------------------------

type Max<A extends number, B extends number> = number extends A | B ? number : [Sub<A, B>] extends [never] ? B : A;

type Sizeable<L> = [L] extends [never] ? false : L extends 0 ? false : L;

/** Cells of the output, with the kernel's span and where the last window starts; false when nothing is left. */
type Length<H extends number, S extends number, P, O, Ke extends number, Last extends number> = [P] extends ['valid']
  ? O extends number
    ? Add<Add<Last, Ke>, O>
    : Add<Last, Max<Ke, S>>
  : [P] extends ['same']
    ? O extends number
      ? Sizeable<Add<Last, Add<Mod<Ke, 2>, O>>>
      : Mult<H, S>
    : [P] extends [number]
      ? Sizeable<Sub<Add<Add<Last, Ke>, O extends number ? O : 0>, Mult<P, 2>>>
      : number;

/** A named size survives where every size would. */
type Unwound<H, K extends number, S extends number, P, D extends number, O> = H extends number
  ? Length<H, S, P, O, Span<K, D>, Mult<Sub<H, 1>, S>>
  : [P, S, O] extends ['same', 1, undefined]
    ? H
    : number;

type OutputAt<O, I> = [O] extends [undefined] ? undefined : At<O, I>;

type Unwounds<Sp, K, S, P, D, O> = {
  [I in keyof Sp]: Unwound<Sp[I], At<K, I>, At<S, I>, PaddingAt<P, I>, At<D, I>, OutputAt<O, I>>;
};

type TransposeError<Op extends string, N extends Rank, F, K, S, P, O, D, G> =
  Positive<Op, 'filters', F> extends infer E extends string
    ? E
    : SlidingError<Op, K, S, P, D> extends infer E extends string
      ? E
      : ([O] extends [undefined] ? true : Naturals<Op, 'outputPadding', O>) extends infer E extends string
        ? E
        : ([O] extends [undefined] ? true : Below<Op, N, 'outputPadding', O, 'strides', S>) extends infer E extends
              string
          ? E
          : Positive<Op, 'groups', G> extends infer E extends string
            ? E
            : Divisible<Op, F, G, 'filters'>;

export const convTransposeOptions = (c: ConvTransposeRule): string | undefined =>
  positive(c.op, 'filters', c.filters) ??
  slidingOptions(c) ??
  (c.outputPadding === undefined
    ? undefined
    : (naturals(c.op, 'outputPadding', c.outputPadding) ??
      below(c.op, 'outputPadding', c.outputPadding, 'strides', c.strides))) ??
  positive(c.op, 'groups', c.groups) ??
  divisible(c.op, c.filters, c.groups, 'filters');

export type ConvTransposeOut<N extends Rank, S, C extends ConvTransposeShapeOptions<N>> = TransposeWith<
  `conv${N}dTranspose`,
  N,
  S,
  C['filters'],
  C['kernel'],
  Opt<C, 'strides', 1>,
  Opt<C, 'padding', 'valid', unknown>,
  Opt<C, 'outputPadding', undefined>,
  Opt<C, 'dilation', 1>,
  Opt<C, 'groups', 1>
>;
type TransposeWith<Op extends string, N extends Rank, S, F, K, St, P, O, D, G> =
  TransposeError<Op, N, F, K, St, P, O, D, G> extends infer E extends string
    ? E
    : S extends readonly [infer B, infer C, ...infer Sp]
      ? Sp['length'] extends N
        ? C extends number
          ? Divisible<Op, C, G, 'channels'> extends infer E extends string
            ? E
            : Unwounds<Sp, K, St, P, D, O> extends infer W extends readonly unknown[]
              ? false extends W[number]
                ? `${Op}: padding ${P extends string ? P : By<N, P>} leaves nothing of input ${By<N, Sp>}`
                : [B, F, ...W]
              : never
          : NoChannels<Op, S>
        : RankError<Op, N, S>
      : RankError<Op, N, S>;

/** Cells of a transposed convolution's output along one axis; undefined when nothing is left. */
export const transposedLength = (
  size: number,
  kernel: number,
  strides: number,
  padding: 'same' | 'valid' | number,
  dilation: number,
  outputPadding: number | undefined,
): number | undefined => {
  const [last, k] = [(size - 1) * strides, span(kernel, dilation)];
  const length =
    padding === 'valid'
      ? last + (outputPadding === undefined ? Math.max(k, strides) : k + outputPadding)
      : padding === 'same'
        ? outputPadding === undefined
          ? size * strides
          : last + (k % 2) + outputPadding
        : last + k + (outputPadding ?? 0) - 2 * padding;
  return length > 0 ? length : undefined;
};

export const convTranspose =
  (c: ConvTransposeRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = convTransposeOptions(c);
    if (bad !== undefined) return E.left(bad);
    return pipe(
      channelsOf(c.op, c.kernel.length, input),
      E.chain(({ sizes: [batch, , ...sizes], channels }): E.Either<string, AnyShape> => {
        const groups = divisible(c.op, channels, c.groups, 'channels');
        if (groups !== undefined) return E.left(groups);
        const cells = sizes.flatMap((size, i): readonly Dim[] => {
          const p = typeof c.padding === 'string' ? c.padding : (c.padding[i] ?? 0);
          const [k, s, d, o] = [c.kernel[i] ?? 1, c.strides[i] ?? 1, c.dilation[i] ?? 1, c.outputPadding?.[i]];
          if (typeof size !== 'number') return [p === 'same' && s === 1 && o === undefined ? size : unknown];
          const length = transposedLength(size, k, s, p, d, o);
          return length === undefined ? [] : [length];
        });
        const padding = typeof c.padding === 'string' ? c.padding : by(c.padding);
        return cells.length === sizes.length
          ? E.right([batch, c.filters, ...cells])
          : E.left(`${c.op}: padding ${padding} leaves nothing of input ${by(sizes)}`);
      }),
    );
  };
