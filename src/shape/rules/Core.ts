/**
 * Embeddings, learned activations, gates, bilinear products, noise.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Add, Div, Mod } from '../Nat.ts';
import type { Agree, AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { agree, isInt, show } from '../Shape.ts';
import type { Axis, AxisError, ElementwiseOut, FloatError } from './Elementwise.ts';
import { axisError, axisOf, elementwise, floatError } from './Elementwise.ts';
import { type NoiseShape, type NoiseShapeError, noiseShapeError } from './NoiseShape.ts';
import type { Positive, Unit } from './Option.ts';
import { positive, unit } from './Option.ts';

type Result = E.Either<string, AnyShape>;

// -------------------------------------------------------------------------------------
// embedding
// -------------------------------------------------------------------------------------

export type EmbeddingOut<S, N extends number, D extends number> =
  Positive<'embedding', 'inputDim', N> extends infer E extends string
    ? E
    : Positive<'embedding', 'outputDim', D> extends infer E extends string
      ? E
      : S extends Int<infer T>
        ? [...T, D]
        : `embedding: expects integers (an input made by tokens), got ${Show<S>}`;

export const embeddingOptions = (inputDim: number, outputDim: number): string | undefined =>
  positive('embedding', 'inputDim', inputDim) ?? positive('embedding', 'outputDim', outputDim);

export const embedding =
  (inputDim: number, outputDim: number) =>
  (input: AnyShape): Result => {
    const bad = embeddingOptions(inputDim, outputDim);
    if (bad !== undefined) return E.left(bad);
    return isInt(input)
      ? E.right([...input.int, outputDim])
      : E.left(`embedding: expects integers (an input made by tokens), got ${show(input)}`);
  };

// -------------------------------------------------------------------------------------
// prelu
// -------------------------------------------------------------------------------------

/** Every axis that is not shared needs a size, for there is a number for each of its indices. */
export type PReluOut<S, Shared> =
  S extends Int<Shape>
    ? FloatError<'prelu', S>
    : S extends readonly [unknown, ...infer R]
      ? PReluError<R, Shared, S, 1> extends infer E extends string
        ? E
        : S
      : `prelu: expects [batch,...], got ${Show<S>}`;
type PReluError<R, Shared, S, I extends number> = R extends readonly [infer D, ...infer T]
  ? D extends number
    ? PReluError<T, Shared, S, Add<I, 1>>
    : Shared extends readonly number[]
      ? I extends Shared[number]
        ? PReluError<T, Shared, S, Add<I, 1>>
        : `prelu: axis ${I} of ${Show<S>} has no fixed size: put it into sharedAxes`
      : true
  : true;

export const prelu =
  (sharedAxes: readonly number[]) =>
  (input: AnyShape): Result => {
    if (isInt(input)) return E.left(floatError('prelu', input));
    if (input.length === 0) return E.left(`prelu: expects [batch,...], got ${show(input)}`);
    const open = input.findIndex((d, i) => i > 0 && typeof d !== 'number' && !sharedAxes.includes(i));
    return open < 0
      ? E.right(input)
      : E.left(`prelu: axis ${open} of ${show(input)} has no fixed size: put it into sharedAxes`);
  };

// -------------------------------------------------------------------------------------
// glu
// -------------------------------------------------------------------------------------

export type GluOut<S, A> =
  S extends Int<Shape>
    ? FloatError<'glu', S>
    : [Axis<A, S>] extends [never]
      ? AxisError<'glu', A, S>
      : number extends Axis<A, S>
        ? Shape
        : HalfAt<S, Axis<A, S>>;
type HalfAt<S, I> = S[I & keyof S] extends infer N extends number
  ? Mod<N, 2> extends 1
    ? `glu: axis ${I & number} of ${Show<S>} does not divide by 2`
    : { -readonly [K in keyof S]: K extends `${I & number}` ? Div<N, 2> : S[K] }
  : `glu: axis ${I & number} of ${Show<S>} has no fixed size`;

export const glu =
  (axis: number) =>
  (input: AnyShape): Result => {
    if (isInt(input)) return E.left(floatError('glu', input));
    const at = axisOf(axis, input);
    if (at === undefined) return E.left(axisError('glu', axis, input));
    const n = input[at];
    if (typeof n !== 'number') return E.left(`glu: axis ${at} of ${show(input)} has no fixed size`);
    if (n % 2 === 1) return E.left(`glu: axis ${at} of ${show(input)} does not divide by 2`);
    return E.right(input.map((d: Dim, i) => (i === at ? n / 2 : d)));
  };

// -------------------------------------------------------------------------------------
// bilinear
// -------------------------------------------------------------------------------------

