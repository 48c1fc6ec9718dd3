/** Reproducible random numbers from a seed (mulberry32). */
import type { NdArray } from '../../src/shape/NdArray.ts';

export interface Random {
  readonly next: () => number;
  /** An integer from `low` to `high`, both inclusive. */
  readonly int: (low: number, high: number) => number;
  readonly bool: () => boolean;
  readonly floats: (n: number, low: number, high: number) => readonly number[];
  readonly shuffle: <A>(all: readonly A[]) => readonly A[];
  /** Uniform in [low, high). */
  readonly array: (shape: readonly number[], low?: number, high?: number) => NdArray;
  readonly array32: (shape: readonly number[], low?: number, high?: number) => NdArray;
  /** Different numbers, each at least 0.1 from the others and 0.05 from 0, plus `offset`. */
  readonly distinct: (shape: readonly number[], offset?: number) => NdArray;
  readonly distinct32: (shape: readonly number[], offset?: number) => NdArray;
  readonly integers: (shape: readonly number[], low: number, high: number) => NdArray;
}

export const size = (shape: readonly number[]): number => shape.reduce((p, d) => p * d, 1);

export const f64 = (values: readonly number[], shape: readonly number[]): NdArray => ({
  dtype: 'float64',
  shape,
  data: Float64Array.from(values),
});

export const i64 = (values: readonly number[], shape: readonly number[]): NdArray => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

export const randomFrom = (seed: number): Random => {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const floats = (n: number, low: number, high: number) => Array.from({ length: n }, () => low + next() * (high - low));
  const shuffle = <A>(all: readonly A[]): readonly A[] =>
    all
      .map((a) => [next(), a] as const)
      .sort(([p], [q]) => p - q)
      .map(([, a]) => a);
  const array = (shape: readonly number[], low = -1.5, high = 1.5) => f64(floats(size(shape), low, high), shape);
  const distinct = (shape: readonly number[], offset = 0) => {
    const n = size(shape);
    const all = Array.from({ length: n }, (_, i) => (i - Math.floor(n / 2)) * 0.1 + 0.05 + offset);
    return f64(shuffle(all), shape);
  };
  const in32 = ({ shape, data }: NdArray): NdArray => ({
    dtype: 'float32',
    shape,
    data: Float32Array.from(data as Float64Array),
  });
  return {
    next,
    int,
    bool: () => next() < 0.5,
    floats,
    shuffle,
    array,
    array32: (shape, low = -1.5, high = 1.5) => in32(array(shape, low, high)),
    distinct,
    distinct32: (shape, offset = 0) => in32(distinct(shape, offset)),
    integers: (shape, low, high) =>
      i64(
        Array.from({ length: size(shape) }, () => int(low, high)),
        shape,
      ),
  };
};
