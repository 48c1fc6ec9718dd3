/**
 * Choosing entries by integers, placing them, and tensors made of integers.
 */
import type { DType } from '../../shape/NdArray.ts';
import { GraphDefect, int64s, scalar } from '../Constants.ts';
import type { Value } from '../Graph.ts';
import { valueType } from '../Graph.ts';
import { cast, equal } from './elementwise.ts';
import { axisOf, int, op, rank, show, text } from './node.ts';
import { shapeOf, unsqueeze } from './shapes.ts';

// -------------------------------------------------------------------------------------
// choosing and placing
// -------------------------------------------------------------------------------------

/** At each place the entry of `x` whose place on `axis` is the index there; the result has the shape of `indices` (int64). PyTorch `gather`. */
export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  op('GatherElements', [x, indices], valueType(x.type.dtype, indices.type.shape), { axis: int(axisOf(x, axis)) });

/** Slices of `x` chosen by index vectors, the last axis of `indices`. */
export const gatherND = (x: Value, indices: Value): Value => {
  const depth = indices.type.shape[rank(indices) - 1];
  if (typeof depth !== 'number')
    throw new GraphDefect(`GatherND: the index length of ${show(indices.type.shape)} is unknown`);
  const shape = [...indices.type.shape.slice(0, -1), ...x.type.shape.slice(depth)];
  return op('GatherND', [x, indices], valueType(x.type.dtype, shape));
};

export type ScatterReduction = 'none' | 'add';

/** `x` with `updates` at the places that `gatherElements` would read from: put there, or added with `'add'`. PyTorch `scatter`. */
export const scatterElements = (
  x: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduce: ScatterReduction = 'none',
): Value =>
  op('ScatterElements', [x, indices, updates], x.type, { axis: int(axisOf(x, axis)), reduction: text(reduce) });

/** `x` with `updates` at the places that `gatherND` would read from: put there, or added with `'add'`. */
export const scatterND = (x: Value, indices: Value, updates: Value, reduce: ScatterReduction = 'none'): Value =>
  op('ScatterND', [x, indices, updates], x.type, { reduction: text(reduce) });

/** Zeros (or another number) in the shape of another value. */
export const fillLike = (like: Value, value = 0, dtype: DType = like.type.dtype): Value =>
  op('ConstantOfShape', [shapeOf(like)], valueType(dtype, like.type.shape), {
    value: { _tag: 'Tensor', value: oneElement(value, dtype) },
  });

const oneElement = (value: number, dtype: DType) => {
  const { node } = scalar(value, dtype);
  if (node._tag !== 'Constant') throw new GraphDefect('a scalar is a constant');
  return { ...node.data, shape: [1] };
};

/** 0, 1, ..., n - 1 for a scalar n; its length is not known before run time. */
export const range = (n: Value): Value =>
  op('Range', [scalar(0, n.type.dtype), n, scalar(1, n.type.dtype)], valueType(n.type.dtype, ['?']));

/** 1 at the given class, else 0: a last axis of `depth` is added. Classes are integers in [0, depth). */
export const oneHot =
  (depth: number, dtype: DType) =>
  (indices: Value): Value =>
    cast(dtype)(equal(unsqueeze([-1])(cast('int64')(indices)), int64s(Array.from({ length: depth }, (_, i) => i))));
