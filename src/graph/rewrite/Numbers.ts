/**
 * Arrays of numbers, whatever their element type: what constants are computed with.
 *
 * Law: `toArray(dtype)(fromArray(a))` is `a` for every `a` of that type whose numbers a float64 holds (int64 up to 2^53).
 */

import { fromBits, isHalf, toBits } from '../../shape/Half.ts';
import type { DType, NdArray, TypedArray } from '../../shape/NdArray.ts';
import { sizeOf } from '../../shape/Strided.ts';

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export { sizeOf };

export const fromArray = ({ dtype, shape, data }: NdArray): Numbers => ({
  shape,
  data: isHalf(dtype)
    ? Float64Array.from(data as Uint16Array, fromBits(dtype))
    : data instanceof BigInt64Array
      ? Float64Array.from(data, Number)
      : new Float64Array(data),
});

const stored = (dtype: DType, data: Float64Array): TypedArray => {
  switch (dtype) {
    case 'float32':
      return new Float32Array(data);
    case 'float64':
      return data;
    case 'float16':
    case 'bfloat16':
      return Uint16Array.from(data, toBits(dtype));
    case 'int32':
      return new Int32Array(data);
    case 'int64':
      return BigInt64Array.from(data, (x) => BigInt(Math.trunc(x)));
    case 'uint32':
      return new Uint32Array(data);
    case 'uint8':
      return new Uint8Array(data);
    case 'bool':
      return Uint8Array.from(data, (x) => (x === 0 ? 0 : 1));
  }
};

/** Rounded to the element type. */
export const toArray =
  (dtype: DType) =>
  ({ shape, data }: Numbers): NdArray => ({ dtype, shape, data: stored(dtype, data) });

/** For each element along `axis`, of a tensor: how many lie before it, the axis, and after it. */
export const around = (shape: readonly number[], axis: number): readonly [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] ?? 1,
  sizeOf(shape.slice(axis + 1)),
];

/** A function of each element and its index along an axis. */
export const alongAxis =
  (axis: number, f: (x: number, i: number) => number) =>
  ({ shape, data }: Numbers): Numbers => {
    const [, n, inner] = around(shape, axis);
    return { shape, data: data.map((x, at) => f(x, Math.floor(at / inner) % n)) };
  };
