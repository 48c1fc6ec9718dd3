/**
 * Operations on several tensors, for graphs. Inside a chain see `residual` and `concat`.
 */
import type { Broadcast, ConcatOut } from '../shape/rules/Merge.ts';
import type { AnyShape, Known } from '../shape/Shape.ts';
import type { Tensor } from './Tensor.ts';
import { applied } from './Tensor.ts';

/**
 * Elementwise sum; axes of size 1 stretch. Keras `Add`.
 *
 * @example
 * graph([8], (x) => add(dense(8)(x), x))
 */
export const add = <A extends AnyShape, B extends AnyShape>(
  a: Tensor<A>,
  b: [Broadcast<'add', A, B>] extends [infer E extends string] ? E : Tensor<B>,
): Tensor<Known<Broadcast<'add', A, B>>> => applied({ op: 'add' }, [a, b as Tensor<B>]);

/**
 * One tensor behind the other on an axis (the batch is 0, negative ones count from the end); by default on 1, the
 * channels, for images `[batch, channels, height, width]`, and on the last axis otherwise. The other axes must be equal.
 * Keras `Concatenate`, PyTorch `cat`.
 */
export const concatenate = <A extends AnyShape, B extends AnyShape, const Ax extends number | undefined = undefined>(
  a: Tensor<A>,
  b: [ConcatOut<'concatenate', [A, B], Ax>] extends [infer E extends string] ? E : Tensor<B>,
  axis?: Ax,
): Tensor<Known<ConcatOut<'concatenate', [A, B], Ax>>> =>
  applied({ op: 'concat', branches: [], axis }, [a, b as Tensor<B>]);
