/**
 * Operations on several tensors, for graphs. Inside a chain see `residual`, `concat` and `merge`.
 */

import type { Broadcast, BroadcastAll, ConcatOut } from '../shape/rules/Merge.ts';
import type { DotAxes, DotOut, MatMulOut } from '../shape/rules/Product.ts';
import type { SplitOut, Unsplit } from '../shape/rules/Slice.ts';
import type { AnyShape, Known, Shape } from '../shape/Shape.ts';
import type { ElementwiseMergeSpec } from './SpatialSpec.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

// -------------------------------------------------------------------------------------
// elementwise
// -------------------------------------------------------------------------------------

/** The second operand, or the message. */
type Second<Op extends string, A, B> = [Broadcast<Op, A, B>] extends [infer E extends string] ? E : Tensor<B>;

/** The operands after the second, or the message in place of each. */
type More<Op extends string, A, B, R extends readonly AnyShape[]> =
  BroadcastAll<Op, [A, B, ...R]> extends infer E extends string
    ? readonly E[]
    : { readonly [K in keyof R]: Tensor<R[K]> };

type Elementwise<Op extends string> = <
  A extends AnyShape,
  B extends AnyShape,
  R extends readonly AnyShape[] = readonly [],
>(
  a: Tensor<A>,
  b: Second<Op, A, B>,
  ...more: More<Op, A, B, R>
) => Tensor<Known<BroadcastAll<Op, [A, B, ...R]>>>;

const elementwise = <const Op extends ElementwiseMergeSpec['op']>(op: Op): Elementwise<Op> =>
  ((...tensors: readonly Tensor<AnyShape>[]) => applied({ op }, tensors)) as Elementwise<Op>;

/**
 * Elementwise sum of two tensors or more; axes of size 1 stretch. (Axes are counted from the last as in NumPy, also where
 * ranks differ; Keras then counts from the batch.) Keras `Add`.
 *
 * @example
 * graph([8], (x) => add(dense(8)(x), x))
 */
export const add = elementwise('add');

/** Elementwise product of two tensors or more; axes stretch as for `add`. Keras `Multiply`. */
export const multiply = elementwise('multiply');

/** Elementwise mean of two tensors or more; axes stretch as for `add`. Keras `Average`. */
export const average = elementwise('average');

/** Elementwise largest of two tensors or more, equal ones share the gradient; axes stretch as for `add`. Keras `Maximum`. */
export const maximum = elementwise('maximum');

/** Elementwise smallest of two tensors or more, equal ones share the gradient; axes stretch as for `add`. Keras `Minimum`. */
export const minimum = elementwise('minimum');

/** The first minus the second; axes stretch as for `add`. Keras `Subtract`. */
export const subtract = <A extends AnyShape, B extends AnyShape>(
  a: Tensor<A>,
  b: Second<'subtract', A, B>,
): Tensor<Known<Broadcast<'subtract', A, B>>> => applied({ op: 'subtract' }, [a, b as Tensor<B>]);

// -------------------------------------------------------------------------------------
// side by side, and apart
// -------------------------------------------------------------------------------------

/**
 * One tensor behind the other on an axis (the batch is 0, negative ones count from the end); by default on 1, the
 * channels, for images `[batch, channels, height, width]`, and on the last axis otherwise. The other axes must be equal.
 * Of more than two see `concatenateOn`. Keras `Concatenate`, PyTorch `cat`.
 *
 * @example
 * graph({ a: [2], b: [3] }, ({ a, b }) => concatenate(a, b))     // ['batch', 5]
 */
export const concatenate = <A extends AnyShape, B extends AnyShape, const Ax extends number | undefined = undefined>(
  a: Tensor<A>,
  b: [ConcatOut<'concatenate', [A, B], Ax>] extends [infer E extends string] ? E : Tensor<B>,
  axis?: Ax,
): Tensor<Known<ConcatOut<'concatenate', [A, B], Ax>>> =>
  applied({ op: 'concat', branches: [], axis }, [a, b as Tensor<B>]);

/** The tensors after the second, or the message in place of each. */
type MoreOn<A, B, R extends readonly AnyShape[], Ax> =
  ConcatOut<'concatenate', [A, B, ...R], Ax> extends infer E extends string
    ? readonly E[]
    : { readonly [K in keyof R]: Tensor<R[K]> };

/**
 * `concatenate` of two tensors or more, on a given axis.
 *
 * @example
 * graph({ a: [2], b: [3], c: [4] }, ({ a, b, c }) => concatenateOn(-1)(a, b, c))     // ['batch', 9]
 */
