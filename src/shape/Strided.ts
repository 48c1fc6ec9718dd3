/**
 * Elements of an array in another order: along axes with strides of their own.
 */

/** How many elements a shape has. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Of an array whose elements lie in the order of its indices. */
export const stridesOf = (shape: readonly number[]): readonly number[] =>
  shape.map((_, i) => sizeOf(shape.slice(i + 1)));

/** For each element of `shape` in order, the index that the strides lead to. */
export const walk = (shape: readonly number[], strides: readonly number[], start = 0): Int32Array => {
  const out = new Int32Array(sizeOf(shape));
  const at = shape.map(() => 0);
  let from = start;
  for (let i = 0; i < out.length; i++) {
    out[i] = from;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 1)) {
        at[axis] = next;
        break;
      }
      from -= (strides[axis] ?? 0) * next;
      at[axis] = 0;
    }
  }
  return out;
};
