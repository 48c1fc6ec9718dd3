/**
 * Products of two tensors, sample by sample: `matmul` on the last two axes, `dot` on an axis of each.
 */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { AnyShape, Dim, Int, Shape, Show } from '../Shape.ts';
import { isInt, show, unknown } from '../Shape.ts';
import type { Axis, AxisError, FloatError } from './Elementwise.ts';
import { axisError, axisOf, floatError } from './Elementwise.ts';
import type { Opt } from './Option.ts';

// -------------------------------------------------------------------------------------
// both
// -------------------------------------------------------------------------------------

/** Whether two inner sizes can be equal. */
type Meets<X, Y> = number extends X | Y ? true : X extends Y ? true : false;

const meets = (x: Dim | undefined, y: Dim | undefined): boolean => x === unknown || y === unknown || x === y;

/** The same size seen twice; what is known of it. False when the two differ. */
type Same<X, Y> = X extends Y ? X : number extends X ? Y : number extends Y ? X : false;

const floats = (op: string, a: AnyShape, b: AnyShape): E.Either<string, readonly [Shape, Shape]> =>
  isInt(a) ? E.left(floatError(op, a)) : isInt(b) ? E.left(floatError(op, b)) : E.right([a, b]);

// -------------------------------------------------------------------------------------
// matmul
// -------------------------------------------------------------------------------------