export const concatenateOn =
  <const Ax extends number>(axis: Ax) =>
  <A extends AnyShape, B extends AnyShape, R extends readonly AnyShape[] = readonly []>(
    a: Tensor<A>,
    b: [ConcatOut<'concatenate', [A, B], Ax>] extends [infer E extends string] ? E : Tensor<B>,
    ...more: MoreOn<A, B, R, Ax>
  ): Tensor<Known<ConcatOut<'concatenate', [A, B, ...R], Ax>>> =>
    applied({ op: 'concat', branches: [], axis }, [a, b, ...more] as readonly Tensor<AnyShape>[]);

/** A tensor for each part; of unknown shapes behind an error. */
type Parts<O, P> = O extends readonly unknown[]
  ? { readonly [K in keyof O]: Tensor<Known<O[K]>> }
  : { readonly [K in keyof Unsplit<P>]: Tensor<Shape> };

/**
 * A tensor cut along an axis (the batch is 0 and is not cut, negative ones count from the end), into so many equal parts or
 * into parts of the given sizes. Keras `ops.split` (which takes the places of the cuts), PyTorch `split` (which takes the
 * size of a part).
 *
 * @example
 * graph([12], (x) => {
 *   const [query, key, value] = split(dense(24)(x), 3, -1);      // each [batch, 8]
 *   return add(multiply(query, key), value);
 * })
 */
export const split = <S extends AnyShape, const P extends number | readonly number[], const A extends number>(
  x: Tensor<S>,
  parts: SplitOut<S, P, A> extends infer E extends string ? E : P,
  axis: A,
): Parts<SplitOut<S, P, A>, P> => {
  const given = parts as P;
  const length = typeof given === 'number' ? given : given.length;
  // A number of parts that is none is refused when the first one is resolved.
  const count = Number.isInteger(length) && length > 0 ? length : 1;
  return Array.from({ length: count }, (_, index) =>
    applied({ op: 'split', parts: given, axis, index }, [x]),
  ) as unknown as Parts<SplitOut<S, P, A>, P>;
};

// -------------------------------------------------------------------------------------
// products
// -------------------------------------------------------------------------------------

export interface MatMulOptions {
  /** Rows and columns of the first swapped beforehand; `false` by default. */
  readonly transposeA?: boolean;
  /** Rows and columns of the second swapped beforehand; `false` by default. */
  readonly transposeB?: boolean;
}

/**
 * Matrix product over the last two axes, for each sample. Shapes: `[batch, ..., n, k]` and `[batch, ..., k, m]` to `[batch,
 * ..., n, m]`; both of one rank, axes of size 1 before the last two stretch. Keras `ops.matmul`, PyTorch `matmul`.
 *
 * @example
 * matmul(softmax()(matmul(query, key, { transposeB: true })), value)
 */
export const matmul = <A extends AnyShape, B extends AnyShape, const C extends MatMulOptions = {}>(
  a: Tensor<A>,
  b: [MatMulOut<A, B, C>] extends [infer E extends string] ? E : Tensor<B>,
  options?: C,
): Tensor<Known<MatMulOut<A, B, C>>> =>
  applied({ op: 'matmul', transposeA: options?.transposeA ?? false, transposeB: options?.transposeB ?? false }, [
    a,
    b as Tensor<B>,
  ]);

export interface DotOptions {
  /** Whether both are made unit vectors along their axis first (cosine similarity); `false` by default. */
  readonly normalize?: boolean;
}

/**
 * For each sample, the sum of products along one axis of each; the other axes follow one another. `axes` is one axis for both
 * or one for each (the batch is 0, negative ones count from the end). Shapes: `[batch, a, k]` and `[batch, b, k]` with axes 2
 * to `[batch, a, b]`; two of `[batch, k]` to `[batch, 1]`. Keras `Dot`, PyTorch `einsum`.
 */
export const dot = <A extends AnyShape, B extends AnyShape, const Ax extends DotAxes>(
  a: Tensor<A>,
  b: [DotOut<A, B, Ax>] extends [infer E extends string] ? E : Tensor<B>,
  axes: Ax,
  options: DotOptions = {},
): Tensor<Known<DotOut<A, B, Ax>>> =>
  applied({ op: 'dot', axes: typeof axes === 'number' ? [axes, axes] : axes, normalize: options.normalize ?? false }, [
    a,
    b as Tensor<B>,
  ]);
