/**
 * Samples and batches of them: whether an array has the shape that was declared, and many as one.
 */
import { concat } from '../data/Rows.ts';
import type { DType, NdArray } from '../shape/NdArray.ts';
import { type AnyShape, agree, dims, isInt, show, sized } from '../shape/Shape.ts';

/** What came, if it is not of this shape; integers may stand where numbers do, not the other way round. */
export const mismatch = (shape: AnyShape, array: NdArray<unknown>): string | undefined => {
  const whole = array.dtype !== 'bool' && !array.dtype.includes('float');
  const fits = agree(array.shape, dims(sized(shape))) && (!isInt(shape) || whole);
  return fits ? undefined : `${array.dtype === 'float32' ? '' : array.dtype}${show(array.shape)}`;
};

const as = (dtype: DType, array: NdArray<unknown>): NdArray => {
  if (array.dtype === dtype) return array as NdArray;
  const numbers = Array.from(array.data as ArrayLike<number | bigint>, Number);
  switch (dtype) {
    case 'int32':
      return { dtype, shape: array.shape, data: Int32Array.from(numbers) };
    case 'int64':
      return { dtype, shape: array.shape, data: BigInt64Array.from(numbers, BigInt) };
    case 'float64':
      return { dtype, shape: array.shape, data: Float64Array.from(numbers) };
    case 'uint8':
      return { dtype, shape: array.shape, data: Uint8Array.from(numbers) };
    default:
      return { dtype: 'float32', shape: array.shape, data: Float32Array.from(numbers) };
  }
};

/** One row for each, in their order; all are of one shape. */
export const stack = (dtype: DType, arrays: readonly NdArray<unknown>[]): NdArray =>
  concat(arrays.map((array) => ({ ...as(dtype, array), shape: [1, ...array.shape] })));
