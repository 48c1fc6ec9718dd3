/**
 * Layers that keep the shape of their input: activations, dropout, normalisation, rescaling.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Sub } from '../Nat.ts';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { dims, isInt, show } from '../Shape.ts';
import type { NoiseShapeError } from './NoiseShape.ts';
import type { Above0, NotBelow0, Opt, Unit } from './Option.ts';
import { above0, notBelow0, unit } from './Option.ts';

// -------------------------------------------------------------------------------------
// any shape
// -------------------------------------------------------------------------------------

export type FloatError<Op extends string, S> = `${Op}: expects float32 numbers, got ${Show<S>}`;

/** The same shape; integers are refused. */
export type ElementwiseOut<Op extends string, S> = S extends Int<Shape> ? FloatError<Op, S> : S;

export const floatError = (op: string, input: AnyShape): string => `${op}: expects float32 numbers, got ${show(input)}`;

export const elementwise =
  (op: string) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    isInt(input) ? E.left(floatError(op, input)) : E.right(input);

// -------------------------------------------------------------------------------------
// activations
// -------------------------------------------------------------------------------------

type OfClasses = 'softmax' | 'logSoftmax' | 'sparsemax';
const ofClasses: ReadonlySet<string> = new Set<OfClasses>(['softmax', 'logSoftmax', 'sparsemax']);

/** Elementwise but for softmax and its kin, which need axes of classes behind the batch. */
export type ActivationOut<A extends string, S, Ax = undefined> = A extends OfClasses
  ? S extends readonly [unknown]
    ? `${A}: expects [batch,...,classes], got ${Show<S>}`
    : S extends Int<Shape>
      ? FloatError<A, S>
      : [Ax] extends [undefined]
        ? S
        : AxesError<A, Ax, S> extends infer E extends string
          ? E
          : S
  : ElementwiseOut<A, S>;

export const activation =
  (name: string, axis?: number | readonly number[]) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    if (!ofClasses.has(name) || isInt(input)) return elementwise(name)(input);
    if (input.length < 2) return E.left(`${name}: expects [batch,...,classes], got ${show(input)}`);
    const bad = axis === undefined ? undefined : axesError(name, axis, input);
    return bad === undefined ? E.right(input) : E.left(bad);
  };

// -------------------------------------------------------------------------------------
// dropout
// -------------------------------------------------------------------------------------

export type DropoutOut<R, S, N = undefined> =
  Unit<'dropout', 'rate', R> extends infer E extends string
    ? E
    : NoiseShapeError<'dropout', N, S> extends infer E extends string
      ? E
      : ElementwiseOut<'dropout', S>;

export const dropoutOptions = (rate: number): string | undefined => unit('dropout', 'rate', rate);

// -------------------------------------------------------------------------------------
// axes
// -------------------------------------------------------------------------------------

/**
 * An axis counted from 0 with the batch at 0. Negative ones count from the end; `undefined` is the features': 1 for
 * images `[batch,channels,height,width]` and volumes, the last one otherwise. `never` where there is no such axis behind the batch.
 */
export type Axis<A, S> = S extends Shape
  ? number extends A
    ? number
    : undefined extends A
      ? S['length'] extends 4 | 5
        ? 1
        : Behind<Sub<S['length'], 1>, S>
      : A extends number
        ? `${A}` extends `-${infer N extends number}`
          ? Behind<Sub<S['length'], N>, S>
          : Behind<A, S>
        : never
  : never;
type Behind<I extends number, S extends Shape> = [I] extends [never]
  ? never
  : I extends 0
    ? never
    : `${I}` extends keyof S
      ? I
      : never;

export const axisOf = (axis: number | undefined, shape: Shape): number | undefined => {
  const i =
    axis === undefined
      ? shape.length === 4 || shape.length === 5
        ? 1
        : shape.length - 1
      : axis < 0
        ? shape.length + axis
        : axis;
  return Number.isInteger(i) && i > 0 && i < shape.length ? i : undefined;
};

export type AxisError<Op extends string, A, S> = undefined extends A
  ? `${Op}: expects [batch,...,features], got ${Show<S>}`
  : `${Op}: ${A & number} is not an axis of ${Show<S>} behind the batch`;

export const axisError = (op: string, axis: number | undefined, shape: AnyShape): string =>
  axis === undefined
    ? `${op}: expects [batch,...,features], got ${show(shape)}`
    : `${op}: ${axis} is not an axis of ${show(shape)} behind the batch`;

/** Message unless every axis is one behind the batch, and none is there twice. One axis or a list. */
export type AxesError<Op extends string, A, S> = A extends readonly unknown[]
  ? A extends readonly []
    ? `${Op}: expects at least one axis`
    : AxesFrom<Op, A, S, never>
  : AxesFrom<Op, [A], S, never>;