type Lead<S> = S extends readonly [...infer B, unknown] ? B : [];
type LastOf<S> = S extends readonly [...unknown[], infer L] ? L : never;

/** [batch,...,a] and [batch,...,b] to [batch,...,units]. */
export type BilinearOut<A, B, N extends number> =
  Positive<'bilinear', 'units', N> extends infer E extends string
    ? E
    : Shape extends A | B
      ? Shape
      : A extends readonly [unknown, unknown, ...unknown[]]
        ? B extends readonly [unknown, unknown, ...unknown[]]
          ? Agree<Lead<A>, Lead<B>> extends true
            ? LastOf<A> extends number
              ? LastOf<B> extends number
                ? [...Lead<A>, N]
                : `bilinear: the last axis of ${Show<B>} has no fixed size`
              : `bilinear: the last axis of ${Show<A>} has no fixed size`
            : `bilinear: ${Show<A>} and ${Show<B>} differ before their last axis`
          : `bilinear: expects [batch,...,features], got ${Show<B>}`
        : `bilinear: expects [batch,...,features], got ${Show<A>}`;

export const bilinear =
  (units: number) =>
  (a: AnyShape, b: AnyShape): Result => {
    const bad = positive('bilinear', 'units', units);
    if (bad !== undefined) return E.left(bad);
    for (const s of [a, b])
      if (isInt(s) || s.length < 2) return E.left(`bilinear: expects [batch,...,features], got ${show(s)}`);
    if (isInt(a) || isInt(b)) return E.left(floatError('bilinear', a));
    if (!agree(a.slice(0, -1), b.slice(0, -1)))
      return E.left(`bilinear: ${show(a)} and ${show(b)} differ before their last axis`);
    const open = [a, b].find((s) => typeof s.at(-1) !== 'number');
    return open === undefined
      ? E.right([...a.slice(0, -1), units])
      : E.left(`bilinear: the last axis of ${show(open)} has no fixed size`);
  };

// -------------------------------------------------------------------------------------
// noise
// -------------------------------------------------------------------------------------

/** Message unless 0 <= N < 1. */
export type BelowOne<Op extends string, Name extends string, N> = N extends 1
  ? `${Op}: ${Name} 1 is not below 1`
  : Unit<Op, Name, N>;

const belowOne = (op: string, name: string, n: number): string | undefined =>
  n === 1 ? `${op}: ${name} 1 is not below 1` : unit(op, name, n);

export type NoiseOut<Op extends string, R, S, N = undefined> = (
  Op extends 'gaussianNoise'
    ? Unit<Op, 'stddev', R>
    : BelowOne<Op, 'rate', R>
) extends infer E extends string
  ? E
  : NoiseShapeError<Op, N, S> extends infer E extends string
    ? E
    : ElementwiseOut<Op, S>;

export const noiseOptions = (op: string, n: number): string | undefined =>
  op === 'gaussianNoise' ? unit(op, 'stddev', n) : belowOne(op, 'rate', n);

export const noise =
  (op: string, n: number, shape?: NoiseShape) =>
  (input: AnyShape): Result => {
    const bad = noiseOptions(op, n) ?? noiseShapeError(op, shape, input);
    return bad === undefined ? elementwise(op)(input) : E.left(bad);
  };

// -------------------------------------------------------------------------------------
// spatial dropout
// -------------------------------------------------------------------------------------

interface Expected {
  readonly spatialDropout1d: 'length';
  readonly spatialDropout2d: 'height,width';
  readonly spatialDropout3d: 'depth,height,width';
}

const expected: Readonly<Record<string, string>> = {
  spatialDropout1d: 'length',
  spatialDropout2d: 'height,width',
  spatialDropout3d: 'depth,height,width',
} satisfies Expected;

type RankOf = { readonly spatialDropout1d: 3; readonly spatialDropout2d: 4; readonly spatialDropout3d: 5 };

export type SpatialDropoutOut<Op extends keyof Expected, R, S> =
  Unit<Op, 'rate', R> extends infer E extends string
    ? E
    : S extends Int<Shape>
      ? FloatError<Op, S>
      : S extends { readonly length: RankOf[Op] }
        ? S
        : `${Op}: expects [batch,channels,${Expected[Op]}], got ${Show<S>}`;

export const spatialDropout =
  (op: string, rate: number) =>
  (input: AnyShape): Result => {
    const bad = unit(op, 'rate', rate);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError(op, input));
    const axes = expected[op] ?? '';
    return input.length === 2 + axes.split(',').length
      ? E.right(input)
      : E.left(`${op}: expects [batch,channels,${axes}], got ${show(input)}`);
  };
