/**
 * Dense arrays of numbers with a shape: what goes into a model and what comes out.
 *
 * The type parameter is the shape the compiler knows (`NdArray<[32, 784]>`, `NdArray<Int<[32]>>`); `shape` is its
 * run-time value. The data is flat, row-major, and is never written to by this library.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { AnyShape, Int, Shape } from './Shape.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * Element types. `bool` is one byte an element, 0 or 1; `int64` data are bigints; the 16-bit floats are their bits (see
 * `Half.ts`), and are met inside of graphs only.
 */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'uint8' | 'uint32' | 'bool';

/** Whether numbers of the type have fractions: such values have gradients. */
export const isFloating = (dtype: DType): boolean => dtype.includes('float');

interface Storage {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly float16: Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly uint32: Uint32Array;
  readonly bool: Uint8Array;
}

export type TypedArray = Storage[DType];

export interface NdArray<S = AnyShape> {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
  /** Phantom: the shape as the compiler knows it. Never present at run time. */
  readonly '~shape'?: S;
}

/** Why an array could not be made. */
export interface ArrayError {
  readonly _tag: 'ArrayError';
  /** What was expected, what came, and where. */
  readonly message: string;
}

/** Arrays in arrays, as deep as the rank: `[[1, 2], [3, 4]]`. */
export type Nested<A> = A | readonly Nested<A>[];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

const failed = (message: string): E.Either<ArrayError, never> => E.left({ _tag: 'ArrayError', message });

/** The element type that a typed array stands for; a `Uint8Array` is `uint8`, a `Uint16Array` the bits of `float16`. */
export const dtypeOfData = (data: TypedArray): DType =>
  data instanceof Float32Array
    ? 'float32'
    : data instanceof Float64Array
      ? 'float64'
      : data instanceof Int32Array
        ? 'int32'
        : data instanceof BigInt64Array
          ? 'int64'
          : data instanceof Uint32Array
            ? 'uint32'
            : data instanceof Uint16Array
              ? 'float16'
              : 'uint8';

const make = <S>(dtype: DType, shape: readonly number[], data: TypedArray): E.Either<ArrayError, NdArray<S>> => {
  const bad = shape.findIndex((d) => !Number.isSafeInteger(d) || d < 0);
  if (bad >= 0) return failed(`${dtype}: size ${shape[bad]} of axis ${bad} is not an integer of 0 or more`);
  const expected = shape.reduce((a, b) => a * b, 1);
  return data.length === expected
    ? E.right({ dtype, shape: [...shape], data })
    : failed(`${dtype}: [${shape.join(',')}] holds ${expected} numbers, got ${data.length}`);
};

type Sizes<S extends readonly number[]> = number extends S['length'] ? Shape : [...S];

/**
 * An array around data that is there already; it is not copied and must not be changed afterwards. The element type is that
 * of the typed array.
 *
 * @example
 * fromArray([2, 3], new Float32Array(6))     // Either<ArrayError, NdArray<[2, 3]>>
 */
export const fromArray = <const S extends readonly number[], D extends TypedArray>(
  shape: S,
  data: D,
): E.Either<ArrayError, NdArray<D extends Int32Array ? Int<Sizes<S>> : Sizes<S>>> =>
  make(dtypeOfData(data), shape, data);

/** Numbers as float32. A `Float32Array` is not copied. */
export const float32 = <const S extends readonly number[]>(
  shape: S,
  data: ArrayLike<number>,
): E.Either<ArrayError, NdArray<Sizes<S>>> =>
  make('float32', shape, data instanceof Float32Array ? data : Float32Array.from(data));

const integers = <S>(
  dtype: 'int32' | 'uint8',
  [least, most]: readonly [number, number],
  shape: readonly number[],
  data: ArrayLike<number>,
): E.Either<ArrayError, NdArray<S>> => {
  for (let i = 0; i < data.length; i++) {
    const n = data[i] ?? Number.NaN;
    if (!Number.isInteger(n) || n < least || n > most)
      return failed(`${dtype}: expects integers from ${least} to ${most}, got ${n} at index ${i}`);
  }
  return make(dtype, shape, dtype === 'int32' ? Int32Array.from(data) : Uint8Array.from(data));
};

/** Integers: labels, tokens. Fractions and numbers that do not fit are refused. An `Int32Array` is not copied. */
export const int32 = <const S extends readonly number[]>(
  shape: S,
  data: ArrayLike<number>,
): E.Either<ArrayError, NdArray<Int<Sizes<S>>>> =>
  data instanceof Int32Array ? make('int32', shape, data) : integers('int32', [-2147483648, 2147483647], shape, data);

/** Bytes: pixels. What is not an integer of 0 to 255 is refused. A `Uint8Array` is not copied. */
export const uint8 = <const S extends readonly number[]>(
  shape: S,
  data: ArrayLike<number>,
): E.Either<ArrayError, NdArray<Sizes<S>>> =>
  data instanceof Uint8Array ? make('uint8', shape, data) : integers('uint8', [0, 255], shape, data);

const isArray = (x: Nested<number>): x is readonly Nested<number>[] => Array.isArray(x);

