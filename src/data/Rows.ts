/**
 * Rows of an array: axis 0 taken apart and put together again, whatever the element type. Nothing here copies where a
 * view will do, and nothing writes to its arguments.
 */
import type { DType, NdArray, TypedArray } from '../shape/NdArray.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

export const rowCount = (array: NdArray<unknown>): number => array.shape[0] ?? 0;

/** Elements of one row. */
export const rowWidth = (array: NdArray<unknown>): number => array.shape.slice(1).reduce((a, b) => a * b, 1);

const allocate = (dtype: DType, n: number): TypedArray => {
  switch (dtype) {
    case 'float32':
      return new Float32Array(n);
    case 'float64':
      return new Float64Array(n);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(n);
    case 'int32':
      return new Int32Array(n);
    case 'int64':
      return new BigInt64Array(n);
    case 'uint32':
      return new Uint32Array(n);
    case 'uint8':
    case 'bool':
      return new Uint8Array(n);
  }
};

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** Rows `from` to `to`, exclusive: a view of the same memory. */
export const between = (array: NdArray<unknown>, from: number, to: number): NdArray => {
  const width = rowWidth(array);
  return {
    dtype: array.dtype,
    shape: [to - from, ...array.shape.slice(1)],
    data: array.data.subarray(from * width, to * width),
  };
};

/** The rows with these indices, in this order. */
export const gather = (array: NdArray<unknown>, indices: ArrayLike<number>): NdArray => {
  const width = rowWidth(array);
  const data = allocate(array.dtype, indices.length * width);
  const size = width * data.BYTES_PER_ELEMENT;
  const source = bytesOf(array.data);
  const target = bytesOf(data);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i] ?? 0;
    target.set(source.subarray(row * size, (row + 1) * size), i * size);
  }
  return { dtype: array.dtype, shape: [indices.length, ...array.shape.slice(1)], data };
};

/** The rows of all, one array at least; element type and row shape are those of the first. */
export const concat = (arrays: readonly NdArray<unknown>[]): NdArray => {
  const [dtype, row] = [arrays[0]?.dtype ?? 'float32', arrays[0]?.shape.slice(1) ?? []];
  const sizes = arrays.map((a) => a.data.length);
  const data = allocate(
    dtype,
    sizes.reduce((a, b) => a + b, 0),
  );
  const target = bytesOf(data);
  let at = 0;
  for (const array of arrays) {
    target.set(bytesOf(array.data), at);
    at += array.data.byteLength;
  }
  return { dtype, shape: [arrays.reduce((n, a) => n + rowCount(a), 0), ...row], data };
};

/** The rows of both; element type and row shape are those of the first. */
export const append = (first: NdArray<unknown>, second: NdArray<unknown>): NdArray => concat([first, second]);
