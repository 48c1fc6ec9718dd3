/**
 * Numbers on their way into a data set: a sample shape, an element type, and the data as the caller has them.
 *
 * `floats`, `ints` and `bytes` only describe; `dataset` checks. The shape is that of ONE SAMPLE, without the batch, and
 * the compiler keeps it: `floats([875], rows)` is a `Samples<[875]>`, `ints([], labels)` a `Samples<Int<[]>>`.
 */
import * as E from 'fp-ts/lib/Either.js';
import type { NdArray, TypedArray } from '../shape/NdArray.ts';
import type { AnyShape, Dim, Int, Shape } from '../shape/Shape.ts';
import { elements, show } from '../shape/Shape.ts';
import type { DataError } from './DataError.ts';
import { elementCount, empty, invalidNumber, invalidShape, rowLength, shapeMismatch } from './DataError.ts';

// -------------------------------------------------------------------------------------
// model
// -------------------------------------------------------------------------------------

/**
 * Where numbers may come from: one flat array of all samples, one flat array for each sample, or an `NdArray` with
 * the samples on axis 0. Arrays that have the right element type already are used as they are, not copied: do not
 * write to them afterwards.
 */
export type Numbers = NdArray | TypedArray | readonly number[] | readonly ArrayLike<number>[];

type Kind = 'float32' | 'int32' | 'uint8';

export interface Samples<S extends AnyShape> {
  readonly _tag: 'Samples';
  readonly dtype: Kind;
  /** Of one sample. A name stands for a size that the data tell. */
  readonly shape: Shape;
  readonly data: Numbers;
  /** Phantom: the sample shape as the compiler knows it. Never present at run time. */
  readonly '~shape'?: S;
}

/** A list of dimensions of unknown length is a shape of unknown rank; a tuple loses its `readonly`. */
type Known<S extends Shape> = number extends S['length'] ? Shape : [...S];

// -------------------------------------------------------------------------------------
// constructors
// -------------------------------------------------------------------------------------

/**
 * float32 samples; float64 numbers are rounded. Refused: NaN, infinities, and numbers above 3.4e38.
 *
 * @example
 * floats([3], [[1, 2, 3], [4, 5, 6]])           // Samples<[3]>, 2 samples
 * floats([1, 28, 28], new Float32Array(7840))   // Samples<[1, 28, 28]>, 10 samples
 */
export const floats = <const S extends Shape>(shape: S, data: Numbers): Samples<Known<S>> => ({
  _tag: 'Samples',
  dtype: 'float32',
  shape,
  data,
});

/**
 * Labels and tokens: int32. `ints([], [3, 1, 4])` is one label a sample. Refused: fractions, numbers beyond 32 bits.
 */
export const ints = <const S extends Shape>(shape: S, data: Numbers): Samples<Int<Known<S>>> => ({
  _tag: 'Samples',
  dtype: 'int32',
  shape,
  data,
});

/**
 * Images and the like as bytes from 0 to 255, kept as bytes: a quarter of the memory of floats. To the model they are
 * floats of the same values: training turns each batch into float32. They are not scaled; the first layer may do it
 * (`rescaling(1 / 255)`).
 */
export const bytes = <const S extends Shape>(shape: S, data: Numbers): Samples<Known<S>> => ({
  _tag: 'Samples',
  dtype: 'uint8',
  shape,
  data,
});

// -------------------------------------------------------------------------------------
// checks
// -------------------------------------------------------------------------------------

