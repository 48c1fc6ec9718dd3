/** Random data: the same for the same seed. */

/** Uniform in [0, 1); the values do not matter, only that they are neither constant nor denormal. */
export const noise = (n: number, seed = 1): Float32Array<ArrayBuffer> => {
  const values = new Float32Array(n);
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32;
  }
  return values;
};

export const integers = (n: number, below: number, seed = 1): Int32Array<ArrayBuffer> => {
  const [values, random] = [new Int32Array(n), noise(n, seed)];
  for (let i = 0; i < n; i++) values[i] = Math.min(below - 1, Math.floor(below * (random[i] ?? 0)));
  return values;
};
