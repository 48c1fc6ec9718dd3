/**
 * Random matrices with orthonormal columns or rows, the same on every machine: only sums, products, quotients and square
 * roots of float64, whose rounding IEEE 754 fixes.
 */

/** Takes from `v` its parts along the unit vectors before it, four at a time: each number is fetched and put back once for them. */
const orthogonalise = (v: Float64Array, before: readonly Float64Array[]): void => {
  const none = new Float64Array(v.length);
  for (let k = 0; k < before.length; k += 4) {
    const [a = none, b = none, c = none, d = none] = before.slice(k, k + 4);
    let [alongA, alongB, alongC, alongD] = [0, 0, 0, 0];
    for (let i = 0; i < v.length; i++) {
      const x = v[i] as number;
      alongA += (a[i] as number) * x;
      alongB += (b[i] as number) * x;
      alongC += (c[i] as number) * x;
      alongD += (d[i] as number) * x;
    }
    for (let i = 0; i < v.length; i++)
      v[i] =
        (v[i] as number) -
        (alongA * (a[i] as number) +
          alongB * (b[i] as number) +
          (alongC * (c[i] as number) + alongD * (d[i] as number)));
  }
};

const norm = (v: Float64Array): number => {
  let squares = 0;
  for (let i = 0; i < v.length; i++) squares += (v[i] as number) * (v[i] as number);
  return Math.sqrt(squares);
};

/**
 * Row-major `[rows, columns]`: the Q of the QR decomposition of the numbers drawn with R's diagonal positive (of normal numbers
 * it is uniform among orthogonal matrices), by Gram and Schmidt's method. It is done again for a vector of which less than a
 * tenth is left (Rutishauser 1967), after which Q is orthogonal but for the last bits. With more columns than rows the transpose.
 */
export const orthogonalMatrix = (rows: number, columns: number, drawn: ArrayLike<number>): Float64Array => {
  const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
  const [along, across] = rows >= columns ? [columns, 1] : [1, columns];
  const out = new Float64Array(rows * columns);
  const units: Float64Array[] = [];
  for (let c = 0; c < short; c++) {
    const v = new Float64Array(long);
    for (let r = 0; r < long; r++) v[r] = drawn[r * short + c] as number;
    const whole = norm(v);
    orthogonalise(v, units);
    if (norm(v) < whole / 10) orthogonalise(v, units);
    const length = norm(v);
    for (let r = 0; r < long; r++) {
      v[r] = (v[r] as number) / length;
      out[r * along + c * across] = v[r] as number;
    }
    units.push(v);
  }
  return out;
};
