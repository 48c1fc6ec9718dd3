/**
 * Layers that lay the same numbers out in another shape.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { FlattenOut, ReshapeOut } from '../shape/rules/Reshape.ts';
import type { Shape } from '../shape/Shape.ts';
import type { Layer } from './Definition.ts';
import { define } from './Definition.ts';

export interface Flatten extends Leaf {
  readonly out: FlattenOut<this['in']>;
}

/**
 * All axes behind the batch in one, in row-major order of `[channels, height, width]`. Shapes: `[batch, ...]` to
 * `[batch, product]`. Keras `Flatten` (which lays channels last), PyTorch `Flatten` (the same order as here).
 */
export const flatten = (): Layer<Flatten> => define({ op: 'flatten' });

export interface Reshape<T extends Shape> extends Leaf {
  readonly out: ReshapeOut<this['in'], T>;
}

/**
 * Another shape for each sample; the batch is not part of it. One size may be -1: what is left. Keras `Reshape`, PyTorch
 * `Unflatten`.
 *
 * @example
 * reshape([1, 28, 28])     // [batch, 784] to [batch, 1, 28, 28]
 * reshape([-1, 16])        // [batch, 784] to [batch, 49, 16]
 */
export const reshape = <const T extends Shape>(shape: T): Layer<Reshape<T>> => define({ op: 'reshape', shape });
