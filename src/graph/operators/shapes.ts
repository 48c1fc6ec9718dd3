/**
 * Shapes: what a tensor's is, and the same elements in another.
 */
import type { DType } from '../../shape/NdArray.ts';
import type { Dim } from '../../shape/Shape.ts';
import { GraphDefect, int64s, scalar } from '../Constants.ts';
import type { Value } from '../Graph.ts';
import { operator, valueType } from '../Graph.ts';
import { cast, mul } from './elementwise.ts';
import { axisOf, broadcast, int, ints, isStatic, op, product, rank, show, text } from './node.ts';

// -------------------------------------------------------------------------------------
// shapes
// -------------------------------------------------------------------------------------

/** The run-time shape, int64; a constant when every size is known. */
export const shapeOf = (x: Value): Value =>
  isStatic(x.type.shape) ? int64s(x.type.shape) : op('Shape', [x], valueType('int64', [rank(x)]));

/** Entries of `x` along an axis, chosen by integers. */
export const gather = (x: Value, indices: Value, axis = 0): Value => {
  const at = axisOf(x, axis);
  const shape = [...x.type.shape.slice(0, at), ...indices.type.shape, ...x.type.shape.slice(at + 1)];
  return op('Gather', [x, indices], valueType(x.type.dtype, shape), { axis: int(at) });
};

/** Number of elements along the axes (default: all), a scalar of the given type. */
export const count =
  (dtype: DType, axes?: readonly number[]) =>
  (x: Value): Value => {
    const dims = (axes ?? x.type.shape.map((_, i) => i)).map((a) => axisOf(x, a));
    const known = product(dims.map((i) => x.type.shape[i]).filter((d) => typeof d === 'number'));
    const unknown = dims.filter((i) => typeof x.type.shape[i] !== 'number');
    const sizes = unknown.map((i) => cast(dtype)(gather(shapeOf(x), scalar(i, 'int64'))));
    return (
      sizes.reduce<Value | undefined>(
        (n, size) => (n === undefined ? (known === 1 ? size : mul(size, known)) : mul(n, size)),
        undefined,
      ) ?? scalar(known, dtype)
    );
  };

/**
 * The same elements in another shape. A named dimension must be one of `x`'s own, at the same axis, or the only one
 * whose size follows from the rest.
 */
export const reshape =
  (shape: readonly Dim[]) =>
  (x: Value): Value => {
    const same = (d: Dim, i: number) => typeof d === 'string' && x.type.shape[i] === d && d !== '?';
    const open = shape.filter((d, i) => typeof d === 'string' && !same(d, i)).length;
    if (open > 1)
      throw new GraphDefect(`Reshape: ${show(x.type.shape)} to ${show(shape)} leaves more than one size open`);
    const target = shape.map((d, i) => (typeof d === 'number' ? d : same(d, i) ? 0 : -1));
    return op('Reshape', [x, int64s(target)], valueType(x.type.dtype, shape));
  };

/** The same elements in the shape of another value. */
export const reshapeLike =
  (like: Value) =>
  (x: Value): Value =>
    op('Reshape', [x, shapeOf(like)], valueType(x.type.dtype, like.type.shape));

/** The same elements in a shape computed at run time; `dims` is what is known of it. */
export const reshapeTo =
  (shape: Value, dims: readonly Dim[]) =>
  (x: Value): Value =>
    op('Reshape', [x, shape], valueType(x.type.dtype, dims));

/** Repeats along axes of size 1, to the shape of another value. */
export const expandLike =
  (like: Value) =>
  (x: Value): Value =>
    x.type.shape.length === like.type.shape.length &&
    x.type.shape.every((d, i) => d === like.type.shape[i] && d !== '?')
      ? x
      : op('Expand', [x, shapeOf(like)], valueType(x.type.dtype, like.type.shape));

/** Repeats along axes of size 1, to known sizes; 1 leaves an axis as it is. */
export const expand =
  (sizes: readonly number[]) =>
  (x: Value): Value =>
    op('Expand', [x, int64s(sizes)], valueType(x.type.dtype, broadcast(x.type.shape, sizes)));

/** Parts of an axis, of these sizes one after the other. */
export const split =
  (axis: number, sizes: readonly number[]) =>
  (x: Value): readonly Value[] => {
    const at = axisOf(x, axis);
    const types = sizes.map((n) => valueType(x.type.dtype, x.type.shape.with(at, n)));
    return operator('Split', [x, int64s(sizes)], types, { axis: int(at) });
  };

