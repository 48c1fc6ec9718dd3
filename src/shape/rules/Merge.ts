/**
 * Several tensors into one: elementwise operations with broadcasting, concatenation.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { AddDim, AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { addDim, isInt, show, unknown } from '../Shape.ts';
import type { Axis, AxisError, FloatError } from './Elementwise.ts';
import { axisError, axisOf, floatError } from './Elementwise.ts';

// -------------------------------------------------------------------------------------
// elementwise, with broadcasting
// -------------------------------------------------------------------------------------

type BroadDim<A, B> = A extends B
  ? A
  : A extends 1
    ? B
    : B extends 1
      ? A
      : number extends A
        ? B
        : number extends B
          ? A
          : never;
type BroadGo<A, B, O extends readonly unknown[] = []> = A extends readonly [...infer As, infer X]
  ? B extends readonly [...infer Bs, infer Y]
    ? BroadDim<X, Y> extends infer Z
      ? [Z] extends [never]
        ? never
        : BroadGo<As, Bs, [Z, ...O]>
      : never
    : A extends readonly unknown[]
      ? [...A, ...O]
      : never
  : B extends readonly unknown[]
    ? [...B, ...O]
    : never;

/** Elementwise on two tensors; axes of size 1 stretch, counted from the last. An operand's message is the result's. */
export type Broadcast<Op extends string, A, B> = A extends string
  ? A
  : B extends string
    ? B
    : A extends Int<Shape>
      ? FloatError<Op, A>
      : B extends Int<Shape>
        ? FloatError<Op, B>
        : Shape extends A | B
          ? Shape
          : A extends B
            ? A
            : [BroadGo<A, B>] extends [never]
              ? `${Op}: shapes ${Show<A>} and ${Show<B>} do not broadcast`
              : BroadGo<A, B>;

/** `BroadcastAll` of branches side by side: two or more, and two for a difference. */
export type MergeOut<Op extends string, By extends string, L extends readonly unknown[]> = number extends L['length']
  ? Shape
  : L['length'] extends 0 | 1
    ? `${Op}: expects ${By extends 'subtract' ? '2 inputs' : '2 inputs or more'}, got ${L['length']}`
    : By extends 'subtract'
      ? L['length'] extends 2
        ? BroadcastAll<Op, L>
        : `${Op}: expects 2 inputs, got ${L['length']}`
      : BroadcastAll<Op, L>;

/** `Broadcast` from the left over a list of two or more. */
export type BroadcastAll<Op extends string, L> = L extends readonly [infer A, infer B, ...infer R]
  ? BroadcastAll<Op, [Broadcast<Op, A, B>, ...R]>
  : L extends readonly [infer A]
    ? A
    : Shape;

const broadDim = (a: Dim, b: Dim): Dim | undefined =>
  a === b ? a : b === unknown ? a : a === 1 ? b : b === 1 ? a : a === unknown ? b : undefined;

export const broadcast =
  (op: string) =>
  (a: AnyShape, b: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(a)) return E.left(floatError(op, a));
    if (isInt(b)) return E.left(floatError(op, b));
    const rank = Math.max(a.length, b.length);
    const out = Array.from({ length: rank }, (_, i) => {
      const x = a[i - rank + a.length];
      const y = b[i - rank + b.length];
      return x === undefined ? y : y === undefined ? x : broadDim(x, y);
    });
    const known = out.filter((d) => d !== undefined);
    return known.length === rank ? E.right(known) : E.left(`${op}: shapes ${show(a)} and ${show(b)} do not broadcast`);
  };

/** `broadcast` from the left over a list. */
export const broadcastAll =
  (op: string) =>
  ([first, ...others]: readonly AnyShape[]): E.Either<string, AnyShape> =>
    first === undefined
      ? E.left(`${op}: expects at least one input`)
      : others.reduce<E.Either<string, AnyShape>>(
          (acc, b) => E.chain((a: AnyShape) => broadcast(op)(a, b))(acc),
          E.right(first),
        );

// -------------------------------------------------------------------------------------
// concatenation
// -------------------------------------------------------------------------------------

type SameDim<A, B> = A extends B ? A : number extends A ? B : number extends B ? A : never;

type ConcatGo<A, B, I, O extends readonly unknown[] = []> = A extends readonly [infer X, ...infer As]
  ? B extends readonly [infer Y, ...infer Bs]
    ? (O['length'] extends I ? AddDim<X, Y> : SameDim<X, Y>) extends infer Z
      ? [Z] extends [never]
        ? never
        : ConcatGo<As, Bs, I, [...O, Z]>
      : never
    : never
  : B extends readonly []
    ? O
    : never;

type Concat2<Op extends string, A, B, Ax> = A extends string
  ? A
  : B extends string
    ? B
    : A extends Int<Shape>
      ? FloatError<Op, A>
      : B extends Int<Shape>
        ? FloatError<Op, B>
        : Shape extends A | B
          ? Shape
          : Axis<Ax, A> extends infer I
            ? [I] extends [never]
              ? AxisError<Op, Ax, A>
              : number extends I
                ? Shape
                : [ConcatGo<A, B, I>] extends [never]
                  ? `${Op}: shapes ${Show<A>} and ${Show<B>} differ outside axis ${I & number}`
                  : ConcatGo<A, B, I>
            : never;

/**
 * Concatenation of a list of shapes on an axis, see `Axis`; `undefined`: channels (1) for images
 * `[batch,channels,height,width]`, the last axis otherwise.
 */
export type ConcatOut<Op extends string, L, Ax = undefined> = L extends readonly [infer A, infer B, ...infer R]
  ? ConcatOut<Op, [Concat2<Op, A, B, Ax>, ...R], Ax>
  : L extends readonly [infer A]
    ? A
    : L extends readonly []
      ? `${Op}: expects at least one branch`
      : Shape;

const sameDim = (a: Dim, b: Dim): Dim | undefined => (a === b || b === unknown ? a : a === unknown ? b : undefined);

const concat2 =
  (op: string, axis: number | undefined) =>
  (a: AnyShape, b: AnyShape): E.Either<string, AnyShape> => {
    if (isInt(a)) return E.left(floatError(op, a));
    if (isInt(b)) return E.left(floatError(op, b));
    const at = axisOf(axis, a);
    if (at === undefined) return E.left(axisError(op, axis, a));
    const out = a.map((x, i) => {
      const y = b[i];
      return y === undefined ? undefined : i === at ? addDim(x, y) : sameDim(x, y);
    });
    const known = out.filter((d) => d !== undefined);
    return known.length === a.length && a.length === b.length
      ? E.right(known)
      : E.left(`${op}: shapes ${show(a)} and ${show(b)} differ outside axis ${at}`);
  };

export const concat =
  (op: string, axis: number | undefined) =>
  (inputs: readonly AnyShape[]): E.Either<string, AnyShape> => {
    const [first, ...others] = inputs;
    return first === undefined
      ? E.left(`${op}: expects at least one branch`)
      : others.reduce<E.Either<string, AnyShape>>(
          (acc, b) => E.chain((a: AnyShape) => concat2(op, axis)(a, b))(acc),
          E.right(first),
        );
  };