type AxesFrom<Op extends string, A, S, Seen> = A extends readonly [infer H, ...infer T]
  ? [Axis<H, S>] extends [never]
    ? AxisError<Op, H, S>
    : number extends Axis<H, S>
      ? AxesFrom<Op, T, S, Seen>
      : Axis<H, S> extends Seen
        ? `${Op}: axis ${H & number} of ${Show<S>} is named twice`
        : AxesFrom<Op, T, S, Seen | Axis<H, S>>
  : true;

export const axesError = (
  op: string,
  axis: number | readonly number[] | undefined,
  shape: Shape,
): string | undefined => {
  const axes = typeof axis === 'object' ? axis : [axis];
  if (axes.length === 0) return `${op}: expects at least one axis`;
  const seen = new Set<number>();
  for (const a of axes) {
    const i = axisOf(a, shape);
    if (i === undefined) return axisError(op, a, shape);
    if (seen.has(i)) return `${op}: axis ${a} of ${show(shape)} is named twice`;
    seen.add(i);
  }
  return undefined;
};

// -------------------------------------------------------------------------------------
// batch normalisation
// -------------------------------------------------------------------------------------

export type BatchNormalizationOut<S, C> =
  Unit<'batchNormalization', 'momentum', Opt<C, 'momentum', 0.99>> extends infer E extends string
    ? E
    : Above0<'batchNormalization', 'epsilon', Opt<C, 'epsilon', 0.001>> extends infer E extends string
      ? E
      : RenormError<C> extends infer E extends string
        ? E
        : S extends Int<Shape>
          ? FloatError<'batchNormalization', S>
          : NormalizedAt<S, Opt<C, 'axis', undefined>, Axis<Opt<C, 'axis', undefined>, S>>;
/** That `rmax` is not below `rmin` is left to run time. */
type RenormError<C> = C extends { readonly renorm: true }
  ? Unit<'batchNormalization', 'renormMomentum', Opt<C, 'renormMomentum', 0.99>> extends infer E extends string
    ? E
    : ClippingError<Opt<C, 'renormClipping', {}, {}>>
  : true;
type ClippingError<R> = [Exclude<keyof R, 'rmin' | 'rmax' | 'dmax'>] extends [never]
  ? BoundsError<R>
  : `batchNormalization: renormClipping has no '${Exclude<keyof R, 'rmin' | 'rmax' | 'dmax'> & string}'`;
type BoundsError<R> =
  NotBelow0<'batchNormalization', 'rmin', Opt<R, 'rmin', 0>> extends infer E extends string
    ? E
    : NotBelow0<'batchNormalization', 'dmax', Opt<R, 'dmax', 0>>;
type NormalizedAt<S, A, I> = [I] extends [never]
  ? AxisError<'batchNormalization', A, S>
  : number extends I
    ? S
    : S[I & keyof S] extends number
      ? S
      : `batchNormalization: axis ${I & number} of ${Show<S>} has no fixed size`;

interface RenormRule {
  readonly momentum: number;
  readonly rmin: number | undefined;
  readonly rmax: number | undefined;
  readonly dmax: number | undefined;
}

export interface BatchNormalizationRule {
  readonly axis: number | undefined;
  readonly momentum: number;
  readonly epsilon: number;
  readonly renorm?: RenormRule;
}

const renormOptions = ({ momentum, rmin = 0, rmax = Number.POSITIVE_INFINITY, dmax = 0 }: RenormRule) =>
  unit('batchNormalization', 'renormMomentum', momentum) ??
  notBelow0('batchNormalization', 'rmin', rmin) ??
  notBelow0('batchNormalization', 'dmax', dmax) ??
  (rmax >= rmin ? undefined : `batchNormalization: rmax ${rmax} is below rmin ${rmin}`);

export const batchNormalizationOptions = (c: BatchNormalizationRule): string | undefined =>
  unit('batchNormalization', 'momentum', c.momentum) ??
  above0('batchNormalization', 'epsilon', c.epsilon) ??
  (c.renorm === undefined ? undefined : renormOptions(c.renorm));

export const batchNormalization =
  (c: BatchNormalizationRule) =>
  (input: AnyShape): E.Either<string, AnyShape> => {
    const bad = batchNormalizationOptions(c);
    if (bad !== undefined) return E.left(bad);
    if (isInt(input)) return E.left(floatError('batchNormalization', input));
    const axis = axisOf(c.axis, dims(input));
    if (axis === undefined) return E.left(axisError('batchNormalization', c.axis, input));
    return typeof input[axis] === 'number'
      ? E.right(input)
      : E.left(`batchNormalization: axis ${axis} of ${show(input)} has no fixed size`);
  };