/** Axes in another order: axis `i` of the result is axis `perm[i]` of `x`. */
export const transpose =
  (perm: readonly number[]) =>
  (x: Value): Value =>
    op(
      'Transpose',
      [x],
      valueType(
        x.type.dtype,
        perm.map((p) => x.type.shape[p] as Dim),
      ),
      { perm: ints(perm) },
    );

/** New axes of size 1, at these places of the result: `unsqueeze([1])` makes `[batch, 1]` of `[batch]`. */
export const unsqueeze =
  (axes: readonly number[]) =>
  (x: Value): Value => {
    const n = rank(x) + axes.length;
    const at = axes.map((a) => (a < 0 ? a + n : a));
    const rest = x.type.shape[Symbol.iterator]();
    const shape = Array.from({ length: n }, (_, i) => (at.includes(i) ? 1 : (rest.next().value as Dim)));
    return op('Unsqueeze', [x, int64s(at)], valueType(x.type.dtype, shape));
  };

/** Without these axes, which have size 1. */
export const squeeze =
  (axes: readonly number[]) =>
  (x: Value): Value => {
    const at = axes.map((a) => axisOf(x, a));
    const shape = x.type.shape.filter((_, i) => !at.includes(i));
    // Without axes ONNX squeezes every axis of size 1.
    return at.length === 0 ? x : op('Squeeze', [x, int64s(at)], valueType(x.type.dtype, shape));
  };

/** One behind the other along an axis; all other sizes are equal. */
export const concat =
  (axis: number) =>
  (values: readonly Value[]): Value => {
    const head = values[0];
    if (head === undefined) throw new GraphDefect('Concat: expects at least one value');
    if (values.length === 1) return head;
    const at = axisOf(head, axis);
    const sizes: readonly Dim[] = values.map((v) => v.type.shape[at] as Dim);
    const total: Dim = isStatic(sizes) ? sizes.reduce((n, d) => n + d, 0) : '?';
    const shape = head.type.shape.map((d, i) => (i === at ? total : d));
    return op('Concat', values, valueType(head.type.dtype, shape), { axis: int(at) });
  };

export interface SliceOptions {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  /** Exclusive; beyond the end is the end. */
  readonly ends: readonly number[];
  readonly steps?: readonly number[];
}

const sliceLength = (size: Dim, start: number, end: number, step: number): Dim => {
  if (typeof size !== 'number') return '?';
  // Backwards, the end may lie before the first element, the start may not.
  const high = step > 0 ? size : size - 1;
  const at = (i: number, low: number) => Math.min(Math.max(i < 0 ? i + size : i, low), high);
  return Math.max(0, Math.ceil((at(end, step > 0 ? 0 : -1) - at(start, 0)) / step));
};

/** A part of each of `axes`, from `starts` to `ends`, exclusive; negative ones count from the end. Default steps: 1. */
export const slice =
  (options: SliceOptions) =>
  (x: Value): Value => {
    const axes = options.axes.map((a) => axisOf(x, a));
    const steps = options.steps ?? axes.map(() => 1);
    const shape = x.type.shape.map((d, i) => {
      const k = axes.indexOf(i);
      return k < 0 ? d : sliceLength(d, options.starts[k] as number, options.ends[k] as number, steps[k] as number);
    });
    const inputs = [x, int64s(options.starts), int64s(options.ends), int64s(axes), int64s(steps)];
    return op('Slice', inputs, valueType(x.type.dtype, shape));
  };

/** Rows `start` to `end` (exclusive, both scalars or one-element int64 values) of the first axis. */
export const sliceRows = (x: Value, start: Value, end: Value): Value => {
  const vector = (v: Value) => (rank(v) === 1 ? v : reshape([1])(v));
  const shape = ['batch', ...x.type.shape.slice(1)];
  return op('Slice', [x, vector(start), vector(end), int64s([0])], valueType(x.type.dtype, shape));
};

/** `pads`: cells before each axis, then after each. */
export const pad =
  (pads: readonly number[], value = 0) =>
  (x: Value): Value => {
    const n = rank(x);
    const shape = x.type.shape.map((d, i) =>
      typeof d === 'number'
        ? d + (pads[i] as number) + (pads[i + n] as number)
        : pads[i] === 0 && pads[i + n] === 0
          ? d
          : '?',
    );
    return pads.every((p) => p === 0)
      ? x
      : op('Pad', [x, int64s(pads), scalar(value, x.type.dtype)], valueType(x.type.dtype, shape), {
          mode: text('constant'),
        });
  };