/** The sizes along the first element of each level. */
const nestedShape = (x: Nested<number>): readonly number[] =>
  isArray(x) ? [x.length, ...(x[0] === undefined ? [] : nestedShape(x[0]))] : [];

/** The numbers in order, or where the nesting departs from `shape`. */
const flattened = (x: Nested<number>, shape: readonly number[], path: string, out: number[]): string | undefined => {
  const [size, ...rest] = shape;
  const here = path === '' ? 'the whole' : path;
  if (!isArray(x)) {
    if (size !== undefined) return `expects ${here} to be an array of ${size}, got a number`;
    out.push(x);
    return undefined;
  }
  if (size === undefined) return `expects ${here} to be a number, got an array of ${x.length}`;
  if (x.length !== size) return `expects ${here} to have ${size} elements, got ${x.length}`;
  for (let i = 0; i < x.length; i++) {
    const bad = flattened(x[i] ?? [], rest, `${path}[${i}]`, out);
    if (bad !== undefined) return bad;
  }
  return undefined;
};

/**
 * Arrays in arrays as float32: `fromNested([[1, 2], [3, 4]])` is `[2, 2]`. What is ragged is refused, with its place. The
 * shape's type is unknown; give it as the type argument where it is known.
 */
export const fromNested = <S extends Shape = Shape>(nested: Nested<number>): E.Either<ArrayError, NdArray<S>> => {
  const shape = nestedShape(nested);
  const out: number[] = [];
  const bad = flattened(nested, shape, '', out);
  return bad === undefined ? make('float32', shape, Float32Array.from(out)) : failed(`fromNested: ${bad}`);
};

// -------------------------------------------------------------------------------------
// destructors
// -------------------------------------------------------------------------------------

/** How many numbers it holds. */
export const size = (x: NdArray<unknown>): number => x.shape.reduce((a, b) => a * b, 1);

/** Arrays in arrays, as deep as the rank; a rank of 0 is a number alone. */
export const toNested = (x: NdArray<unknown>): Nested<number | bigint> => {
  const at = (axis: number, offset: number): Nested<number | bigint> => {
    const n = x.shape[axis];
    if (n === undefined) return x.data[offset] ?? 0;
    const stride = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    return Array.from({ length: n }, (_, i) => at(axis + 1, offset + i * stride));
  };
  return at(0, 0);
};

// -------------------------------------------------------------------------------------
// combinators
// -------------------------------------------------------------------------------------

/** The first axis with a length not known now. */
export type Rows<S> = S extends readonly [unknown, ...infer R]
  ? [number, ...R]
  : S extends Int<infer T>
    ? T extends readonly [unknown, ...infer R extends Shape]
      ? Int<[number, ...R]>
      : Int<Shape>
    : Shape;

const rowLength = (x: NdArray<unknown>): number => x.shape.slice(1).reduce((a, b) => a * b, 1);

/**
 * Some consecutive rows, that is elements along the first axis, without copying. `start` and `end` (exclusive) are clamped
 * and count from the end when negative, as in `Array.slice`. A rank of 0 stays as it is.
 */
export const slice =
  (start: number, end?: number) =>
  <S>(x: NdArray<S>): NdArray<Rows<S>> => {
    const [n] = x.shape;
    if (n === undefined) return { dtype: x.dtype, shape: x.shape, data: x.data };
    const clamp = (i: number): number => Math.min(n, Math.max(0, i < 0 ? n + i : i));
    const from = clamp(start);
    const to = Math.max(from, clamp(end ?? n));
    const row = rowLength(x);
    return { dtype: x.dtype, shape: [to - from, ...x.shape.slice(1)], data: x.data.subarray(from * row, to * row) };
  };

/** The rows of these indices, in this order, as a copy. Indices outside the first axis are refused. */
export const rows =
  (indices: readonly number[]) =>
  <S>(x: NdArray<S>): E.Either<ArrayError, NdArray<Rows<S>>> => {
    const n = x.shape[0] ?? 0;
    const bad = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= n);
    if (bad !== undefined) return failed(`rows: index ${bad} is not in an array of ${n} rows`);
    const row = rowLength(x);
    const copy = <D extends TypedArray>(from: D, to: D): D => {
      indices.forEach((i, k) => {
        to.set(from.subarray(i * row, (i + 1) * row) as never, k * row);
      });
      return to;
    };
    const data = copy(x.data, emptyLike(x.data, indices.length * row));
    return E.right({ dtype: x.dtype, shape: [indices.length, ...x.shape.slice(1)], data });
  };

const emptyLike = (data: TypedArray, length: number): TypedArray =>
  data instanceof Float32Array
    ? new Float32Array(length)
    : data instanceof Float64Array
      ? new Float64Array(length)
      : data instanceof Int32Array
        ? new Int32Array(length)
        : data instanceof BigInt64Array
          ? new BigInt64Array(length)
          : data instanceof Uint32Array
            ? new Uint32Array(length)
            : data instanceof Uint16Array
              ? new Uint16Array(length)
              : new Uint8Array(length);