/** The data as a list of numbers with, where the caller's form tells it, the shape of a sample. */
interface Flat {
  readonly length: number;
  readonly at: (i: number) => number;
  readonly whole: TypedArray | undefined;
  readonly sample: readonly number[] | undefined;
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

const isNdArray = (data: Numbers): data is NdArray => 'dtype' in data;

const isTyped = (data: TypedArray | readonly unknown[]): data is TypedArray => ArrayBuffer.isView(data);

const isRows = (data: readonly number[] | readonly ArrayLike<number>[]): data is readonly ArrayLike<number>[] =>
  typeof data[0] === 'object';

const ofTyped = (data: TypedArray, sample: readonly number[] | undefined): Flat => ({
  length: data.length,
  at: (i) => Number(data[i]),
  whole: data,
  sample,
});

const ofNdArray = (part: string, array: NdArray): E.Either<DataError, Flat> =>
  array.shape.length === 0 || product(array.shape) !== array.data.length
    ? E.left(
        shapeMismatch(
          part,
          'an array with the samples on axis 0 and as many elements as its shape says',
          `shape ${show(array.shape)} and ${array.data.length} elements`,
          'the shape of an NdArray is that of its data',
        ),
      )
    : E.right(ofTyped(array.data, array.shape.slice(1)));

const ofRows = (
  part: string,
  rows: readonly ArrayLike<number>[],
  expected: number | undefined,
): E.Either<DataError, Flat> => {
  const width = expected ?? rows[0]?.length ?? 0;
  const odd = rows.findIndex((row) => row?.length !== width);
  return odd >= 0
    ? E.left(rowLength(part, odd, width, rows[odd]?.length ?? 0))
    : E.right({
        length: rows.length * width,
        at: (i) => Number(rows[Math.floor(i / width)]?.[i % width]),
        whole: undefined,
        sample: [width],
      });
};

const flatten = (part: string, data: Numbers, perSample: number | undefined): E.Either<DataError, Flat> =>
  isNdArray(data)
    ? ofNdArray(part, data)
    : isTyped(data)
      ? E.right(ofTyped(data, undefined))
      : isRows(data)
        ? ofRows(part, data, perSample)
        : E.right({ length: data.length, at: (i) => Number(data[i]), whole: undefined, sample: undefined });

/** Puts sizes in place of names: from an NdArray axis by axis, from rows where one name is left to find. */
const resolve = (part: string, shape: Shape, flat: Flat): E.Either<DataError, readonly number[]> => {
  const known = shape.filter((dim) => typeof dim === 'number');
  if (known.length === shape.length) {
    const actual = flat.sample;
    return actual !== undefined && product(actual) !== product(known)
      ? E.left(shapeMismatch(part, `samples of shape ${show(shape)}`, `samples of shape ${show(actual)}`, mendShape))
      : E.right(known);
  }
  const { sample } = flat;
  if (sample === undefined) {
    return E.left(
      invalidShape(part, shape, 'flat data do not tell the size of a named dimension; give rows or an NdArray'),
    );
  }
  const agrees = (dim: Dim, i: number): boolean => typeof dim === 'string' || dim === sample[i];
  if (sample.length === shape.length && shape.every(agrees)) return E.right(sample);
  const size = product(sample) / product(known);
  return known.length === shape.length - 1 && Number.isInteger(size)
    ? E.right(shape.map((dim) => (typeof dim === 'number' ? dim : size)))
    : E.left(shapeMismatch(part, `samples of shape ${show(shape)}`, `samples of shape ${show(sample)}`, mendShape));
};

const mendShape = 'the shape given is that of one sample, without the batch';

const kinds = {
  float32: {
    allocate: (n: number) => new Float32Array(n),
    accepts: (x: number) => Number.isFinite(Math.fround(x)),
    isDone: (data: TypedArray | undefined) => (data instanceof Float32Array ? data : undefined),
    needsNoScan: false,
    expected: 'a finite float32',
    mend: 'remove such samples or fill the gaps before making the data set',
  },
  int32: {
    allocate: (n: number) => new Int32Array(n),
    accepts: (x: number) => x === (x | 0),
    isDone: (data: TypedArray | undefined) => (data instanceof Int32Array ? data : undefined),
    needsNoScan: true,
    expected: 'a 32-bit integer',
    mend: 'labels and tokens are integers; use `floats` for other numbers',
  },
  uint8: {
    allocate: (n: number) => new Uint8Array(n),
    accepts: (x: number) => x === (x & 255),
    isDone: (data: TypedArray | undefined) => (data instanceof Uint8Array ? data : undefined),
    needsNoScan: true,
    expected: 'an integer from 0 to 255',
    mend: 'use `floats` for other numbers',
  },
} as const;

const convert = (part: string, dtype: Kind, shape: readonly number[], flat: Flat): E.Either<DataError, NdArray> => {
  const kind = kinds[dtype];
  const width = product(shape);
  const full = [flat.length / width, ...shape];
  const done = kind.isDone(flat.whole);
  if (done !== undefined && kind.needsNoScan) return E.right({ dtype, shape: full, data: done });
  const data = done ?? kind.allocate(flat.length);
  let first = -1;
  let count = 0;
  for (let i = 0; i < flat.length; i++) {
    const x = flat.at(i);
    if (!kind.accepts(x)) {
      first = first < 0 ? i : first;
      count++;
    } else if (done === undefined) data[i] = x;
  }
  return count === 0
    ? E.right({ dtype, shape: full, data })
    : E.left(
        invalidNumber(
          part,
          { sample: Math.floor(first / width), feature: first % width },
          flat.at(first),
          count,
          kind.expected,
          kind.mend,
        ),
      );
};

const isDim = (dim: Dim): boolean => typeof dim === 'string' || (Number.isInteger(dim) && dim > 0);

/** The array of all samples, checked: shape, element count, every number. `part` names it in errors. */
export const check = (part: string, { dtype, shape, data }: Samples<AnyShape>): E.Either<DataError, NdArray> => {
  if (!shape.every(isDim)) return E.left(invalidShape(part, shape, 'sizes are positive integers'));
  const flat = flatten(part, data, elements(shape));
  if (E.isLeft(flat)) return flat;
  if (flat.right.length === 0) return E.left(empty(part, 'sample'));
  const sizes = resolve(part, shape, flat.right);
  if (E.isLeft(sizes)) return sizes;
  const width = product(sizes.right);
  return flat.right.length % width === 0
    ? convert(part, dtype, sizes.right, flat.right)
    : E.left(elementCount(part, shape, width, flat.right.length));
};
