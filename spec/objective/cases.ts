/**
 * The golden cases (spec/golden/README.md) as arrays, and the comparison with the tolerance of each.
 */
import { readFileSync } from 'node:fs';
import type { DType, NdArray } from '../../src/shape/NdArray.ts';

export type Scalar = number | boolean | string;

export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly Scalar[];
}

export interface Case<I, X> {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly inputs: I;
  readonly expected: X;
  readonly tolerance: { readonly rtol: number; readonly atol: number };
}

const file = new URL('../golden/keras-goldens.json', import.meta.url);

const read = <I, X>(): readonly Case<I, X>[] => JSON.parse(readFileSync(file, 'utf8')).cases;

export const goldens = <I, X>(kind: string, names: readonly string[]): readonly Case<I, X>[] =>
  read<I, X>().filter((c) => c.kind === kind && names.includes(c.name));

/** All names of a kind, sorted. */
export const namesOf = (kind: string): readonly string[] =>
  [...new Set(read().flatMap((c) => (c.kind === kind ? [c.name] : [])))].sort();

/** "NaN", "Infinity" and "-Infinity" are written as text. */
export const numbers = (t: Tensor): number[] => t.data.map(Number);

export const array = (t: Tensor, dtype: DType = 'float32'): NdArray => ({
  dtype,
  shape: t.shape,
  data: dtype === 'int32' ? Int32Array.from(numbers(t)) : Float32Array.from(numbers(t)),
});

/** The first number that is further away than the tolerance allows. */
export const mismatch = (
  got: ArrayLike<number>,
  expected: readonly number[],
  { rtol, atol }: { readonly rtol: number; readonly atol: number },
): string | undefined => {
  if (got.length !== expected.length) return `${got.length} numbers instead of ${expected.length}`;
  const at = expected.findIndex((e, i) => {
    const g = got[i] as number;
    return !(Object.is(g, e) || g === e || Math.abs(g - e) <= atol + rtol * Math.abs(e));
  });
  return at < 0 ? undefined : `[${at}]: ${got[at]} instead of ${expected[at]}`;
};