export interface MatMulRule {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

type Turned<S, T> = [T] extends [true]
  ? S extends readonly [...infer R, infer X, infer Y]
    ? [...R, Y, X]
    : never
  : [T] extends [false]
    ? S
    : S extends readonly [...infer R, unknown, unknown]
      ? [...R, number, number]
      : never;

/** The axes before the last two: equal, or of size 1. */
type Stretched<X, Y> = X extends Y
  ? X
  : X extends 1
    ? Y
    : Y extends 1
      ? X
      : number extends X
        ? Y
        : number extends Y
          ? X
          : false;
type Leading<A extends readonly unknown[], B> = { [I in keyof A]: Stretched<A[I], B[I & keyof B]> };

type MatMulGo<A, B, SA, SB> = A extends readonly [...infer La, infer M, infer K]
  ? B extends readonly [...infer Lb, infer L, infer N]
    ? Meets<K, L> extends true
      ? Leading<La, Lb> extends infer Z extends readonly unknown[]
        ? false extends Z[number]
          ? `matmul: shapes ${Show<SA>} and ${Show<SB>} do not broadcast before their last two axes`
          : [...Z, M, N]
        : never
      : `matmul: inner sizes of ${Show<A>} and ${Show<B>} differ`
    : never
  : never;

type Matrices<S> = S extends readonly [unknown, unknown, unknown, ...unknown[]] ? true : false;
type NotMatrices<S> = `matmul: expects [batch,...,rows,columns], got ${Show<S>}`;

export type MatMulOut<A, B, C> =
  A extends Int<Shape>
    ? FloatError<'matmul', A>
    : B extends Int<Shape>
      ? FloatError<'matmul', B>
      : Shape extends A | B
        ? Shape
        : Matrices<A> extends false
          ? NotMatrices<A>
          : Matrices<B> extends false
            ? NotMatrices<B>
            : (A & Shape)['length'] extends (B & Shape)['length']
              ? MatMulGo<
                  Turned<A, Opt<C, 'transposeA', false, boolean>>,
                  Turned<B, Opt<C, 'transposeB', false, boolean>>,
                  A,
                  B
                >
              : `matmul: ${Show<A>} and ${Show<B>} differ in rank`;

const turned = (s: Shape, swap: boolean): Shape => (swap ? [...s.slice(0, -2), s.at(-1) as Dim, s.at(-2) as Dim] : s);

const stretched = (x: Dim, y: Dim): Dim | undefined =>
  x === y || y === unknown ? x : x === 1 ? y : y === 1 ? x : x === unknown ? y : undefined;

export const matmul =
  (c: MatMulRule) =>
  (first: AnyShape, second: AnyShape): E.Either<string, AnyShape> =>
    pipe(
      floats('matmul', first, second),
      E.chain(([a, b]): E.Either<string, AnyShape> => {
        const flat = [a, b].find((s) => s.length < 3);
        if (flat !== undefined) return E.left(`matmul: expects [batch,...,rows,columns], got ${show(flat)}`);
        if (a.length !== b.length) return E.left(`matmul: ${show(a)} and ${show(b)} differ in rank`);
        const [x, y] = [turned(a, c.transposeA), turned(b, c.transposeB)];
        if (!meets(x.at(-1), y.at(-2))) return E.left(`matmul: inner sizes of ${show(x)} and ${show(y)} differ`);
        const leading = x.slice(0, -2).flatMap((d, i) => stretched(d, y[i] as Dim) ?? []);
        return leading.length === x.length - 2
          ? E.right([...leading, x.at(-2) as Dim, y.at(-1) as Dim])
          : E.left(`matmul: shapes ${show(a)} and ${show(b)} do not broadcast before their last two axes`);
      }),
    );

// -------------------------------------------------------------------------------------
// dot
// -------------------------------------------------------------------------------------

/** One axis for both, or one for each. */
export type DotAxes = number | readonly [number, number];

type AxisOf<A, I extends 0 | 1> = A extends readonly [infer X, infer Y] ? (I extends 0 ? X : Y) : A;

/** Axes behind the batch but one. */
type Rest<S, I, O extends readonly unknown[] = [], Seen extends readonly unknown[] = [unknown]> = S extends readonly [
  infer H,
  ...infer R,
]
  ? Rest<R, I, Seen['length'] extends I ? O : [...O, H], [...Seen, unknown]>
  : O;

type DotGo<A, B, I, J> = A extends readonly [infer Ba, ...infer Ra]
  ? B extends readonly [infer Bb, ...infer Rb]
    ? Same<Ba, Bb> extends infer Z
      ? Z extends false
        ? `dot: the batches of ${Show<A>} and ${Show<B>} differ`
        : Meets<A[I & keyof A], B[J & keyof B]> extends true
          ? [...Rest<Ra, I>, ...Rest<Rb, J>] extends infer R extends readonly unknown[]
            ? R extends readonly []
              ? [Z, 1]
              : [Z, ...R]
            : never
          : `dot: axis ${I & number} of ${Show<A>} and axis ${J & number} of ${Show<B>} differ`
      : never
    : never
  : never;

export type DotOut<A, B, Ax extends DotAxes> =
  A extends Int<Shape>
    ? FloatError<'dot', A>
    : B extends Int<Shape>
      ? FloatError<'dot', B>
      : Shape extends A | B
        ? Shape
        : Axis<AxisOf<Ax, 0>, A> extends infer I
          ? [I] extends [never]
            ? AxisError<'dot', AxisOf<Ax, 0>, A>
            : Axis<AxisOf<Ax, 1>, B> extends infer J
              ? [J] extends [never]
                ? AxisError<'dot', AxisOf<Ax, 1>, B>
                : number extends I | J
                  ? Shape
                  : DotGo<A, B, I, J>
              : never
          : never;

const same = (x: Dim, y: Dim): Dim | undefined => (x === y || y === unknown ? x : x === unknown ? y : undefined);

export const dot =
  (axes: readonly [number, number]) =>
  (first: AnyShape, second: AnyShape): E.Either<string, AnyShape> =>
    pipe(
      floats('dot', first, second),
      E.chain(([a, b]): E.Either<string, AnyShape> => {
        const [i, j] = [axisOf(axes[0], a), axisOf(axes[1], b)];
        if (i === undefined) return E.left(axisError('dot', axes[0], a));
        if (j === undefined) return E.left(axisError('dot', axes[1], b));
        const batch = same(a[0] as Dim, b[0] as Dim);
        if (batch === undefined) return E.left(`dot: the batches of ${show(a)} and ${show(b)} differ`);
        if (!meets(a[i], b[j])) return E.left(`dot: axis ${i} of ${show(a)} and axis ${j} of ${show(b)} differ`);
        const rest = [...a.toSpliced(i, 1).slice(1), ...b.toSpliced(j, 1).slice(1)];
        return E.right(rest.length === 0 ? [batch, 1] : [batch, ...rest]);
      }),
    );
