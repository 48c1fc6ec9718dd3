/**
 * Random matrices with orthonormal columns or rows, the same on every machine: only sums, products, quotients and square
 * roots of float64, whose rounding IEEE 754 fixes.
 */

/** Takes from `v` its parts along the unit vectors before it. */
const orthogonalise = (v: Float64Array, before: readonly Float64Array[]): void => {
  for (const u of before) {
    let along = 0;
    for (let i = 0; i < v.length; i++) along += (u[i] as number) * (v[i] as number);
    for (let i = 0; i < v.length; i++) v[i] = (v[i] as number) - along * (u[i] as number);
  }
};

const norm = (v: Float64Array): number => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

/**
 * Row-major `[rows, columns]`: the Q of the QR decomposition of normal numbers with R's diagonal positive (uniform among
 * orthogonal matrices), by Gram and Schmidt's method. It is done twice for each vector, after which Q is orthogonal to the
 * last bits. With more columns than rows the transpose.
 */
export const orthogonalMatrix = (rows: number, columns: number, normal: () => number): Float64Array => {
  const [long, short] = [Math.max(rows, columns), Math.min(rows, columns)];
  const drawn = Float64Array.from({ length: long * short }, normal);
  const units: Float64Array[] = [];
  for (let c = 0; c < short; c++) {
    const v = Float64Array.from({ length: long }, (_, r) => drawn[r * short + c] as number);
    orthogonalise(v, units);
    orthogonalise(v, units);
    const length = norm(v);
    units.push(v.map((x) => x / length));
  }
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    return (rows >= columns ? units[c]?.[r] : units[r]?.[c]) ?? 0;
  });
};
