import type { Dim } from '../../shape/Shape.ts';
import { int64s } from '../Constants.ts';
import type { Value } from '../Graph.ts';
import { valueType } from '../Graph.ts';
import { axisOf, int, op } from './node.ts';

// -------------------------------------------------------------------------------------
// reductions
// -------------------------------------------------------------------------------------

export interface ReduceOptions {
  /** Default: all. */
  readonly axes?: readonly number[];
  /** Whether reduced axes stay, with size 1. Default false. */
  readonly keepDims?: boolean;
}

const reduction =
  (name: string) =>
  (options: ReduceOptions = {}) =>
  (x: Value): Value => {
    const axes = (options.axes ?? x.type.shape.map((_, i) => i)).map((a) => axisOf(x, a));
    const keep = options.keepDims ?? false;
    const shape = x.type.shape.flatMap((d, i): readonly Dim[] => (axes.includes(i) ? (keep ? [1] : []) : [d]));
    return axes.length === 0
      ? x
      : op(name, [x, int64s(axes)], valueType(x.type.dtype, shape), { keepdims: int(keep ? 1 : 0) });
  };

/** The sum along axes: `reduceSum({ axes: [-1] })(x)`; without axes of all elements, to a scalar. */
export const reduceSum = reduction('ReduceSum');
/** The mean along axes; without axes of all elements. */
export const reduceMean = reduction('ReduceMean');
/** The largest along axes; without axes of all elements. */
export const reduceMax = reduction('ReduceMax');
/** The smallest along axes; without axes of all elements. */
export const reduceMin = reduction('ReduceMin');
/** The product along axes; without axes of all elements. */
export const reduceProd = reduction('ReduceProd');

/** Index of the largest element along an axis, the first of equals. */
export const argMax =
  (axis: number, keepDims = false) =>
  (x: Value): Value => {
    const at = axisOf(x, axis);
    const shape = x.type.shape.flatMap((d, i): readonly Dim[] => (i === at ? (keepDims ? [1] : []) : [d]));
    return op('ArgMax', [x], valueType('int64', shape), { axis: int(at), keepdims: int(keepDims ? 1 : 0) });
  };
