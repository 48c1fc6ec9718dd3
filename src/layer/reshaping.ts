/**
 * Layers that lay the same numbers out in another shape, or take some of them.
 */
import type { Leaf } from '../shape/Fn.ts';
import type { ExpandDimsOut, PermuteOut, RepeatVectorOut, SqueezeOut } from '../shape/rules/Axes.ts';
import type { FlattenOut, ReshapeOut } from '../shape/rules/Reshape.ts';
import type { SliceOut } from '../shape/rules/Slice.ts';
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

// -------------------------------------------------------------------------------------
// axes
// -------------------------------------------------------------------------------------

export interface Permute<D extends readonly number[]> extends Leaf {
  readonly out: PermuteOut<this['in'], D>;
}

/**
 * Axes in another order, counted from 1 behind the batch, each named once. Keras `Permute`, PyTorch `permute`.
 *
 * @example
 * permute([2, 1])          // [batch, length, features] to [batch, features, length], as conv1d wants it
 */
export const permute = <const D extends readonly number[]>(axes: D): Layer<Permute<D>> =>
  define({ op: 'permute', axes });

export interface RepeatVector<N extends number> extends Leaf {
  readonly out: RepeatVectorOut<this['in'], N>;
}

/** The same vector so many times. Shapes: `[batch, features]` to `[batch, times, features]`. Keras `RepeatVector`. */
export const repeatVector = <const N extends number>(times: N): Layer<RepeatVector<N>> =>
  define({ op: 'repeatVector', times });

export interface Squeeze<A extends number> extends Leaf {
  readonly out: SqueezeOut<this['in'], A>;
}

/**
 * Takes an axis of size 1 away: the batch is 0 and stays, negative ones count from the end. Keras `ops.squeeze`, PyTorch
 * `squeeze`.
 */
export const squeeze = <const A extends number>(axis: A): Layer<Squeeze<A>> => define({ op: 'squeeze', axis });

export interface ExpandDims<A extends number> extends Leaf {
  readonly out: ExpandDimsOut<this['in'], A>;
}

/**
 * A new axis of size 1, which is `axis` of the result: behind the batch (0), negative ones from the end. Keras
 * `ops.expand_dims`, PyTorch `unsqueeze`.
 *
 * @example
 * expandDims(1)          // [batch, 28, 28] to [batch, 1, 28, 28]
 */
export const expandDims = <const A extends number>(axis: A): Layer<ExpandDims<A>> => define({ op: 'expandDims', axis });

export interface Slice<A extends number, From extends number, To extends number | undefined, Step extends number>
  extends Leaf {
  readonly out: SliceOut<this['in'], A, From, To, Step>;
}

/**
 * Cells `start` to `end` (exclusive; the axis' end by default) of one axis, each `step`-th. The batch is axis 0 and is not
 * cut; negative axes and positions count from the end, and positions beyond an end are that end. NumPy's `x[start:end:step]`
 * with a step of 1 or more.
 *
 * @example
 * slice(1, -1)           // the last of 20 steps: [batch, 20, features] to [batch, 1, features]
 * slice(-1, 0, 8)        // the first 8 features
 */
export const slice = <
  const A extends number,
  const From extends number,
  const To extends number | undefined = undefined,
  const Step extends number = 1,
>(
  axis: A,
  start: From,
  end?: To,
  step?: Step,
): Layer<Slice<A, From, To, Step>> => define({ op: 'slice', axis, start, end, step: step ?? 1 });
