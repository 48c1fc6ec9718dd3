/**
 * Constant values: scalars, index vectors and tensors.
 */
import { toBits } from '../shape/Half.ts';
import type { DType, NdArray, TypedArray } from '../shape/NdArray.ts';
import { constant, type Value, type ValueType } from './Graph.ts';

/** Ill-typed use of an operator: a defect of the lowering or rule that used it, never of a user's data. */
export class GraphDefect extends Error {
  override readonly name = 'GraphDefect';
}

const show = (t: ValueType): string => `${t.dtype}[${t.shape.join(',')}]`;

export const dtypeDefect = (operator: string, a: ValueType, b: ValueType): GraphDefect =>
  new GraphDefect(`${operator}: cannot combine ${show(a)} and ${show(b)}`);

const typed = (values: readonly number[], dtype: DType): TypedArray => {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'float16':
    case 'bfloat16':
      return Uint16Array.from(values, toBits(dtype));
    case 'int32':
      return Int32Array.from(values);
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    case 'uint32':
      return Uint32Array.from(values);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values);
  }
};

const array = (values: readonly number[], shape: readonly number[], dtype: DType): NdArray => ({
  dtype,
  shape,
  data: typed(values, dtype),
});

/** A constant of these numbers, row after row. */
export const tensor = (values: readonly number[], shape: readonly number[], dtype: DType): Value =>
  constant(array(values, shape, dtype));

/** A constant of rank 0. */
export const scalar = (value: number, dtype: DType): Value => tensor([value], [], dtype);

/** So many vectors are remembered at most. */
const most = 4096;

/** Vectors of int64 by their numbers. A third of the nodes of a training graph would be such vectors, of which there are few. */
const vectors = new Map<string, Value>();

/** A vector of int64: axes, shapes, indices. Equal ones are one node. */
export const int64s = (values: readonly number[]): Value => {
  const key = values.join();
  const known = vectors.get(key);
  if (known !== undefined) return known;
  const made = tensor(values, [values.length], 'int64');
  if (vectors.size === most) vectors.clear();
  vectors.set(key, made);
  return made;
};
