/**
 * Layers that keep the shape of their input: activations, dropout, normalisation, rescaling.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { Sub } from '../Nat.ts';
import type { AnyShape, Int, Shape, Show } from '../Shape.ts';
import { dims, isInt, show } from '../Shape.ts';
import type { Above0, Opt, Unit } from './Option.ts';
import { above0, unit } from './Option.ts';

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

/** Elementwise but for softmax, which needs an axis of classes behind the batch. */
export type ActivationOut<A extends string, S> = A extends 'softmax'
  ? S extends readonly [unknown]
    ? `softmax: expects [batch,...,classes], got ${Show<S>}`
    : ElementwiseOut<'softmax', S>
  : ElementwiseOut<A, S>;

export const activation =
  (name: string) =>
  (input: AnyShape): E.Either<string, AnyShape> =>
    name === 'softmax' && !isInt(input) && input.length < 2
      ? E.left(`softmax: expects [batch,...,classes], got ${show(input)}`)
      : elementwise(name)(input);

// -------------------------------------------------------------------------------------
// dropout
// -------------------------------------------------------------------------------------

export type DropoutOut<R, S> =
  Unit<'dropout', 'rate', R> extends infer E extends string ? E : ElementwiseOut<'dropout', S>;

export const dropoutOptions = (rate: number): string | undefined => unit('dropout', 'rate', rate);

// -------------------------------------------------------------------------------------
// axes
// -------------------------------------------------------------------------------------

/**
 * An axis counted from 0 with the batch at 0. Negative ones count from the end; `undefined` is the features': 1 for
 * images `[batch,channels,height,width]`, the last one otherwise. `never` where there is no such axis behind the batch.
 */
export type Axis<A, S> = S extends Shape
  ? number extends A
    ? number
    : undefined extends A
      ? S['length'] extends 4
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
  const i = axis === undefined ? (shape.length === 4 ? 1 : shape.length - 1) : axis < 0 ? shape.length + axis : axis;
  return Number.isInteger(i) && i > 0 && i < shape.length ? i : undefined;
};

export type AxisError<Op extends string, A, S> = undefined extends A
  ? `${Op}: expects [batch,...,features], got ${Show<S>}`
  : `${Op}: ${A & number} is not an axis of ${Show<S>} behind the batch`;

export const axisError = (op: string, axis: number | undefined, shape: AnyShape): string =>
  axis === undefined
    ? `${op}: expects [batch,...,features], got ${show(shape)}`
    : `${op}: ${axis} is not an axis of ${show(shape)} behind the batch`;

// -------------------------------------------------------------------------------------
// batch normalisation
// -------------------------------------------------------------------------------------

export type BatchNormalizationOut<S, C> =
  Unit<'batchNormalization', 'momentum', Opt<C, 'momentum', 0.99>> extends infer E extends string
    ? E
    : Above0<'batchNormalization', 'epsilon', Opt<C, 'epsilon', 0.001>> extends infer E extends string
      ? E
      : S extends Int<Shape>
        ? FloatError<'batchNormalization', S>
        : NormalizedAt<S, Opt<C, 'axis', undefined>, Axis<Opt<C, 'axis', undefined>, S>>;
type NormalizedAt<S, A, I> = [I] extends [never]
  ? AxisError<'batchNormalization', A, S>
  : number extends I
    ? S
    : S[I & keyof S] extends number
      ? S
      : `batchNormalization: axis ${I & number} of ${Show<S>} has no fixed size`;

export interface BatchNormalizationRule {
  readonly axis: number | undefined;
  readonly momentum: number;
  readonly epsilon: number;
}

export const batchNormalizationOptions = (c: BatchNormalizationRule): string | undefined =>
  unit('batchNormalization', 'momentum', c.momentum) ?? above0('batchNormalization', 'epsilon', c.epsilon);

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
